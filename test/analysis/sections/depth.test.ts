import { expect, it } from 'vitest';
import { randomNumbers } from '../../../extension/analysis/random.ts';
import { depthSection } from '../../../extension/analysis/sections/depth.ts';
import { subjectOf } from '../../../extension/analysis/sections/subject.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';
import { demoTrace } from '../../webview/demoTrace.ts';

it('says what each layer routes by', () => {
  // 400 tokens "a" and "1" at random. The first layer goes by the token, the second by the one that follows, the last by neither.
  const random = randomNumbers(1);
  const bits = Array.from({ length: 401 }, () => Math.floor(2 * random()));
  const text = bits.map((bit) => (bit === 1 ? '1' : 'a')).join('');
  const start = Uint32Array.from({ length: 400 }, (_, t) => t);
  const tokens = {
    ids: Int32Array.from(bits.slice(0, 400)),
    start,
    end: start.map((t) => t + 1),
    logProb: new Float32Array(400),
  };
  const layer = (index: number, expert: (t: number) => number): ReturnType<typeof layerTrace> => ({
    ...layerTrace({ experts: 4, k: 1, chosen: bits.slice(0, 400).map((_, t) => [expert(t)]) }),
    layer: index,
  });
  const layers = [
    layer(0, (t) => bits[t]!),
    layer(1, (t) => 3 - bits[t]!),
    layer(2, (t) => bits[t + 1]!),
    layer(3, () => 2),
  ];
  const trace = { ...demoTrace('balanced', 'essay.md').trace, tokens, layers, routed: 400 };
  const { figures, verdict } = depthSection.make(subjectOf('bits', trace, text), {});
  const [explained, agreement] = figures.map(({ table }) =>
    table.rows.map((row) => row.slice(1).map((v) => (v === null ? null : Math.round(100 * Number(v)) / 100))),
  );
  // Columns: kind, frequency, token, next token.
  expect(explained![0]).toMatchObject([1, expect.any(Number), 1, expect.any(Number)]);
  expect(explained![0]![3]).toBeLessThan(0.05);
  expect(explained![2]![3]).toBeGreaterThan(0.98);
  expect(explained![2]![2]).toBeLessThan(0.05);
  // One expert takes all: there is nothing to explain.
  expect(explained![3]).toEqual([null, null, null, null]);
  // The second layer divides the tokens as the first does, under other numbers.
  expect(agreement![0]![1]).toBe(1);
  expect(agreement![0]![2]).toBeLessThan(0.05);
  expect(verdict).toContain('at L3 there is nothing to explain');
});

it('says nothing of tokens of which nothing is known', () => {
  // Two layers that divide eight tokens alike.
  const chosen = [[0], [1], [0], [1], [0], [1], [0], [1]];
  const of = subject([layerTrace({ experts: 2, k: 1, chosen }), layerTrace({ experts: 2, k: 1, chosen })]);
  const none = new Uint32Array(8);
  const tokens = { ...of.trace!.tokens, ids: new Int32Array(8).fill(-1), start: none, end: none };
  const { verdict, lacking, figures } = depthSection.make(
    { ...of, text: '', source: 'recorded', trace: { ...of.trace!, tokens } },
    {},
  );
  expect(verdict).toMatch(/^How neighbouring layers divide the tokens agrees to 100/u);
  expect(lacking).toContain('Neither the ids of the tokens nor their places in a text are known');
  expect(figures.map(({ id }) => id)).not.toContain('explained-by-depth');
  expect(figures[0]).toMatchObject({ id: 'agreement-of-layers', basis: 'recorded' });
});

it('says nothing of the kinds of tokens that stand nowhere in the text', () => {
  const chosen = [[0], [1], [0], [1]];
  const of = subject([layerTrace({ experts: 2, k: 1, chosen }), layerTrace({ experts: 2, k: 1, chosen })]);
  const none = new Uint32Array(4);
  const tokens = { ...of.trace!.tokens, ids: Int32Array.of(0, 1, 0, 1), start: none, end: none };
  const { verdict, figures } = depthSection.make({ ...of, text: 'x', trace: { ...of.trace!, tokens } }, {});
  expect(verdict).not.toContain('kind of token');
  // Columns: kind, frequency, token, next token.
  expect(figures[0]!.table.rows[0]!.slice(1, 4)).toEqual([null, 0, 1]);
});

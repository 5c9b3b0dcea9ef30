import { expect, it } from 'vitest';
import { balanceSection } from '../../../extension/analysis/sections/balance.ts';
import { subjectOf } from '../../../extension/analysis/sections/subject.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';
import { demoTrace } from '../../webview/demoTrace.ts';

const subjects = (['balanced', 'collapsed'] as const).map((name) =>
  subjectOf('essay.md', demoTrace(name, 'essay.md').trace),
);

it('judges the load in words, with what it rests on', () => {
  const [balanced, collapsed] = subjects.map((subject) => balanceSection.make(subject, {}).verdict!);
  expect(balanced).toContain('The load is uneven');
  expect(collapsed).toContain('rests on few experts');
  expect(collapsed).toMatch(
    /The hottest expert is E\d+ of L\d, with [3-9]\d\.\d.% of the load where 6\.3.% would be even/u,
  );
});

it('takes the threshold of cold experts from the user', () => {
  const cold = (value: number): unknown =>
    balanceSection
      .make(subjects[1]!, { cold: value })
      .figures.find(({ id }) => id === 'balance')!
      .table.rows.at(-1)!
      .at(-2);
  expect(cold(0)).toBe(0);
  expect(cold(0.05)).toBeGreaterThan(0.3);
  expect(cold(0.2)).toBeGreaterThan(cold(0.05) as number);
});

it('says where experts count as cold as exactly as it is', () => {
  // Of 512 experts 0.8 of the even share: 0.8 / 512 = 0.00156.
  const { figures, verdict } = balanceSection.make(subject([layerTrace({ experts: 512, k: 1, chosen: [[0]] })]), {});
  expect(verdict).toContain('are cold: under 0.156\u202f% of its load.');
  expect(figures.find(({ id }) => id === 'balance')!.help.formula).toContain('Cold: a share under 0.156\u202f%.');
});

it('counts dead experts of each layer, and of all in words, but has no mean of them', () => {
  const layer = layerTrace({ experts: 4, k: 1, chosen: [[0], [1]] });
  const { figures, verdict } = balanceSection.make(subject([layer, layer, layer]), {});
  const { rows } = figures.find(({ id }) => id === 'balance')!.table;
  expect(rows.map((row) => row.at(-1))).toEqual([2, 2, 2, null]);
  expect(verdict).toContain('6 experts took nothing at all.');
  const one = balanceSection.make(subject([layerTrace({ experts: 3, k: 1, chosen: [[0], [1]] })]), {});
  expect(one.verdict).toContain('One expert took nothing at all.');
  expect(one.figures.filter(({ text }) => /\b1 (layers|experts)/.test(text))).toEqual([]);
});

it('has the median of an even number of experts between the two in the middle', () => {
  // Of four tokens expert 0 takes three: 3, 1, 0 and 0 times the even load.
  const layer = layerTrace({ experts: 4, k: 1, chosen: [[0], [0], [0], [1]] });
  const { figures } = balanceSection.make(subject([layer]), {});
  expect(figures.find(({ id }) => id === 'load-by-depth')!.table.rows[0]![3]).toBe(0.5);
});

it.each([
  [{}, '0'],
  [{ layer: '2' }, '2'],
  [{ layer: '2', shownLayer: '4' }, '4'],
  // Chosen for a model of more layers.
  [{ layer: '2', shownLayer: '17' }, '2'],
])('set to %j, is of layer %s', (set, value) => {
  const { controls, figures } = balanceSection.make(subjects[0]!, set);
  expect(controls[0]).toMatchObject({ id: 'layer', value });
  expect(figures[0]!.title).toBe(`Load by expert, L${value}`);
});

it('says what chance makes of few tokens', () => {
  const verdictOf = (tokens: number): string =>
    balanceSection.make(
      subject([layerTrace({ experts: 4, k: 1, chosen: Array.from({ length: tokens }, (_, t) => [t % 3]) })]),
      {},
    ).verdict!;
  // Wherever it goes, one token alone is all of the load.
  expect(verdictOf(1)).toContain(
    'So few tokens make no even load: chance alone would give the hottest expert 100.0\u202f%.',
  );
  expect(verdictOf(1000)).not.toContain('chance');
});

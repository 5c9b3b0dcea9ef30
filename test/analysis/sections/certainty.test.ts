import { expect, it } from 'vitest';
import { certaintySection } from '../../../extension/analysis/sections/certainty.ts';
import { subjectOf } from '../../../extension/analysis/sections/subject.ts';
import type { ModelInfo, Scoring } from '../../../extension/protocol/trace.ts';
import { demoTrace } from '../../webview/demoTrace.ts';

const { trace } = demoTrace('balanced', 'essay.md');

it('spreads every token over the bins of its layer', () => {
  const { figures } = certaintySection.make(subjectOf('essay.md', trace), { layer: '2' });
  const entropy = figures.find(({ id }) => id === 'entropy-spread')!;
  expect(entropy.title).toContain('L2');
  const { rows } = entropy.table;
  expect(rows.reduce((sum, row) => sum + Number(row[2]), 0)).toBeCloseTo(1, 12);
  for (const [from, to, share] of rows) {
    const inside = trace.layers[2]!.entropy.filter((value) => value >= Number(from) && value < Number(to)).length;
    expect(Number(share)).toBeCloseTo(inside / trace.routed, 12);
  }
  // ln 16 is the most.
  expect(rows.at(-1)![1]).toBeCloseTo(Math.log(16), 12);
});

it('says in what half of the choices the entropy lies, and what no preference would be', () => {
  const entropies = [0.5, 1.25, 2];
  const layer = { ...trace.layers[0]!, entropy: Float32Array.of(...entropies) };
  const said = (...experts: number[]): string | undefined => {
    const layers = experts.map((e) => ({ ...layer, experts: e }));
    return certaintySection.make(subjectOf('essay.md', { ...trace, layers, routed: 3 }), {}).verdict;
  };
  // ln 16 = 2.77.
  expect(said(16, 16)).toContain(
    "For half of the choices the router's entropy is at most 1.25 nats (2.77 would be no preference).",
  );
  // Layers of several sizes have no one number for it.
  expect(said(16, 32)).toContain("For half of the choices the router's entropy is at most 1.25 nats. ");
});

it('judges by ln E only the entropy of a softmax', () => {
  const made = (scoring: Scoring | undefined) => {
    const model = Object.fromEntries(Object.entries(trace.origin.model).filter(([key]) => key !== 'scoring'));
    const origin = { ...trace.origin, model: { ...(model as unknown as ModelInfo), ...(scoring ? { scoring } : {}) } };
    const { verdict, figures } = certaintySection.make(subjectOf('essay.md', { ...trace, origin }), {});
    return { verdict, help: figures.find(({ id }) => id === 'entropy-spread')!.help };
  };
  expect(made('softmax').help.judge).toContain('Near ln E: it hardly prefers any expert');
  expect(made('softmax').help.formula).toContain('p = softmax(router logits)');
  for (const scoring of ['sigmoid', undefined] as const) {
    const { verdict, help } = made(scoring);
    expect(verdict).not.toContain('no preference');
    expect(help.formula).toContain('p_e being the scores divided by their sum');
    expect(help.judge).toMatch(/^Compare only with routers of the same kind/);
    expect(help.judge).not.toContain('hardly prefers');
  }
});

it('has margins of any size in decades, and those that are not positive in the first', () => {
  const layer = { ...trace.layers[0]!, margin: trace.layers[0]!.margin.map((_, t) => (t % 2 === 0 ? -0.5 : 0.02)) };
  const { figures } = certaintySection.make(subjectOf('essay.md', { ...trace, layers: [layer] }), {});
  const rows = figures.find(({ id }) => id === 'margin-spread')!.table.rows;
  const filled = rows.filter(([, , share]) => Number(share) > 0);
  expect(filled.map(([from]) => Number(from).toPrecision(3))).toEqual(['1.00e-8', '0.0178']);
});

it('leaves out margins where no expert is left over', () => {
  // k = E: nothing is behind the last choice.
  const layers = trace.layers.map((layer) => ({ ...layer, margin: layer.margin.map(() => NaN) }));
  const { verdict, figures } = certaintySection.make(subjectOf('essay.md', { ...trace, layers }), {});
  expect(verdict).toContain('entropy');
  expect(verdict).not.toContain('margin');
  expect(figures.map(({ id }) => id)).toEqual(['entropy-spread', 'entropy-by-layer', 'certainty']);
  expect(figures.at(-1)!.text).not.toContain('Margin');
});

it('says of a layer without margins that there are none', () => {
  const layers = trace.layers.map((layer, i) => (i > 0 ? layer : { ...layer, margin: layer.margin.map(() => NaN) }));
  const { figures } = certaintySection.make(subjectOf('essay.md', { ...trace, layers }), { layer: '0' });
  expect(figures.find(({ id }) => id === 'margin-spread')!.text).toBe('Margin is known of no token at L0.');
});

it('tells of a recording of counts what is missing', () => {
  const { name, model, source, loads, evidence } = subjectOf('essay.md', trace);
  expect(certaintySection.make({ name, model, source, loads, evidence }, {})).toMatchObject({
    figures: [],
    lacking: expect.stringContaining('counts') as string,
  });
});

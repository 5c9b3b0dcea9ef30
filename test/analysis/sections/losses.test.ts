import { expect, it } from 'vitest';
import { lossesSection } from '../../../extension/analysis/sections/losses.ts';
import { subjectOf } from '../../../extension/analysis/sections/subject.ts';
import { UNEVEN } from '../../support/layers.ts';
import { demoTrace } from '../../webview/demoTrace.ts';

const { trace } = demoTrace('balanced', 'essay.md');

it('names each scaling, and what it says of an even load', () => {
  const { figures, verdict } = lossesSection.make(subjectOf('four', { ...trace, layers: [UNEVEN], routed: 4 }), {});
  const { columns, rows } = figures.find(({ id }) => id === 'losses-each-scaling')!.table;
  const said = (row: number): Record<string, unknown> =>
    Object.fromEntries(columns.map(({ label }, i) => [label, rows[row]![i]]));
  expect(said(0)['Switch']).toBeCloseTo(1.5, 12);
  expect(said(0)['Megatron']).toBeCloseTo(1.25, 12);
  expect(said(0)['GShard']).toBeCloseTo(0.09375, 12);
  expect(said(0)['z-loss']).toBeCloseTo(2.5, 12);
  expect(said(1)['Hugging Face']).toBeCloseTo(2.5, 12);
  expect(said(2)).toMatchObject({ layer: 'even', Switch: 1, 'DeepSpeed top-k': 1, GShard: 1 / 16, 'Hugging Face': 2 });
  expect(verdict).toContain('Hugging Face pools all layers and says 2.50, where k = 2 is even');
  // All first choices and all of P are one expert's: E·1·1; of Megatron's f it can have 1/k.
  expect(figures[0]!.help.judge).toContain('E in Switch’s scaling and E/k in Megatron’s');
});

it('says why a recording has none', () => {
  const layers = trace.layers.map((layer) => ({ ...layer, probSum: layer.probSum.map(() => NaN) }));
  expect(lossesSection.make(subjectOf('recorded', { ...trace, layers }), {})).toMatchObject({
    figures: [],
    lacking: expect.stringContaining('probability') as string,
  });
});

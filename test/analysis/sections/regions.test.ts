import { expect, it } from 'vitest';
import { regionsSection } from '../../../extension/analysis/sections/regions.ts';
import { subjectOf } from '../../../extension/analysis/sections/subject.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { demoTrace } from '../../webview/demoTrace.ts';

it('tells regions apart, and where they are', () => {
  // Two paragraphs of four tokens: the first goes to expert 0 alone, the second to experts 0 and 1 in turn.
  const text = 'a a a a\n\nb b b b';
  const layer = layerTrace({ experts: 4, k: 1, chosen: [0, 0, 0, 0, 0, 1, 0, 1].map((e) => [e]) });
  const start = Uint32Array.of(0, 1, 3, 5, 9, 10, 12, 14);
  const end = Uint32Array.of(1, 3, 5, 7, 10, 12, 14, 16);
  const tokens = { ids: new Int32Array(8), start, end, logProb: new Float32Array(8).fill(-2) };
  const trace = { ...demoTrace('balanced', 'essay.md').trace, tokens, layers: [layer], routed: 8 };
  const { figures, verdict } = regionsSection.make(subjectOf('two', trace, text), { division: 'paragraphs' });
  const table = figures.find(({ id }) => id === 'balance-along-text')!.table;
  const at = (label: string): unknown[] => {
    const column = table.columns.findIndex((c) => c.label === label);
    return table.rows.map((row) => row[column]);
  };
  expect(at('region')).toEqual(['a a a a', 'b b b b']);
  expect(at('MaxVio')).toEqual([3, 1]);
  // Of the whole text 6 of 8 go to expert 0: a quarter of either paragraph goes elsewhere.
  expect(at('elsewhere than in the whole')).toEqual([0.25, 0.25]);
  expect(table.places).toEqual([
    { start: 0, end: 7 },
    { start: 9, end: 16 },
  ]);
  expect(verdict).toContain('“a a a a”');
  const certainty = figures.find(({ id }) => id === 'certainty-along-text')!;
  expect(certainty.table.rows.map((row) => row.at(-1))).toEqual([2, 2]);
});

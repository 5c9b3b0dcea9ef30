import { describe, expect, it } from 'vitest';
import { chanceMaxVio } from '../../../extension/analysis/chance.ts';
import { regionsSection } from '../../../extension/analysis/sections/regions.ts';
import { subjectOf } from '../../../extension/analysis/sections/subject.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';
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
  // Of the whole text 6 of 8 go to expert 0: either paragraph's load differs by a quarter.
  expect(at('difference from the whole')).toEqual([0.25, 0.25]);
  expect(table.places).toEqual([
    { start: 0, end: 7 },
    { start: 9, end: 16 },
  ]);
  expect(verdict).toContain('“a a a a”');
  const certainty = figures.find(({ id }) => id === 'certainty-along-text')!;
  expect(certainty.table.rows.map((row) => row.at(-1))).toEqual([2, 2]);
});

it('does not take the shortest region for the most unlike the rest', () => {
  // Four paragraphs of 40 tokens go to expert 0, or 1, for three of four tokens, and to the other for the fourth, and one of a
  // single token to 0: of one token the load differs by half whichever it is.
  const long = (most: number): number[] => Array.from({ length: 40 }, (_, t) => (t % 4 === 0 ? 1 - most : most));
  const experts = [...long(0), ...long(1), 0, ...long(0), ...long(1)];
  const layer = layerTrace({ experts: 2, k: 1, chosen: experts.map((e) => [e]) });
  const at = (paragraph: string): string => paragraph.repeat(40);
  const text = [at('a'), at('b'), 'c', at('d'), at('e')].join('\n\n');
  const start = Uint32Array.from(Array.from(text).flatMap((letter, i) => (letter === '\n' ? [] : [i])));
  const tokens = { ids: new Int32Array(161), start, end: start.map((i) => i + 1), logProb: new Float32Array(161) };
  const trace = { ...demoTrace('balanced', 'essay.md').trace, tokens, layers: [layer], routed: 161 };
  const { verdict, figures } = regionsSection.make(subjectOf('five', trace, text), { division: 'paragraphs' });
  // The whole text has 81 of 161 at expert 0; 40 tokens at random are near that, one token is not.
  expect(verdict).toMatch(
    /The most unlike the rest is “[abde]{40}”: .* differs .* by 2\d\.\d.*, that of as many tokens taken at random by \d\.\d/,
  );
  const rows = figures.find(({ id }) => id === 'balance-along-text')!.table.rows;
  expect(rows[2]!.at(-1)).toBeCloseTo(0.5, 1);
});

describe('where only some tokens have routing', () => {
  const layer = (rows: readonly (readonly (number | null)[])[]) =>
    layerTrace({ experts: 4, k: 2, chosen: rows, entropy: rows.map(() => NaN) });
  const none = Array.from({ length: 8 }, () => [null, null]);
  const made = (rows: readonly (readonly (number | null)[])[]) =>
    regionsSection.make(subject([layer(rows)]), { division: 'parts' });

  it('takes the slots that were routed for what chance would do', () => {
    // Two parts of 8 tokens: 3 have routing in the first, all in the second, one slot of which the model dropped.
    const rows = [[0, 1], [0, 2], [0, 3], ...none.slice(3), [null, 2], ...Array.from({ length: 7 }, () => [1, 2])];
    const { columns, rows: regions } = made(rows).figures.find(({ id }) => id === 'balance-along-text')!.table;
    const chance = columns.findIndex(({ label }) => label === 'by chance');
    expect(regions.map((row) => row[chance])).toEqual([chanceMaxVio(3, 2, 4), chanceMaxVio(8, 2, 4)]);
    expect(chanceMaxVio(3, 2, 4)).toBeGreaterThan(chanceMaxVio(8, 2, 4));
  });

  it('names no region without routing, and no expert of it', () => {
    // Expert 0 takes half of the second part's slots: MaxVio 1. The third is even.
    const uneven = Array.from({ length: 8 }, (_, t) => [0, 1 + (t % 3)]);
    const even = Array.from({ length: 8 }, (_, t) => (t % 2 ? [0, 1] : [2, 3]));
    const { verdict, figures } = made([...none, ...uneven, ...even]);
    expect(verdict).toContain('least even in “part 2”: its hottest expert, E0, takes 2.0×');
    const figure = figures.find(({ id }) => id === 'balance-along-text')!;
    expect(figure.text).toBe('MaxVio at L0 over 3 regions: at most 1.00, in “part 2”.');
    expect(figure.table.rows[0]!.slice(2)).toEqual(Array(8).fill(null));
  });

  it('says so where a layer has none', () => {
    const { verdict, figures } = made([...none, ...none]);
    expect(verdict).toBe('At L0 nothing was routed.');
    expect(figures.find(({ id }) => id === 'balance-along-text')!.text).toBe('At L0 nothing was routed.');
  });
});

import { describe, expect, it } from 'vitest';
import { chanceMaxVio } from '../../extension/analysis/chance.ts';
import { MOST_REGIONS, naturalDivision, regionsOf, type Division } from '../../extension/analysis/regions.ts';
import type { TokenColumns } from '../../extension/protocol/trace.ts';

/** A token for each word with the blanks before it. */
function words(text: string): TokenColumns {
  const found = [...text.matchAll(/\s*\S+|\s+$/gu)];
  const start = Uint32Array.from(found, ({ index }) => index);
  const end = Uint32Array.from(found, ({ index, 0: word }) => index + word.length);
  return { ids: new Int32Array(found.length), start, end, logProb: new Float32Array(found.length) };
}

function labels(text: string, division: Division): string[] {
  const tokens = words(text);
  const regions = regionsOf(text, tokens, tokens.ids.length, division);
  // Each token is in one region.
  expect(regions[0]?.from).toBe(0);
  expect(regions.at(-1)?.to).toBe(tokens.ids.length);
  regions.slice(1).forEach(({ from }, i) => {
    expect(from).toBe(regions[i]!.to);
  });
  return regions.map(({ label }) => label);
}

describe('regions', () => {
  it('begin with headings, but not with what only looks like one in a fence', () => {
    const text = 'before\n# One\ntext\n```sh\n# no heading\n```\n## Two\n#no heading either\n';
    expect(labels(text, 'headings')).toEqual(['before', '# One', '## Two']);
  });

  it('begin with definitions of many languages, but not with those inside others', () => {
    const text = [
      'import x',
      'export async function load() {\n  function inner() {}\n}',
      'class A:\n    def method(self):\n        pass',
      'pub(crate) fn main() {}',
      'func (s *Server) Run() {}',
    ].join('\n');
    expect(labels(text, 'functions')).toEqual([
      'import x',
      'export async function load() {',
      'class A:',
      'pub(crate) fn main() {}',
      'func (s *Server) Run() {}',
    ]);
    expect(naturalDivision(text)).toBe('functions');
  });

  it('begin after blank lines', () => {
    expect(labels('a b\nc\n\n \nd\n\ne', 'paragraphs')).toEqual(['a b', 'd', 'e']);
  });

  it('are equal parts of the tokens, and few where there are few', () => {
    expect(labels('word '.repeat(20), 'parts')).toEqual(['part 1', 'part 2']);
    expect(labels('word '.repeat(1000), 'parts')).toHaveLength(20);
    expect(labels('one', 'parts')).toEqual(['part 1']);
  });

  it('are joined where there are too many', () => {
    const found = labels(Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n\n'), 'paragraphs');
    expect(found).toHaveLength(34);
    expect(found.length).toBeLessThanOrEqual(MOST_REGIONS);
    expect(found[0]).toBe('line 0 and 2 more');
    expect(found.at(-1)).toBe('line 99');
  });
});

describe('chanceMaxVio', () => {
  it('is what chance makes of few tokens, and less of many', () => {
    // One token with one choice: one expert takes all.
    expect(chanceMaxVio(1, 1, 8)).toBe(7);
    // All experts are chosen by every token.
    expect(chanceMaxVio(5, 4, 4)).toBe(0);
    // Two tokens and two experts: both on one half of the time, so 0 or 1 with even odds.
    expect(chanceMaxVio(2, 1, 2)).toBeGreaterThan(0.2);
    expect(chanceMaxVio(2, 1, 2)).toBeLessThan(0.8);
    // Of 16 normal variables the largest is expected 1.766 deviations up: 1.766 · √(15/(16·625)) of 10,000 slots.
    expect(chanceMaxVio(10_000, 1, 16)).toBeGreaterThan(0.04);
    expect(chanceMaxVio(10_000, 1, 16)).toBeLessThan(0.1);
  });
});

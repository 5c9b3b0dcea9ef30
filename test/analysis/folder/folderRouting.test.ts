import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neighbours, partners, strongestPairs } from '../../../extension/analysis/folder/coActivation.ts';
import { filesOf, layerCounts, MOST_BLOCKS, tokensOf } from '../../../extension/analysis/folder/domains.ts';
import { addFile, emptyFolder, type FolderRouting } from '../../../extension/analysis/folder/folderRouting.ts';
import { TYPICAL_TOKENS } from '../../../extension/analysis/folder/patterns.ts';
import { addCount, emptyTable, filtered } from '../../../extension/analysis/folder/countTable.ts';
import { addVocabulary, emptyVocabulary } from '../../../extension/analysis/folder/vocabulary.ts';
import { vocabularyFigures, wordsByExpert } from '../../../extension/analysis/folder/vocabularyFigures.ts';
import { folderOfText, folderTrace, modelOf } from '../../support/folderTrace.ts';

/** Four tokens, top-3 of 4 experts, then top-1 of 2; the last slot of the last token was dropped. */
const TEXT = {
  text: 'abca',
  layers: [
    {
      experts: 4,
      k: 3,
      chosen: [
        [0, 1, 2],
        [0, 2, 3],
        [3, 1, 0],
        [1, 0, null],
      ],
      weight: [
        [0.7, 0.2, 0.1],
        [0.5, 0.3, 0.2],
        [0.9, 0.05, 0.05],
        [0.6, 0.4, 0],
      ],
    },
    { experts: 2, k: 1, chosen: [[0], [1], [1], [0]] },
  ],
};

function matrix(counts: Uint32Array, columns: number): number[][] {
  return Array.from({ length: counts.length / columns }, (_, i) => [
    ...counts.subarray(i * columns, (i + 1) * columns),
  ]);
}

describe('patterns of a text', () => {
  const [first, second] = folderOfText('a', folderTrace(TEXT), TEXT.text).patterns;

  it('count the pairs of a token’s experts', () => {
    expect(matrix(first!.pairs!.all, 4)).toEqual([
      [0, 3, 2, 2],
      [3, 0, 1, 1],
      [2, 1, 0, 1],
      [2, 1, 1, 0],
    ]);
    expect([...first!.chosen]).toEqual([4, 3, 2, 2]);
    expect([...first!.first]).toEqual([2, 1, 0, 1]);
  });

  it('count, as OLMoE’s script, those that follow each other by weight', () => {
    // 0-1, 1-2; 0-2, 2-3; 3-1, 1-0; 1-0.
    expect(matrix(first!.pairs!.adjacent, 4)).toEqual([
      [0, 3, 1, 0],
      [3, 0, 1, 1],
      [1, 1, 0, 1],
      [0, 1, 1, 0],
    ]);
  });

  it('count top experts from one layer to the next', () => {
    expect(matrix(first!.pairs!.next!, 2)).toEqual([
      [1, 1],
      [1, 0],
      [0, 0],
      [0, 1],
    ]);
    expect(second!.pairs!.next).toBeUndefined();
  });

  it('keep the places where an expert weighs most, each of another token', () => {
    // E0 takes a with 0.7, b with 0.5, c with 0.05 and a again with 0.4.
    expect(first!.typical[0]).toMatchObject([
      { text: 'a', start: 0, end: 1, before: '', after: 'bca', file: 0 },
      { text: 'b', start: 1, before: 'a', after: 'ca' },
      { text: 'c' },
    ]);
    expect(first!.typical[1]!.map(({ text, start }) => [text, start])).toEqual([
      ['a', 3],
      ['c', 2],
    ]);
  });

  it('keep no more than so many of them', () => {
    const letters = 'abcdefghijklmnop';
    const text = {
      text: letters,
      layers: [
        {
          experts: 1,
          k: 1,
          chosen: Array.from(letters).map(() => [0]),
          weight: Array.from(letters).map((_, t) => [(t * 7) % 16]),
        },
      ],
    };
    const [layer] = folderOfText('a', folderTrace(text), letters).patterns;
    expect(layer!.typical[0]).toHaveLength(TYPICAL_TOKENS);
    expect(layer!.typical[0]!.map(({ weight }) => weight)).toEqual([15, 14, 13, 12, 11, 10, 9, 8]);
  });
});

describe('co-activation', () => {
  const { pairs, chosen } = folderOfText('a', folderTrace(TEXT), TEXT.text).patterns[0]!;

  /** Tokens with two experts each, so many of each pair. */
  const pairsOf = (tokens: Readonly<Record<string, number>>): { all: Uint32Array; chosen: Float64Array } => {
    const rows = Object.entries(tokens).flatMap(([pair, n]) =>
      Array.from({ length: n }, () => pair.split(' ').map(Number)),
    );
    const text = 'x'.repeat(rows.length);
    const [layer] = folderOfText(
      'a',
      folderTrace({ text, layers: [{ experts: 4, k: 2, chosen: rows }] }),
      text,
    ).patterns;
    return { all: layer!.pairs!.all, chosen: layer!.chosen };
  };

  it('is N_ij / N_i', () => {
    expect(partners(pairs!.all, chosen, 0)).toMatchObject([
      { expert: 1, tokens: 3, share: 0.75 },
      { expert: 2, tokens: 2, share: 0.5 },
      { expert: 3, tokens: 2, share: 0.5 },
    ]);
    expect(partners(pairs!.all, chosen, 1)[0]).toMatchObject({ expert: 0, share: 1 });
  });

  it('is what chance makes it where experts are drawn by their load alone, those of a token being different', () => {
    const even = pairsOf({ '0 1': 5, '0 2': 5, '0 3': 5, '1 2': 5, '1 3': 5, '2 3': 5 });
    // Drawn with odds 4 : 2 : 1 : 1, a pair has the product of its two.
    const uneven = pairsOf({ '0 1': 8, '0 2': 4, '0 3': 4, '1 2': 2, '1 3': 2, '2 3': 1 });
    // One that is chosen for every token is with each of the others whenever that is there.
    const always = pairsOf({ '0 1': 30, '0 2': 20, '0 3': 10 });
    for (const { all, chosen: each } of [even, uneven, always]) {
      for (const { lift } of strongestPairs(all, each, 1)) expect(lift).toBeCloseTo(1, 2);
    }
  });

  it('is a multiple of that where experts seek or shun each other', () => {
    // All experts have 6 tokens, 2 of them with each other by chance.
    const { all, chosen: each } = pairsOf({ '0 1': 4, '2 3': 4, '0 2': 1, '1 3': 1, '0 3': 1, '1 2': 1 });
    const lifts = partners(all, each, 0).map(({ expert, lift }) => [expert, Math.round(lift * 1e6) / 1e6]);
    expect(lifts).toEqual([
      [1, 2],
      [2, 0.5],
      [3, 0.5],
    ]);
  });

  it('ranks pairs by how inseparable the rarer one is', () => {
    expect(strongestPairs(pairs!.all, chosen, 1).map(({ i, j }) => [i, j])).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
      [2, 3],
    ]);
    expect(strongestPairs(pairs!.all, chosen, 3)).toMatchObject([{ i: 0, j: 1, tokens: 3, strength: 1 }]);
  });

  it('takes experts with the same company for neighbours', () => {
    // E2 and E3 are each with E0 twice and with E1 once: the same direction.
    expect(neighbours(pairs!.all, 4, 2)[0]).toEqual({ expert: 3, cosine: 1 });
  });

  it('has rows that sum to (k − 1)·N_i when nothing is dropped', () => {
    const rows = fc.array(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(rows, (chosenRows) => {
        const text = 'x'.repeat(chosenRows.length);
        const trace = folderTrace({ text, layers: [{ experts: 5, k: 3, chosen: chosenRows }] });
        const [layer] = folderOfText('a', trace, text).patterns;
        const sums = matrix(layer!.pairs!.all, 5).map((row) => row.reduce((a, b) => a + b));
        expect(sums).toEqual(Array.from(layer!.chosen, (n) => 2 * n));
        const adjacent = layer!.pairs!.adjacent.reduce((a, b) => a + b);
        expect(adjacent).toBe(2 * 2 * chosenRows.length);
      }),
    );
  });
});

describe('vocabulary', () => {
  it('is the share of a token’s most frequent top expert, for itself and for the one before it', () => {
    // a: E0, E0, E1; b: E1, E1. After a comes b twice, with top experts of a: E0, E0; after b comes a.
    const text = {
      text: 'abaab',
      layers: [{ experts: 2, k: 1, chosen: [[0], [1], [0], [1], [1]] }],
    };
    const { inputs, followers } = folderOfText('t', folderTrace(text), text.text);
    expect(vocabularyFigures(inputs, [0, 2])[0]).toMatchObject({ mean: (2 / 3 + 1) / 2, ids: 2, listedIds: 0 });
    // b follows: E0 and E1. a follows: E1 (after b) and E0 (after a).
    expect(vocabularyFigures(followers, [0, 2])[0]).toMatchObject({ mean: 0.5, ids: 2 });
  });

  it('does not look over the edge of a window', () => {
    const text = { text: 'ab', windows: [0, 1], layers: [{ experts: 2, k: 1, chosen: [[0], [1]] }] };
    expect(folderOfText('t', folderTrace(text), text.text).followers.words.size).toBe(0);
  });

  it('lists ids by the expert that owns them', () => {
    const text = 'a'.repeat(12) + 'b'.repeat(10) + 'c';
    const chosen = Array.from(text).map((letter, t) => [letter === 'a' ? (t < 9 ? 0 : 1) : 1]);
    const { inputs } = folderOfText('t', folderTrace({ text, layers: [{ experts: 2, k: 1, chosen }] }), text);
    const [own, other] = wordsByExpert(inputs, 0, 2);
    expect(own).toEqual([{ id: 97, text: 'a', share: 0.75, met: 12 }]);
    expect(other).toEqual([{ id: 98, text: 'b', share: 1, met: 10 }]);
  });

  it('forgets what it met least when there are too many', () => {
    const letters = Array.from({ length: 70 }, (_, i) => String.fromCodePoint(0x4e00 + i));
    const text = `${letters[0]!.repeat(5)}${letters.join('')}`;
    const trace = folderTrace({ text, layers: [{ experts: 2, k: 1, chosen: Array.from(text, () => [1]) }] });
    const vocabulary = emptyVocabulary(2, 64);
    addVocabulary(vocabulary, trace, { file: 0, text, tokens: trace.tokens, routed: trace.routed }, 0, [0, 2]);
    // The 65th letter was one too many: a quarter of 65 went.
    expect(vocabulary.forgotten).toBe(17);
    expect(vocabulary.words.size).toBe(70 - 17);
    expect(vocabulary.counts.size).toBe(70 - 17);
    expect(vocabulary.words.get(0x4e00)!.met).toBe(6);
    expect(vocabularyFigures(vocabulary, [0, 2])[0]).toMatchObject({ mean: 1, ids: 70 - 17 });
  });

  it('counts like a map does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2 ** 45 }), { maxLength: 3_000 }), (keys) => {
        const table = emptyTable();
        const map = new Map<number, number>();
        for (const key of keys.flatMap((k) => [k, (k % 50) + 1])) {
          addCount(table, key);
          map.set(key, (map.get(key) ?? 0) + 1);
        }
        expect(table.size).toBe(map.size);
        const odd = filtered(table, (key) => key % 2 === 1);
        const found = Array.from(odd.keys, (key, at) => [key, odd.counts[at]!] as const).filter(([key]) => key > 0);
        expect(new Map(found)).toEqual(new Map([...map].filter(([key]) => key % 2 === 1)));
      }),
    );
  });
});

it('counts no pairs of layers of very many experts', () => {
  const text = 'ab';
  const layer = { experts: 5_000, k: 1, chosen: [[0], [4_999]] };
  expect(folderOfText('a', folderTrace({ text, layers: [layer] }), text).patterns[0]!.pairs).toBeUndefined();
});

describe('a folder', () => {
  const model = modelOf(TEXT.layers);
  const add = (folder: FolderRouting, name: string, domain: string): void => {
    addFile(folder, name, domain, folderTrace(TEXT), TEXT.text);
  };

  it('counts by domain', () => {
    const folder = emptyFolder(model);
    add(folder, 'x.ts', 'code');
    add(folder, 'y.ts', 'code');
    add(folder, 'z.md', 'prose');
    const [code, prose] = folder.domains;
    expect([code!.name, filesOf(code!), tokensOf(code!)]).toEqual(['code', 2, 8]);
    expect([...layerCounts(code!, 0, 4)]).toEqual([8, 6, 4, 4]);
    expect([...layerCounts(prose!, 4, 6)]).toEqual([2, 2]);
    expect(folder.files).toEqual(['x.ts', 'y.ts', 'z.md']);
  });

  it('takes no more memory for more files: they share blocks', () => {
    const folder = emptyFolder(model);
    for (let i = 0; i < 3 * MOST_BLOCKS + 1; i++) add(folder, `${i}.ts`, 'code');
    const [code] = folder.domains;
    expect(code!.blocks.map(({ files }) => files)).toEqual([4, ...Array<number>(MOST_BLOCKS - 1).fill(3)]);
    expect(tokensOf(code!)).toBe(4 * (3 * MOST_BLOCKS + 1));
  });

  it('does not mix models', () => {
    const folder = emptyFolder(modelOf([{ experts: 4, k: 3 }]));
    expect(() => {
      add(folder, 'x.ts', 'code');
    }).toThrow(/x\.ts/);
  });
});

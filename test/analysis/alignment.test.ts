import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignTokens, type AlignedText } from '../../extension/analysis/alignment.ts';
import { commonStretches } from '../../extension/analysis/textDiff.ts';

/** A text that a tokenizer cut where a bar stands. */
function cut(barred: string): AlignedText {
  const parts = barred.split('|');
  const end = Uint32Array.from(parts, (_, i) => parts.slice(0, i + 1).join('').length);
  const start = Uint32Array.from(parts, (part, i) => end[i]! - part.length);
  const n = parts.length;
  const tokens = { ids: new Int32Array(n), start, end, logProb: new Float32Array(n) };
  return { text: parts.join(''), trace: { tokens, routed: n } };
}

function aligned(one: string, other: string): string[] {
  const [a, b] = [cut(one), cut(other)];
  const pairs = alignTokens(a, b);
  const text = ({ text: t, trace: { tokens } }: AlignedText, token: number): string =>
    t!.slice(tokens.start[token], tokens.end[token]);
  return Array.from(pairs.a, (i, n) => {
    expect(text(b, pairs.b[n]!)).toBe(text(a, i));
    return text(a, i);
  });
}

describe('alignTokens', () => {
  it('pairs what two tokenizers cut alike', () => {
    expect(aligned('the| rou|ter| sends|!', 'the| router| se|nds|!')).toEqual(['the', '!']);
    expect(aligned('|a|b', 'a|b')).toEqual(['a', 'b']);
  });

  it('pairs what an edit left, before and after it', () => {
    expect(aligned('one|\n|two|\n|three|\n', 'one|\n|2|\n|three|\n')).toEqual(['one', '\n', '\n', 'three', '\n']);
    expect(aligned('a| b| c', 'a| new| b| c')).toEqual(['a', ' b', ' c']);
    expect(aligned('x|y', 'z')).toEqual([]);
  });

  it('pairs the parts of a character that takes several tokens, each with its own', () => {
    const [a, b] = [cut('a|b|c'), cut('a|b|c')];
    // Three tokens share the second character.
    for (const { trace } of [a, b]) trace.tokens.start.set([0, 0, 0]);
    for (const { trace } of [a, b]) trace.tokens.end.set([1, 1, 1]);
    expect([...alignTokens(a, b).b]).toEqual([0, 1, 2]);
  });

  it('pairs tokens that stand nowhere in a text by their ids, as long as these are known and the same', () => {
    const nowhere = (...ids: number[]): AlignedText => {
      const none = new Uint32Array(ids.length);
      const tokens = { ids: Int32Array.from(ids), start: none, end: none, logProb: new Float32Array(ids.length) };
      return { text: undefined, trace: { tokens, routed: ids.length } };
    };
    expect(alignTokens(nowhere(-1, -1), nowhere(-1, -1)).a).toHaveLength(0);
    expect([...alignTokens(nowhere(5, 6, 7), nowhere(5, 6, 8)).b]).toEqual([0, 1]);
  });

  it('goes no further than either routing', () => {
    const a = cut('a|b|c|d');
    const b = { ...cut('a|b|c|d'), trace: { ...cut('a|b|c|d').trace, routed: 2 } };
    expect([...alignTokens(a, b).a]).toEqual([0, 1]);
  });
});

describe('commonStretches', () => {
  const lines = fc
    .array(fc.constantFrom('a\n', 'b\n', 'c\n', 'long line\n', ''), { maxLength: 25 })
    .map((l) => l.join(''));

  it('are equal in both texts, and rise', () => {
    fc.assert(
      fc.property(lines, lines, (a, b) => {
        let [toA, toB] = [0, 0];
        for (const { a: i, b: j, length } of commonStretches(a, b)) {
          expect(length).toBeGreaterThan(0);
          expect(a.slice(i, i + length)).toBe(b.slice(j, j + length));
          expect(i).toBeGreaterThanOrEqual(toA);
          expect(j).toBeGreaterThanOrEqual(toB);
          [toA, toB] = [i + length, j + length];
        }
      }),
    );
  });

  it('keep as many lines as any order-preserving choice can', () => {
    // Longest common subsequence by the textbook's table.
    const longest = (a: readonly string[], b: readonly string[]): number => {
      const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
      for (let i = 1; i <= a.length; i++) {
        for (let j = 1; j <= b.length; j++) {
          table[i]![j] =
            a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!);
        }
      }
      return table[a.length]![b.length]!;
    };
    // Lines of one letter: what is common is whole lines.
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 14 });
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        const text = (of: readonly string[]): string => of.map((l) => `${l}\n`).join('');
        const stretches = commonStretches(text(a), text(b));
        const whole = stretches.reduce((sum, { length }) => sum + Math.floor(length / 2), 0);
        expect(whole).toBe(longest(a, b));
      }),
    );
  });

  it('gives texts up that have next to nothing in common, but for their ends', () => {
    const many = (prefix: string): string => Array.from({ length: 5000 }, (_, i) => `${prefix}${i}`).join('\n');
    const [first, last] = commonStretches(`same\n${many('a')}\nend`, `same\n${many('b')}\nend`);
    expect(first).toEqual({ a: 0, b: 0, length: 5 });
    expect(last!.length).toBeGreaterThanOrEqual(4);
  });
});

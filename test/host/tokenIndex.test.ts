import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenIndex } from '../../extension/host/tokenIndex.ts';

function indexOf(...ranges: [number, number][]): TokenIndex {
  return new TokenIndex({
    start: Uint32Array.from(ranges, ([start]) => start),
    end: Uint32Array.from(ranges, ([, end]) => end),
  });
}

describe('TokenIndex', () => {
  test('finds every token that shares a character', () => {
    // "a🙂b": the emoji is three tokens of bytes.
    const index = indexOf([0, 1], [1, 3], [1, 3], [1, 3], [3, 4]);
    expect(index.at(0)).toEqual([0]);
    expect(index.at(1)).toEqual([1, 2, 3]);
    expect(index.at(2)).toEqual([1, 2, 3]);
    expect(index.at(3)).toEqual([4]);
    expect(index.at(4)).toEqual([]);
  });

  test('special tokens at either end have no place and get in no way', () => {
    const index = indexOf([0, 0], [0, 2], [2, 5], [0, 0]);
    expect(index.at(0)).toEqual([1]);
    expect(index.at(4)).toEqual([2]);
    expect(index.within(3, 4)).toEqual({ from: 2, to: 3 });
    expect(index.firstEndingAfter(2)).toBe(2);
    expect(index.firstEndingAfter(5)).toBe(4);
  });

  test('a cursor belongs to the token after it, at the end to the one before', () => {
    const index = indexOf([0, 2], [2, 5]);
    expect([0, 1, 2, 5, 6].map((offset) => index.underCursor(offset))).toEqual([0, 0, 1, 1, undefined]);
    expect(indexOf().underCursor(0)).toBeUndefined();
  });

  test('agrees with a search through all tokens, whatever their ranges', () => {
    const range = fc.tuple(fc.nat(30), fc.nat(6)).map(([start, length]): [number, number] => [start, start + length]);
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), fc.nat(40), fc.integer({ min: 1, max: 10 }), (ranges, at, n) => {
        const index = indexOf(...ranges);
        const tokens = ranges.map((_, t) => t);
        expect(index.at(at)).toEqual(tokens.filter((t) => ranges[t]![0] <= at && at < ranges[t]![1]));
        const { from, to } = index.within(at, at + n);
        const outside = tokens.filter((t) => t < from || t >= to);
        const touches = (t: number): boolean =>
          ranges[t]![0] < ranges[t]![1] && ranges[t]![0] < at + n && ranges[t]![1] > at;
        expect(outside.filter(touches)).toEqual([]);
        const after = tokens.find((t) => ranges[t]![1] > at) ?? ranges.length;
        expect(index.firstEndingAfter(at)).toBe(after);
      }),
    );
  });
});

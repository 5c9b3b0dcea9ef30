import { expect, test } from 'vitest';
import { routedTextOf } from './routedTextOf.ts';

test('a window that starts with line ends, however many, is seen to start at the next token', () => {
  const blank = 20_000;
  const text = `a${'\n'.repeat(blank)}b`;
  const tokens = Array.from({ length: text.length }, (_, t) => [t, t + 1] as const);
  expect([...routedTextOf({ text, tokens, layers: [], windows: [0, 1] }).windowStarts]).toEqual([blank + 1]);
});

test('a window with nothing but line ends is seen to start at the last of them', () => {
  const tokens = [
    [0, 1],
    [1, 2],
    [2, 3],
  ] as const;
  expect([...routedTextOf({ text: 'a\n\n', tokens, layers: [], windows: [0, 1] }).windowStarts]).toEqual([2]);
});

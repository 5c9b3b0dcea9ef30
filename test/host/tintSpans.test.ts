import { describe, expect, test } from 'vitest';
import {
  drawnColumns,
  movedSpans,
  singleSpans,
  tintSpans,
  windowSpans,
  type Line,
} from '../../extension/host/tintSpans.ts';
import { routedTextOf } from './routedTextOf.ts';

function linesOf(text: string, eol = '\n'): Line[] {
  let start = 0;
  return text.split(eol).map((line, i) => {
    const found = { line: i, start, from: 0, to: line.length };
    start += line.length + eol.length;
    return found;
  });
}

describe('tintSpans', () => {
  test('neighbours of one key are one span, and spans end with their line', () => {
    const text = 'ab cd\nef';
    const routed = routedTextOf({
      text,
      tokens: [
        [0, 1],
        [1, 2],
        [2, 5],
        [5, 6],
        [6, 8],
      ],
      layers: [],
    });
    const spans = tintSpans(routed, linesOf(text), (token) => (token === 2 ? 'x' : 'y'));
    expect([...spans]).toEqual([
      [
        'y',
        [
          { line: 0, from: 0, to: 2 },
          { line: 1, from: 0, to: 2 },
        ],
      ],
      ['x', [{ line: 0, from: 2, to: 5 }]],
    ]);
  });

  test('a token across lines is tinted on each, without the line ends', () => {
    const text = 'ab\r\n\r\ncd';
    const routed = routedTextOf({
      text,
      tokens: [
        [0, 1],
        [1, 8],
      ],
      layers: [],
    });
    const spans = tintSpans(routed, linesOf(text, '\r\n'), (token) => token);
    expect(spans.get(1)).toEqual([
      { line: 0, from: 1, to: 2 },
      { line: 2, from: 0, to: 2 },
    ]);
  });

  test('only the given lines are looked at', () => {
    const text = 'aa\nbb\ncc\ndd';
    const tokens: [number, number][] = [
      [0, 3],
      [3, 6],
      [6, 9],
      [9, 11],
    ];
    const asked: number[] = [];
    const spans = tintSpans(routedTextOf({ text, tokens, layers: [] }), linesOf(text).slice(1, 3), (token) => {
      asked.push(token);
      return 'x';
    });
    expect(asked).toEqual([1, 2]);
    expect(spans.get('x')).toEqual([
      { line: 1, from: 0, to: 2 },
      { line: 2, from: 0, to: 2 },
    ]);
  });

  test('a character of several tokens is tinted once, as its first', () => {
    const routed = routedTextOf({
      text: '🙂',
      tokens: [
        [0, 0],
        [0, 2],
        [0, 2],
      ],
      layers: [],
    });
    expect([...tintSpans(routed, linesOf('🙂'), (token) => token)]).toEqual([[1, [{ line: 0, from: 0, to: 2 }]]]);
  });

  test('a token that begins within a character, after another one, is tinted behind it', () => {
    const text = 'Öffnen Sie';
    const routed = routedTextOf({
      text,
      tokens: [
        [0, 1],
        [0, 6],
        [6, 10],
      ],
      layers: [],
    });
    expect([...tintSpans(routed, linesOf(text), (token) => token)]).toEqual([
      [0, [{ line: 0, from: 0, to: 1 }]],
      [1, [{ line: 0, from: 1, to: 6 }]],
      [2, [{ line: 0, from: 6, to: 10 }]],
    ]);
    expect(singleSpans(routed, linesOf(text), new Set([1]))).toEqual([{ line: 0, from: 1, to: 6 }]);
  });

  test('after an edit the rest moves, and what was cut has no tint', () => {
    const routed = routedTextOf({
      text: 'ab cd ef',
      tokens: [
        [0, 2],
        [2, 5],
        [5, 8],
      ],
      layers: [],
    });
    const now = 'ab cXXd ef';
    routed.edits.apply([{ offset: 4, removed: 0, inserted: 2 }], (from, to) => now.slice(from, to));
    const spans = tintSpans(routed, linesOf(now), (token) => token);
    expect([...spans]).toEqual([
      [0, [{ line: 0, from: 0, to: 2 }]],
      [2, [{ line: 0, from: 7, to: 10 }]],
    ]);
    expect(routed.staleFrom).toBe(1);
  });

  test('a selection is tinted where it stands', () => {
    const routed = routedTextOf({
      text: 'bb',
      tokens: [
        [0, 1],
        [1, 2],
      ],
      layers: [],
      base: 3,
      whole: false,
    });
    const spans = tintSpans(routed, linesOf('aa\nbb\ncc'), () => 'x');
    expect(spans.get('x')).toEqual([{ line: 1, from: 0, to: 2 }]);
  });

  test('columns that are not drawn are left out', () => {
    const text = 'x'.repeat(20_000);
    const routed = routedTextOf({
      text,
      tokens: [
        [0, 5000],
        [5000, 9_999],
        [9_999, 15_000],
        [15_000, 20_000],
      ],
      layers: [],
    });
    const asked: number[] = [];
    const spans = tintSpans(routed, [{ line: 0, start: 0, from: 6000, to: 10_000 }], (token) => {
      asked.push(token);
      return token;
    });
    expect(asked).toEqual([1, 2]);
    expect([...spans.values()].flat()).toEqual([
      { line: 0, from: 6000, to: 9_999 },
      { line: 0, from: 9_999, to: 10_000 },
    ]);
  });
});

describe('of a line, there is drawn', () => {
  const drawn = (length: number, from: [number, number], to: [number, number]): [number, number] => {
    const range = { start: { line: from[0], character: from[1] }, end: { line: to[0], character: to[1] } };
    const columns = drawnColumns(5, length, range);
    return [columns.from, columns.to];
  };

  test('all', () => {
    expect(drawn(10_000, [0, 0], [9, 0])).toEqual([0, 10_000]);
    expect(drawn(300, [5, 100], [5, 200])).toEqual([0, 300]);
  });

  test('no more than VS Code draws of one that it does not wrap', () => {
    expect(drawn(200_000, [0, 0], [9, 0])).toEqual([0, 10_000]);
    expect(drawn(200_000, [5, 0], [5, 200_000])).toEqual([0, 10_000]);
  });

  test('what the window shows, where one that is wrapped is scrolled through', () => {
    expect(drawn(200_000, [5, 100_100], [5, 106_300])).toEqual([100_000, 110_000]);
    expect(drawn(200_000, [5, 100_100], [5, 131_300])).toEqual([100_000, 132_000]);
    expect(drawn(200_000, [5, 195_000], [9, 10])).toEqual([194_000, 200_000]);
    expect(drawn(200_000, [0, 0], [5, 2100])).toEqual([0, 10_000]);
  });
});

describe('after an edit within a line', () => {
  const spans = [
    { line: 1, from: 0, to: 2 },
    { line: 1, from: 6, to: 8 },
    { line: 2, from: 3, to: 5 },
  ];

  test('spans of its line behind it have moved', () => {
    expect(movedSpans(spans, { line: 1, from: 3, to: 5, inserted: 1 })).toEqual([
      { line: 1, from: 0, to: 2 },
      { line: 1, from: 5, to: 7 },
      { line: 2, from: 3, to: 5 },
    ]);
    expect(movedSpans(spans, { line: 2, from: 0, to: 0, inserted: 4 })!.at(-1)).toEqual({ line: 2, from: 7, to: 9 });
  });

  test('those that it touches are not known, not even at their ends', () => {
    for (const at of [0, 1, 2, 6, 8]) {
      expect(movedSpans(spans, { line: 1, from: at, to: at, inserted: 1 })).toBeUndefined();
    }
    expect(movedSpans(spans, { line: 1, from: 3, to: 7, inserted: 0 })).toBeUndefined();
  });
});

test('context windows are marked at their first token that can be seen, but for the first', () => {
  const text = 'ab\ncd';
  const tokens: [number, number][] = [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 5],
  ];
  const routed = routedTextOf({ text, tokens, layers: [], windows: [0, 2] });
  expect(windowSpans(routed, linesOf(text))).toEqual([{ line: 1, from: 0, to: 2 }]);
  expect(windowSpans(routed, linesOf(text).slice(0, 1))).toEqual([]);
});

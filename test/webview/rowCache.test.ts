import { beforeEach, expect, test } from 'vitest';
import type { MapRows } from '../../extension/protocol/webview.ts';
import { PAGE, RowCache } from '../../webview/grid/rowCache.ts';

interface Question {
  readonly generation: number;
  readonly from: number;
  readonly to: number;
}

let asked: Question[];
let cache: RowCache;

beforeEach(() => {
  asked = [];
  cache = new RowCache(({ generation, from, to }) => asked.push({ generation, from, to }));
  cache.renew(1, 0);
});

/** Rows whose ids are the tokens' indices; one layer, two experts. */
function rows(from: number, to: number): MapRows {
  const n = to - from;
  return {
    from,
    to,
    text: Array.from({ length: n }, (_, i) => `t${from + i}`),
    ids: Int32Array.from({ length: n }, (_, i) => from + i),
    logProb: new Float32Array(n),
    layers: [
      {
        chosen: Uint16Array.from({ length: 2 * n }, (_, i) => 2 * from + i),
        weight: new Float32Array(2 * n),
        entropy: new Float32Array(n),
        margin: new Float32Array(n),
      },
    ],
  };
}

test('asks for the pages in sight in one question, and not twice', () => {
  cache.want(100, 160, 8000);
  cache.want(101, 161, 8000);
  expect(asked).toEqual([{ generation: 1, from: 0, to: 2 * PAGE }]);
});

test('gives each row its own part of the columns', () => {
  cache.accept(1, rows(0, 2 * PAGE));
  const row = cache.get(130)!;
  expect(row.rows.ids[row.at]).toBe(130);
  expect(row.rows.text[row.at]).toBe('t130');
  expect(Array.from(row.rows.layers[0]!.chosen.subarray(2 * row.at, 2 * row.at + 2))).toEqual([260, 261]);
  expect(cache.get(2 * PAGE)).toBeUndefined();
});

test('keeps of each page what a limit drops of its tokens', () => {
  const all = rows(0, 2 * PAGE);
  const dropped = Float32Array.from({ length: 2 * PAGE }, (_, t) => t / 1024);
  cache.accept(1, { ...all, layers: [{ ...all.layers[0]!, dropped }] });
  const row = cache.get(130)!;
  expect(row.rows.layers[0]!.dropped?.[row.at]).toBe(130 / 1024);
});

test('once what is in sight is here, asks for what comes next, then for what lies before', () => {
  cache.accept(1, rows(PAGE, 2 * PAGE));
  cache.want(PAGE, PAGE + 40, 8000);
  cache.accept(1, rows(2 * PAGE, 3 * PAGE));
  cache.want(PAGE, PAGE + 40, 8000);
  cache.accept(1, rows(0, PAGE));
  cache.want(PAGE, PAGE + 40, 8000);
  expect(asked).toEqual([
    { generation: 1, from: 2 * PAGE, to: 3 * PAGE },
    { generation: 1, from: 0, to: PAGE },
  ]);
});

test('asks anew when the user has moved on, as the host may drop older questions', () => {
  cache.want(0, 40, 8000);
  cache.want(4000, 4040, 8000);
  cache.want(0, 40, 8000);
  expect(asked.map(({ from }) => from)).toEqual([0, Math.floor(4000 / PAGE) * PAGE, 0]);
});

test('asks for no token that is not routed yet', () => {
  cache.want(0, 40, 30);
  cache.accept(1, rows(0, 30));
  cache.want(0, 40, 30);
  expect(asked).toEqual([{ generation: 1, from: 0, to: 30 }]);
  expect(cache.get(30)).toBeUndefined();
});

test('a page that came half-way is asked for again when more is routed', () => {
  cache.want(0, 40, 30);
  cache.accept(1, rows(0, 30));
  cache.want(0, 40, 90);
  expect(asked.at(-1)).toEqual({ generation: 1, from: 0, to: 90 });
});

test('an answer shorter than the question is not asked for for ever', () => {
  for (let i = 0; i < 5; i++) {
    cache.want(0, 40, 90);
    cache.accept(1, rows(0, 50));
  }
  expect(asked).toHaveLength(1);
  expect(cache.get(49)).toBeDefined();
});

test('a new trace voids the rows it says and keeps those before', () => {
  cache.accept(1, rows(0, 2 * PAGE));
  cache.renew(2, PAGE + 5);
  expect(cache.get(PAGE - 1)).toBeDefined();
  expect(cache.get(PAGE)).toBeUndefined();
});

test('an answer of an older trace is refused', () => {
  cache.renew(2, 0);
  expect(cache.accept(1, rows(0, PAGE))).toBe(false);
  expect(cache.get(0)).toBeUndefined();
});

test('forgets the pages not seen for longest, not the ones in use', () => {
  cache.accept(1, rows(0, PAGE));
  for (let page = 1; page < 100; page++) {
    cache.want(0, 40, 1e6);
    cache.accept(1, rows(page * PAGE, (page + 1) * PAGE));
  }
  expect(cache.get(0)).toBeDefined();
  expect(cache.get(PAGE)).toBeUndefined();
  expect(cache.get(99 * PAGE)).toBeDefined();
});

test('asks for nothing before a trace is announced', () => {
  new RowCache(({ generation, from, to }) => asked.push({ generation, from, to })).want(0, 40, 100);
  expect(asked).toEqual([]);
});

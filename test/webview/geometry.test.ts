import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeatGeometry, LABEL_WIDTH } from '../../webview/charts/heatGeometry.ts';
import { BAND_HEIGHT, Columns, Rows, SURPRISE_WIDTH } from '../../webview/grid/geometry.ts';

describe('rows', () => {
  test('without restarts stand one under the other', () => {
    const rows = new Rows(100, 18, Uint32Array.of(0));
    expect(rows.height).toBe(1800);
    expect(rows.top(7)).toBe(126);
    expect(rows.at(126)).toBe(7);
    expect(rows.at(143.9)).toBe(7);
  });

  test('leave room for a band above each restart', () => {
    const rows = new Rows(10, 10, Uint32Array.of(0, 4, 8));
    expect(rows.height).toBe(100 + 2 * BAND_HEIGHT);
    expect(rows.top(3)).toBe(30);
    expect(rows.top(4)).toBe(40 + BAND_HEIGHT);
    expect(rows.top(8)).toBe(80 + 2 * BAND_HEIGHT);
    expect([0, 3, 4, 5, 8].filter((token) => rows.restarts(token))).toEqual([4, 8]);
    // The band belongs to the row below it.
    expect(rows.at(39)).toBe(3);
    expect(rows.at(41)).toBe(4);
  });

  test('beyond the ends give the first and the last', () => {
    const rows = new Rows(10, 10, Uint32Array.of(0));
    expect(rows.at(-50)).toBe(0);
    expect(rows.at(1e9)).toBe(9);
  });

  test('are found again from any height within them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 20 }),
        fc.integer({ min: 0, max: 4999 }),
        fc.double({ min: 0, max: 17.99, noNaN: true }),
        (tokens, starts, token, within) => {
          const rows = new Rows(tokens, 18, Uint32Array.from([0, ...new Set(starts)].sort((a, b) => a - b)));
          const wanted = token % tokens;
          expect(rows.at(rows.top(wanted) + within)).toBe(wanted);
        },
      ),
    );
  });
});

describe('columns', () => {
  test('share the width while they are wide enough', () => {
    // Header 20 % of 700; 700 − 140 → at most 132; 504 for 6 layers.
    const columns = new Columns(6, 40, 132 + 504 + SURPRISE_WIDTH);
    expect(columns.header).toBe(132);
    expect(columns.layerWidth).toBe(84);
    expect(columns.surpriseLeft).toBe(132 + 504);
    expect(columns.visible(0)).toEqual([0, 6]);
    expect(columns.at(132 + 84 * 3 + 1, 0)).toBe(3);
    expect(columns.at(10, 0)).toBeUndefined();
    expect(columns.at(132 + 504, 0)).toBeUndefined();
  });

  test('scroll once they are too narrow, and only those in sight are drawn', () => {
    const columns = new Columns(58, 72, 132 + 720 + SURPRISE_WIDTH);
    expect(columns.layerWidth).toBe(72);
    expect(columns.scrolled).toBe(58 * 72);
    expect(columns.surpriseLeft).toBe(132 + 720);
    expect(columns.visible(0)).toEqual([0, 10]);
    expect(columns.visible(100)).toEqual([1, 12]);
    expect(columns.at(132 + 44, 100)).toBe(2);
  });
});

describe('heat map', () => {
  test('finds layer and expert under a point, and the layer under its label', () => {
    const geometry = new HeatGeometry(6, 16, LABEL_WIDTH + 160);
    expect(geometry.height).toBe(6 * 15);
    expect(geometry.at(LABEL_WIDTH + 25, 46)).toEqual({ layer: 3, expert: 2 });
    expect(geometry.at(5, 46)).toEqual({ layer: 3, expert: undefined });
    expect(geometry.at(LABEL_WIDTH + 161, 46)).toBeUndefined();
    expect(geometry.at(LABEL_WIDTH + 25, 91)).toBeUndefined();
  });

  test('has experts share a pixel where there are more of them', () => {
    // Columns begin at 0, 0.4 and 0.8, at 1.2 and 1.6, at 2, 2.4 and 2.8, and the last one at 39.6.
    const geometry = new HeatGeometry(2, 100, LABEL_WIDTH + 40);
    expect([0, 1, 2, 3, 4, 5, 6].map((expert) => geometry.left(expert) - LABEL_WIDTH)).toEqual([0, 0, 0, 1, 1, 2, 2]);
    expect([0, 3, 5, 99].map((expert) => geometry.sharing(expert))).toEqual([
      [0, 3],
      [3, 5],
      [5, 8],
      [98, 100],
    ]);
    const pixels = [0, 1, 2, 39].map((x) => geometry.sharing(geometry.at(LABEL_WIDTH + x, 3)!.expert!)[0]);
    expect(pixels).toEqual([0, 3, 5, 98]);
    expect(new HeatGeometry(6, 16, LABEL_WIDTH + 160).sharing(3)).toEqual([3, 4]);
  });

  test('of 58 layers and 256 experts fits a side panel and labels every third layer', () => {
    const geometry = new HeatGeometry(58, 256, 268);
    expect(geometry.height).toBeLessThanOrEqual(250);
    expect(geometry.labelEvery).toBe(3);
    expect(geometry.gap).toBe(0);
    expect(geometry.left(256)).toBe(268);
    expect(geometry.left(255)).toBeLessThan(268);
  });
});

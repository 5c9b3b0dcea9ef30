import { expect, test } from 'vitest';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { cellOf, choiceAt, goesTo, magnitudeOf, segmentEdges } from '../../webview/grid/cells.ts';
import type { Row } from '../../webview/grid/rowCache.ts';

/** The second of two tokens at one layer: experts 5 and 2 with 3/4 and 1/4 of the weight. */
const row: Row = {
  at: 1,
  rows: {
    from: 10,
    to: 12,
    text: ['a', 'b'],
    ids: Int32Array.of(1, 2),
    logProb: Float32Array.of(NaN, -1.5),
    layers: [
      {
        chosen: Uint16Array.of(0, 1, 5, 2),
        weight: Float32Array.of(0.5, 0.5, 0.6, 0.2),
        entropy: Float32Array.of(1, 1.25),
        margin: Float32Array.of(0, 0.125),
      },
    ],
  },
};

function edges(...weights: number[]): number[] {
  const out = new Float64Array(weights.length);
  segmentEdges(Float32Array.from(weights), 0, weights.length, out);
  return Array.from(out);
}

test('segments are as wide as the weights are to each other', () => {
  expect(edges(0.75, 0.25)).toEqual([0.75, 1]);
  expect(edges(1.5, 0.5)).toEqual([0.75, 1]);
});

test('unknown weights, and weights that are all zero, give equal segments', () => {
  expect(edges(NaN, NaN)).toEqual([0.5, 1]);
  expect(edges(0, 0, 0, 0)).toEqual([0.25, 0.5, 0.75, 1]);
});

test('a negative weight has no width', () => {
  expect(edges(1, -0.5)).toEqual([1, 1]);
});

test('a cell holds its own token’s choices', () => {
  const cell = cellOf(row, 0)!;
  expect(cell.choices.map(({ expert }) => expert)).toEqual([5, 2]);
  expect(cell.entropy).toBe(1.25);
  expect(cellOf(row, 1)).toBeUndefined();
});

test('a point in a cell is over the choice drawn there', () => {
  expect(choiceAt(row, 0, 0.1)).toBe(0);
  expect(choiceAt(row, 0, 0.74)).toBe(0);
  expect(choiceAt(row, 0, 0.76)).toBe(1);
});

test('tints read the value they name', () => {
  expect(magnitudeOf('entropy', row, 0)).toBe(1.25);
  expect(magnitudeOf('margin', row, 0)).toBe(0.125);
  expect(magnitudeOf('surprise', row, 0)).toBe(1.5);
  // Experts 5 and 2 take 3 and 0 times the even share.
  expect(magnitudeOf('load', row, 0, Float64Array.of(1, 1, 0, 1, 0, 3))).toBe(1.5);
  expect(magnitudeOf('load', row, 0)).toBeNaN();
});

test('a token goes to the experts it chose; a dropped slot goes nowhere', () => {
  expect(goesTo(row, 0, 2)).toBe(true);
  expect(goesTo(row, 0, 0)).toBe(false);
  expect(goesTo(row, 0, NO_EXPERT)).toBe(false);
});

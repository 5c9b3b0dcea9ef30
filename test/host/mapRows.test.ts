import { expect, test } from 'vitest';
import { MAX_ROWS, mapRows } from '../../extension/host/mapRows.ts';
import { routedTextOf } from './routedTextOf.ts';

const routed = routedTextOf({
  text: 'abcd',
  tokens: [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ],
  routed: 3,
  logProb: [NaN, -1, -2, NaN],
  layers: [
    {
      layer: 4,
      experts: 8,
      k: 2,
      slots: [
        [
          [0, 0.5],
          [1, 0.25],
          [7, 0.125],
        ],
        [
          [2, 0.5],
          [3, 0.25],
          [7, 0.125],
        ],
        [
          [4, 0.5],
          [5, 0.25],
          [7, 0.125],
        ],
        [
          [0, 0],
          [0, 0],
          [0, 0],
        ],
      ],
      entropy: [1, 2, 3, 0],
      margin: [0.5, 0.25, 0.125, 0],
    },
  ],
});

test('rows hold the chosen experts without the runners-up', () => {
  expect(mapRows(routed, 1, 3)).toEqual({
    from: 1,
    to: 3,
    text: ['b', 'c'],
    ids: Int32Array.of(101, 102),
    logProb: Float32Array.of(-1, -2),
    layers: [
      {
        chosen: Uint16Array.of(2, 3, 4, 5),
        weight: Float32Array.of(0.5, 0.25, 0.5, 0.25),
        entropy: Float32Array.of(2, 3),
        margin: Float32Array.of(0.25, 0.125),
      },
    ],
  });
});

test('rows end where the routing does', () => {
  expect(mapRows(routed, 2, 4).to).toBe(3);
  expect(mapRows(routed, 9, 12)).toMatchObject({ from: 3, to: 3, text: [] });
  expect(mapRows(routed, 2, 1)).toMatchObject({ from: 2, to: 2 });
});

test('nothing in an answer is larger than the answer', () => {
  const { ids, logProb, layers } = mapRows(routed, 1, 3);
  for (const column of [ids, logProb, ...layers.flatMap((layer) => Object.values(layer))]) {
    expect(column.buffer.byteLength).toBe(column.byteLength);
  }
});

test('how much of a token a capacity limit drops stands in rows where that is known', () => {
  const droppedOf = (dropped?: Uint8Array) => mapRows(routed, 1, 3, [{ capacity: 1, ...(dropped && { dropped }) }]);
  expect(droppedOf(Uint8Array.of(0, 1, 2)).layers[0]!.dropped).toEqual(Float32Array.of(0.5, 1));
  expect(droppedOf().layers[0]!.dropped).toBeUndefined();
});

test('an answer has a limit, whatever is asked for', () => {
  const count = MAX_ROWS + 10;
  const long = routedTextOf({
    text: 'x'.repeat(count),
    tokens: Array.from({ length: count }, (_, t) => [t, t + 1]),
    layers: [],
  });
  expect(mapRows(long, 0, count).to).toBe(MAX_ROWS);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ScrollMap } from '../../webview/grid/scrollMap.ts';

const VIEWPORT = 700;
const MILLIONS_OF_ROWS = 3_000_000 * 18;

test('content that fits is scrolled as it is', () => {
  const map = new ScrollMap(144_000, VIEWPORT);
  expect(map.scrollHeight).toBe(144_000);
  expect(map.scrolled(5000)).toBe(5000);
  expect(map.position).toBe(5000);
});

test('taller content gets the height an element may have, and both ends can be reached', () => {
  const map = new ScrollMap(MILLIONS_OF_ROWS, VIEWPORT);
  expect(map.scrollHeight).toBe(8_000_000);
  map.scrolled(map.scrollHeight - VIEWPORT);
  expect(map.position).toBe(MILLIONS_OF_ROWS - VIEWPORT);
  map.scrolled(0);
  expect(map.position).toBe(0);
});

test('small steps move pixel by pixel wherever one is', () => {
  const map = new ScrollMap(MILLIONS_OF_ROWS, VIEWPORT);
  let scrollTop = map.scrolled(3_333_333);
  let position = map.position;
  for (let step = 0; step < 20_000; step++) {
    scrollTop = map.scrolled(scrollTop + 53);
    position += 53;
    expect(map.position).toBeCloseTo(position, 3);
    expect(scrollTop).toBeGreaterThanOrEqual(0);
    expect(scrollTop).toBeLessThanOrEqual(map.scrollHeight - VIEWPORT);
  }
});

test('dragging half-way shows the middle', () => {
  const map = new ScrollMap(MILLIONS_OF_ROWS, VIEWPORT);
  map.scrolled((map.scrollHeight - VIEWPORT) / 2);
  expect(map.position / MILLIONS_OF_ROWS).toBeCloseTo(0.5, 1);
});

test('any position can be gone to', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (rows, fraction) => {
        const map = new ScrollMap(rows * 18, VIEWPORT);
        const wanted = fraction * Math.max(0, rows * 18 - VIEWPORT);
        const scrollTop = map.moveTo(wanted);
        expect(map.position).toBeCloseTo(wanted, 3);
        expect(scrollTop).toBeGreaterThanOrEqual(0);
        expect(scrollTop).toBeLessThanOrEqual(Math.max(0, map.scrollHeight - VIEWPORT));
      },
    ),
  );
});

import { describe, expect, it } from 'vitest';
import {
  blockCounts,
  loadDifference,
  meanMaxVio,
  permutationTests,
  placesByLoad,
} from '../../extension/analysis/permutation.ts';
import { randomNumbers } from '../../extension/analysis/random.ts';
import { layerTrace } from '../support/layerTrace.ts';

const all = (n: number): Uint32Array => new Uint32Array(n).map((_, i) => i);

describe('blockCounts', () => {
  const layer = layerTrace({ experts: 3, k: 1, chosen: [[0], [2], [2], [null], [1], [0], [0]] });

  it('counts by block, and leaves a rest out', () => {
    expect(blockCounts([layer, layer], all(7), 3).map((block) => [...block])).toEqual([
      [1, 0, 2, 1, 0, 2],
      [1, 1, 0, 1, 1, 0],
    ]);
  });

  it('puts experts by the load they have', () => {
    // 3 slots, 1, 2: expert 2 is the second busiest.
    const places = placesByLoad(Float64Array.of(3, 1, 2));
    expect([...places]).toEqual([0, 2, 1]);
    expect([...blockCounts([layer], all(3), 3, [places])[0]!]).toEqual([1, 2, 0]);
  });
});

it('measures balance and difference over layers', () => {
  const [a, b] = [Float64Array.of(3, 1, 2, 2), Float64Array.of(1, 3, 4, 0)];
  expect(meanMaxVio(a, [2, 2])).toBe(0.25); // ½ and 0
  expect(loadDifference(a, b, [2, 2])).toBe(0.5); // ½ and ½
  expect(meanMaxVio(new Float64Array(2), [2])).toBe(0);
});

describe('permutationTests', () => {
  const difference = (x: Float64Array, y: Float64Array): number => Math.abs(x[0]! - y[0]!);

  it('has the p value of the whole set of exchanges, where that is small', () => {
    // Two pairs, 3 against 0 both times: of four exchanges two are as extreme. With 999 draws p is near ½.
    const a = [Float64Array.of(3), Float64Array.of(3)];
    const b = [Float64Array.of(0), Float64Array.of(0)];
    const [test] = permutationTests(a, b, 'pairs', 999, [difference]);
    expect(test!.observed).toBe(6);
    expect(test!.p).toBeGreaterThan(0.42);
    expect(test!.p).toBeLessThan(0.58);
    // Dealt out anew, 2 of 6 ways are as extreme.
    const [pooled] = permutationTests(a, b, 'pool', 999, [difference]);
    expect(pooled!.p).toBeGreaterThan(0.26);
    expect(pooled!.p).toBeLessThan(0.41);
  });

  it.each(['pairs', 'pool'] as const)(
    'calls chance chance: p is spread evenly when nothing differs (%s)',
    (exchange) => {
      const random = randomNumbers(3);
      const run = (): Float64Array[] => Array.from({ length: 12 }, () => Float64Array.of(random()));
      const ps = Array.from({ length: 200 }, () => permutationTests(run(), run(), exchange, 99, [difference])[0]!.p);
      // Of 200 tests 10 are expected under 0.05, with a standard deviation of 3; half of them under a half.
      expect(ps.filter((p) => p <= 0.05).length).toBeLessThan(22);
      const low = ps.filter((p) => p <= 0.5).length;
      expect(low).toBeGreaterThan(65);
      expect(low).toBeLessThan(135);
    },
  );
});

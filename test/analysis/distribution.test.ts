import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distribution } from '../../extension/analysis/distribution.ts';

describe('distribution', () => {
  it('interpolates quantiles over all columns, and leaves NaN out', () => {
    // 0, 1, 2, 4, 8 in order: 5 % lies at place 0.2, 25 % at 1, 95 % at 3.8.
    const d = distribution([Float32Array.of(8, NaN, 1), Float32Array.of(4, 0, 2)]);
    expect(d).toMatchObject({ mean: 3, p25: 1, p50: 2, p75: 4 });
    expect(d.p5).toBeCloseTo(0.2, 12);
    expect(d.p95).toBeCloseTo(7.2, 12);
  });

  it('is one value throughout, or none', () => {
    expect(distribution([Float32Array.of(0.5)])).toEqual({
      mean: 0.5,
      p5: 0.5,
      p25: 0.5,
      p50: 0.5,
      p75: 0.5,
      p95: 0.5,
    });
    expect(Object.values(distribution([Float32Array.of(NaN)]))).toEqual([NaN, NaN, NaN, NaN, NaN, NaN]);
  });

  it('has the quantiles that sorting has, whatever the values', () => {
    const values = fc.array(fc.oneof(fc.float(), fc.constantFrom(0.5, -0, 0, 1e-40, Infinity)), { maxLength: 50 });
    fc.assert(
      fc.property(fc.array(values, { maxLength: 3 }), (columns) => {
        const d = distribution(columns.map((column) => Float32Array.from(column)));
        const sorted = Float32Array.from(columns.flat().filter((value) => !Number.isNaN(value))).toSorted();
        for (const [q, value] of [
          [0.05, d.p5],
          [0.25, d.p25],
          [0.5, d.p50],
          [0.75, d.p75],
          [0.95, d.p95],
        ] as const) {
          const at = q * (sorted.length - 1);
          const [below = NaN, above = NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
          // 0 and -0 are equal, and stand in whatever order.
          expect(value + 0).toBe(below + (at % 1) * (above - below) + 0);
        }
      }),
    );
  });
});

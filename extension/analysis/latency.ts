/** Latencies of steps that follow one another, and what goes with them. */

/**
 * The value under which a share q of the values lie, interpolated between two (Hyndman and Fan's definition 7, numpy's default); NaN
 * of none.
 */
export function quantile(values: Float64Array, q: number): number {
  const sorted = values.toSorted();
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? NaN;
  return below + (at % 1) * ((sorted[Math.ceil(at)] ?? NaN) - below);
}

/** Median of the values; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values), 0.5);
}

/** Pearson's correlation of two columns; NaN where one of them never changes. Its square is the share of the variance that goes along. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length;
  const mean = (of: ArrayLike<number>): number => Array.from(of).reduce((sum, x) => sum + x, 0) / n;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : NaN;
}

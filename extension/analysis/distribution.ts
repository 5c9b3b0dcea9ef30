/** How values are spread: of tokens' entropy or margin, say. */

/** NaN throughout when there are no values. */
export interface Distribution {
  readonly mean: number;
  /** Quantiles at 5, 25, 50, 75 and 95 %. */
  readonly p5: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
}

/** Bins that quantiles are looked for in. */
const BINS = 4096;

const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/**
 * Distribution of all values of several columns, NaN left out. Between two values a quantile is interpolated: that of q
 * lies at q·(n − 1) of the n values in order, from 0 (Hyndman and Fan's definition 7, numpy's default).
 */
export function distribution(columns: readonly Float32Array[]): Distribution {
  const range = rangeOf(columns);
  const at = QUANTILES.map((q) => q * (range.count - 1));
  const values = ranked(columns, range, new Set(at.flatMap((rank) => [Math.floor(rank), Math.ceil(rank)])));
  const [p5, p25, p50, p75, p95] = at.map((rank) => {
    const below = values.get(Math.floor(rank)) ?? NaN;
    const above = values.get(Math.ceil(rank)) ?? NaN;
    return below + (rank % 1) * (above - below);
  });
  return { mean: range.sum / range.count, p5: p5!, p25: p25!, p50: p50!, p75: p75!, p95: p95! };
}

interface Range {
  /** Values that are not NaN. */
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

function rangeOf(columns: readonly Float32Array[]): Range {
  let count = 0;
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const column of columns) {
    for (const value of column) {
      if (Number.isNaN(value)) continue;
      count += 1;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { count, sum, min, max };
}

/**
 * The values of some ranks, the smallest having rank 0, without sorting all of them: in bins of equal width a lower bin has
 * lower values alone, so that only the bins in which the ranks lie are sorted.
 */
function ranked(
  columns: readonly Float32Array[],
  { min, max }: Range,
  ranks: ReadonlySet<number>,
): Map<number, number> {
  const scale = (BINS - 1) / (max - min);
  // One bin where all are alike, or infinitely far apart.
  const perUnit = Number.isFinite(scale) ? scale : 0;
  const binOf = (value: number): number => (perUnit === 0 ? 0 : Math.floor((value - min) * perUnit));
  const sizes = new Uint32Array(BINS);
  for (const column of columns) {
    for (const value of column) if (!Number.isNaN(value)) sizes[binOf(value)]! += 1;
  }
  const wanted = [...ranks].sort((a, b) => a - b);
  // Where each bin that is sorted has its place among them, and its rank of all.
  const places = new Int32Array(BINS).fill(-1);
  const sorted: { readonly first: number; readonly values: Float32Array; filled: number }[] = [];
  let first = 0;
  for (let bin = 0, next = 0; bin < BINS && next < wanted.length; first += sizes[bin++]!) {
    const end = first + sizes[bin]!;
    if (wanted[next]! >= end) continue;
    places[bin] = sorted.length;
    sorted.push({ first, values: new Float32Array(sizes[bin]!), filled: 0 });
    while (next < wanted.length && wanted[next]! < end) next += 1;
  }
  for (const column of columns) {
    for (const value of column) {
      if (Number.isNaN(value)) continue;
      const place = places[binOf(value)]!;
      if (place < 0) continue;
      const bin = sorted[place]!;
      bin.values[bin.filled++] = value;
    }
  }
  const values = new Map<number, number>();
  for (const bin of sorted) {
    bin.values.sort();
    for (const rank of wanted) {
      const value = bin.values[rank - bin.first];
      if (value !== undefined) values.set(rank, value);
    }
  }
  return values;
}

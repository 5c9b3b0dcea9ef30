/** How many values fall into each of a row of bins. */

export interface Bins {
  /** Where the bins begin and end, rising: bin i is [edges[i], edges[i + 1]). The first and the last also take what lies beyond. */
  readonly edges: readonly number[];
  readonly bin: (value: number) => number;
}

/** Bins of equal width. */
export function evenBins(min: number, max: number, count: number): Bins {
  const width = (max - min) / count;
  return {
    edges: Array.from({ length: count + 1 }, (_, i) => min + i * width),
    bin: (value) => Math.min(count - 1, Math.max(0, Math.floor((value - min) / width))),
  };
}

/** Bins of equal width on a scale of powers of ten, so many to a decade. */
export function decadeBins(from: number, to: number, perDecade: number): Bins {
  const count = (to - from) * perDecade;
  return {
    edges: Array.from({ length: count + 1 }, (_, i) => 10 ** (from + i / perDecade)),
    // What is not positive lies under the first.
    bin: (value) =>
      value > 0 ? Math.min(count - 1, Math.max(0, Math.floor((Math.log10(value) - from) * perDecade))) : 0,
  };
}

/** Values in each bin, NaN left out. */
export function histogram(values: Float32Array, { edges, bin }: Bins): Float64Array {
  const counts = new Float64Array(edges.length - 1);
  for (const value of values) if (!Number.isNaN(value)) counts[bin(value)]! += 1;
  return counts;
}

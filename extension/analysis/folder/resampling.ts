/** Draws for resampling. The same seed each time: a figure does not tremble when it is made again. */

/** Resampled data sets behind an interval. */
export const RESAMPLES = 400;

/** Numbers in [0, 1): Mulberry32, a 32-bit generator of public domain by T. Ettinger. */
export function randomNumbers(seed = 20_240_902): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Shuffles in place (Fisher and Yates). */
export function shuffle(items: unknown[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
}

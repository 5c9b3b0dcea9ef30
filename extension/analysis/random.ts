/** Random numbers that come out the same every time, so that a report or a continuation can be made again. */

/** Numbers from [0, 1) of a seed: mulberry32, a full-period generator of 32 bits of state, by Tommy Ettinger. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Puts entries into a random order, in place (Fisher and Yates). */
export function shuffle(entries: Uint16Array | Uint32Array | Int32Array, random: () => number): void {
  for (let i = entries.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [entries[i], entries[j]] = [entries[j]!, entries[i]!];
  }
}

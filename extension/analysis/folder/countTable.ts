/** Counts by a whole number, in two typed arrays: a map of a million entries in 12 MB. Open addressing, linear probing. */

/** Plain data. A key of 0 marks an empty place; keys are below 2⁵³. */
export interface CountTable {
  keys: Float64Array;
  counts: Uint32Array;
  size: number;
}

const FIRST = 2 ** 12;
const FULLEST = 0.7;

export function emptyTable(places = FIRST): CountTable {
  return { keys: new Float64Array(places), counts: new Uint32Array(places), size: 0 };
}

/** Adds to the count of a key from 1 on. */
export function addCount(table: CountTable, key: number, n = 1): void {
  let at = placeOf(table.keys, key);
  if (table.keys[at] === 0) {
    if (table.size >= FULLEST * table.keys.length) {
      grow(table);
      at = placeOf(table.keys, key);
    }
    table.keys[at] = key;
    table.size += 1;
  }
  table.counts[at]! += n;
}

/**
 * Those that are wanted, in a table of their own. It is as large: entries come in the order of their places, which in a smaller
 * table would all be next to one another, and each look-up would go through all of them.
 */
export function filtered({ keys, counts }: CountTable, wanted: (key: number) => boolean): CountTable {
  const kept = emptyTable(keys.length);
  keys.forEach((key, at) => {
    if (key > 0 && wanted(key)) addCount(kept, key, counts[at]);
  });
  return kept;
}

function placeOf(keys: Float64Array, key: number): number {
  const mask = keys.length - 1;
  const high = Math.floor(key / 2 ** 32);
  let at = (Math.imul((key >>> 0) ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> 8) & mask;
  while (keys[at] !== 0 && keys[at] !== key) at = (at + 1) & mask;
  return at;
}

function grow(table: CountTable): void {
  const { keys, counts } = table;
  table.keys = new Float64Array(2 * keys.length);
  table.counts = new Uint32Array(2 * keys.length);
  for (let from = 0; from < keys.length; from++) {
    const key = keys[from]!;
    if (key === 0) continue;
    const at = placeOf(table.keys, key);
    table.keys[at] = key;
    table.counts[at] = counts[from]!;
  }
}

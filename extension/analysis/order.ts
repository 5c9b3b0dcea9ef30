/** Sorting of many slots at once: by digits, in time that grows with their number alone. */

/** Most bits of a digit: so many places to put slots that a processor's cache still holds where they are. */
const DIGIT_BITS = 13;

/** Slots of a layer in some order: their experts, and their weights. */
export interface WeighedSlots {
  readonly experts: Uint16Array;
  readonly weights: Float32Array;
}

/** The same slots in falling order of weight, slots of equal weight as they stood. No weight may be NaN. */
export function heaviestFirst(slots: WeighedSlots): WeighedSlots {
  let experts = slots.experts.slice();
  let keys = new Uint32Array(slots.weights.slice().buffer);
  let least = 0xffffffff;
  let most = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = turned(keys[i]!);
    keys[i] = key;
    if (key < least) least = key;
    if (key > most) most = key;
  }
  let otherExperts = new Uint16Array(experts.length);
  let otherKeys = new Uint32Array(keys.length);
  const bits = most > least ? 32 - Math.clz32(most - least) : 0;
  const digitBits = Math.ceil(bits / Math.ceil(bits / DIGIT_BITS));
  const mask = 2 ** digitBits - 1;
  for (let shift = 0; shift < bits; shift += digitBits) {
    const next = new Uint32Array(mask + 2);
    for (let i = 0; i < keys.length; i++) next[(((keys[i]! - least) >>> shift) & mask) + 1]! += 1;
    for (let digit = 1; digit <= mask; digit++) next[digit]! += next[digit - 1]!;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const to = next[((key - least) >>> shift) & mask]!++;
      otherKeys[to] = key;
      otherExperts[to] = experts[i]!;
    }
    [keys, otherKeys] = [otherKeys, keys];
    [experts, otherExperts] = [otherExperts, experts];
  }
  for (let i = 0; i < keys.length; i++) keys[i] = turned(keys[i]!);
  return { experts, weights: new Float32Array(keys.buffer) };
}

/**
 * Bits of a float as an unsigned number that is the smaller the larger the float is, and back: as such, floats of one sign stand
 * in order, negative ones in the opposite one.
 */
function turned(bits: number): number {
  return bits >>> 31 ? bits : 0x7fffffff - bits;
}

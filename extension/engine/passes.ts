/**
 * Rows of queries that ONNX Runtime's attention takes at a time are a multiple of this: twice the size of a head, which is a
 * multiple of eight.
 */
const QUERY_BLOCK = 16;

/**
 * Whether the last of so many rows may come out otherwise than among more rows, by rounding. ONNX Runtime computes each row of a
 * product alike, whatever rows stand beside it, but for a row that is alone: that has a kernel of its own, which adds up
 * in another order. Attention works on blocks of rows, so one is alone when it is left over.
 */
export function leavesOneOver(rows: number): boolean {
  return rows % QUERY_BLOCK === 1;
}

/**
 * Where a pass over tokens [from, end) ends: after `most` at the latest, and so that no pass leaves a row over if that can be.
 * Then a token's routing is the same to the bit however its text is cut into passes.
 *
 * @param cacheless whether each pass takes all tokens anew: then one that was cut short would not be of the same run as its end
 */
export function passEnd(from: number, end: number, most: number, cacheless = false): number {
  let to = Math.min(end, from + most);
  if (cacheless) return to;
  if (to === end - 1 && to - from > 2) to -= 2;
  return leavesOneOver(to - from) && to - from > 1 ? to - 2 : to;
}

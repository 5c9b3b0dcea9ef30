/**
 * Nested lists of expert ids straight from the bytes of an answer: as JSON they would become millions of small arrays, which
 * takes ten times as long.
 */
import type { IntegerArray } from '../formats/npy.ts';

const [OPEN, CLOSE, COMMA, MINUS, ZERO, NINE] = [0x5b, 0x5d, 0x2c, 0x2d, 0x30, 0x39];
/** Inside a string a quote would have a backslash before it, so that this stands for the key alone. */
const KEY = 'prompt_routed_experts":[[[';
/** Longer numbers are no ids. */
const MAX_ID = 1_000_000;

export interface TakenIds {
  readonly ids: IntegerArray;
  /** The answer with null in the place of the lists. */
  readonly rest: Uint8Array;
}

/** Takes `prompt_routed_experts` out of an answer; undefined where it is not there, or not [tokens][layers][k] in plain digits. */
export function takeNestedIds(body: Uint8Array): TakenIds | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const key = bytes.indexOf(KEY);
  if (key < 0) return undefined;
  const from = key + KEY.length - 3;
  const read = readLists(bytes, from);
  if (!read) return undefined;
  const rest = Buffer.concat([bytes.subarray(0, from), Buffer.from('null'), bytes.subarray(read.end)]);
  return { ids: read.ids, rest };
}

function readLists(bytes: Buffer, from: number): { readonly ids: IntegerArray; readonly end: number } | undefined {
  // An id takes a digit and a comma at least.
  const values = new Int32Array((bytes.length - from) >> 1);
  let [count, depth, k, layers, rows] = [0, 0, 0, 0, 0];
  // Where the list of a token's layers, and that of a layer's ids, begins among the values.
  let [token, layer] = [0, 0];
  for (let at = from; at < bytes.length;) {
    const byte = bytes[at]!;
    if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      if (depth !== 3) return undefined;
      let value = 0;
      at += byte === MINUS ? 1 : 0;
      for (let digit = bytes[at]!; digit >= ZERO && digit <= NINE && value < MAX_ID; digit = bytes[++at]!) {
        value = value * 10 + digit - ZERO;
      }
      values[count++] = byte === MINUS ? -value : value;
      continue;
    }
    at += 1;
    if (byte === OPEN) {
      depth += 1;
      if (depth > 3) return undefined;
    } else if (byte === CLOSE) {
      if (depth === 3) {
        k ||= count - layer;
        if (count - layer !== k) return undefined;
        layer = count;
      } else if (depth === 2) {
        layers ||= (count - token) / k;
        if (k === 0 || count - token !== layers * k) return undefined;
        token = count;
        rows += 1;
      }
      depth -= 1;
      if (depth === 0) return { ids: { shape: [rows, layers, k], values: values.subarray(0, count) }, end: at };
    } else if (byte !== COMMA) return undefined;
  }
  return undefined;
}

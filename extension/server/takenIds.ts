/**
 * Expert ids straight from the bytes of an answer, of which they are the most: nested lists would become millions of small arrays
 * as JSON, which takes ten times as long, and base64 a string that is looked through again and again.
 */
import { decodedBase64, type Routed } from '../formats/engineReply.ts';
import type { IntegerArray } from '../formats/npy.ts';

const [OPEN, CLOSE, COMMA, MINUS, ZERO, NINE, QUOTE] = [0x5b, 0x5d, 0x2c, 0x2d, 0x30, 0x39, 0x22];
/** Inside a string a quote would have a backslash before it, so that these stand for the keys alone. */
const NESTED = 'prompt_routed_experts":[[[';
const ENCODED = '"routed_experts":"';
/** Longer numbers are no ids. */
const MAX_ID = 1_000_000;

export interface TakenIds {
  readonly routed: Routed;
  /** The answer with null in their place. */
  readonly rest: Uint8Array;
}

/** Takes expert ids out of an answer; undefined where there are none that can be read in this way. */
export function takeIds(body: Uint8Array): TakenIds | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return takeNested(bytes) ?? takeEncoded(bytes);
}

/** `prompt_routed_experts`, as [tokens][layers][k] in plain digits. */
function takeNested(bytes: Buffer): TakenIds | undefined {
  const key = bytes.indexOf(NESTED);
  if (key < 0) return undefined;
  const from = key + NESTED.length - 3;
  const read = readLists(bytes, from);
  return read && { routed: read.ids, rest: without(bytes, from, read.end) };
}

/** `routed_experts` in base64. */
function takeEncoded(bytes: Buffer): TakenIds | undefined {
  const key = bytes.indexOf(ENCODED);
  if (key < 0) return undefined;
  const from = key + ENCODED.length;
  const end = bytes.indexOf(QUOTE, from);
  const routed = end < 0 ? undefined : decodedBase64(bytes.toString('latin1', from, end));
  return routed && { routed, rest: without(bytes, from - 1, end + 1) };
}

function without(bytes: Buffer, from: number, end: number): Buffer {
  return Buffer.concat([bytes.subarray(0, from), Buffer.from('null'), bytes.subarray(end)]);
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

/**
 * Arrays as numpy writes them. A .npy file is a magic, a version, a header that is a Python dict in ASCII, and the items; an
 * .npz file is a zip of them.
 */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import { viewOf } from './viewOf.ts';
import { readZip } from './zip.ts';

/** Whole numbers and their shape, in C order. */
export interface IntegerArray {
  readonly shape: readonly number[];
  /** As many as the shape says. */
  readonly values: Integers;
}

/** 64-bit integers come as Float64Array: routing and counts are far from the end of its whole numbers. */
export type Integers =
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

const MAGIC = '\x93NUMPY';
/** Headers of arrays have some 100 bytes; structured types, which are none of ours, may have more. */
const MAX_HEADER = 65_536;
/** No routing has more axes. */
const MAX_AXES = 8;

type Columns = new (buffer: ArrayBuffer, offset: number, length: number) => Integers;

/** Items by numpy's name of their type: kind and bytes. Floats are for counts that somebody averaged or summed in float. */
const TYPES: Readonly<Record<string, Columns>> = {
  u1: Uint8Array,
  b1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  f4: Float32Array,
  f8: Float64Array,
};
const WIDE: ReadonlySet<string> = new Set(['u8', 'i8']);

export function isNpy(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && latin1(bytes, 0, MAGIC.length) === MAGIC;
}

/**
 * Reads a .npy file.
 *
 * @returns numbers in C order and in this machine's order of bytes; they may share memory with the file
 * @throws UserError `trace-invalid` naming what is wrong
 */
export function readNpy(bytes: Uint8Array): IntegerArray {
  if (!isNpy(bytes)) throw invalid(l10n.t`it does not begin as a .npy file does`);
  const view = viewOf(bytes);
  const major = bytes[6]!;
  const start = major === 1 ? 10 : 12;
  if (major < 1 || major > 3 || bytes.length < start) throw invalid(l10n.t`its version is not known`);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER || start + length > bytes.length) throw invalid(l10n.t`its header is longer than the file`);
  const { descr, fortran, shape } = readHeader(latin1(bytes, start, start + length));
  const type = /^([<>|=]?)([biuf][1248])$/.exec(descr);
  if (!type || !(type[2]! in TYPES || WIDE.has(type[2]!)))
    throw invalid(l10n.t`its items are of type ${descr}, which are no whole numbers`);
  const size = Number(type[2]![1]);
  const items = product(shape);
  const data = start + length;
  if (!Number.isSafeInteger(items * size) || data + items * size > bytes.length) {
    throw invalid(l10n.t`its shape is ${shape.join(' × ')}, for which it is too short`);
  }
  const values = readIntegers(bytes.subarray(data, data + items * size), type[2]!, type[1] === '>');
  // Column by column: the first axis is the fastest.
  const strides = shape.map((_, axis) => product(shape.slice(0, axis)));
  return { shape, values: fortran ? gather(values, 0, shape, strides) : values };
}

/**
 * Numbers from their bytes; they may share memory with them.
 *
 * @param type kind and bytes of an item as numpy has them: u1, i8, f4
 */
export function readIntegers(bytes: Uint8Array, type: string, bigEndian = false): Integers {
  const size = Number(type[1]);
  const items = Math.floor(bytes.length / size);
  const raw = aligned(bytes, size, bigEndian);
  const Columns = TYPES[type];
  if (Columns) return new Columns(raw.buffer, raw.byteOffset, items);
  const halves = new Uint32Array(raw.buffer, raw.byteOffset, 2 * items);
  const high = type === 'i8' ? new Int32Array(raw.buffer, raw.byteOffset, 2 * items) : halves;
  return Float64Array.from({ length: items }, (_, i) => high[2 * i + 1]! * 2 ** 32 + halves[2 * i]!);
}

/**
 * Reads an .npz file: its arrays by name.
 *
 * @throws UserError `trace-invalid`
 */
export function readNpz(bytes: Uint8Array): ReadonlyMap<string, IntegerArray> {
  const arrays = new Map<string, IntegerArray>();
  for (const entry of readZip(bytes)) {
    if (entry.name.endsWith('.npy')) arrays.set(entry.name.slice(0, -4), readNpy(entry.read()));
  }
  return arrays;
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** {'descr': '<i4', 'fortran_order': False, 'shape': (43, 6, 2), } */
function readHeader(text: string): Header {
  const descr = /'descr'\s*:\s*'([^']{1,16})'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const axes = /'shape'\s*:\s*\(([\d\s,L]{0,200})\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || axes === undefined)
    throw invalid(l10n.t`its header is not understood`);
  const shape = (axes.match(/\d+/g) ?? []).map(Number);
  if (shape.length > MAX_AXES || !shape.every((n) => Number.isSafeInteger(n)))
    throw invalid(l10n.t`its shape is not valid`);
  return { descr, fortran: order === 'True', shape };
}

/** The items' bytes where a typed array can begin, in this machine's order. */
function aligned(bytes: Uint8Array, size: number, bigEndian: boolean): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && byteOffset % size === 0 && !bigEndian) {
    return new Uint8Array(buffer, byteOffset, byteLength);
  }
  const copy = new Uint8Array(bytes);
  if (bigEndian && size > 1) for (let i = 0; i < copy.length; i += size) copy.subarray(i, i + size).reverse();
  return copy;
}

/**
 * What a view of an array shows, in C order.
 *
 * @param strides by axis, in items
 */
export function gather(
  items: Integers,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Integers {
  const count = product(shape);
  if (count === 0 || strides.every((stride, axis) => stride === product(shape.slice(axis + 1)))) {
    return items.subarray(offset, offset + count);
  }
  const values = items.slice(0, count);
  const at = shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    values[i] = items[at.reduce((sum, index, axis) => sum + index * strides[axis]!, offset)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]! += 1;
      if (at[axis]! < shape[axis]!) break;
      at[axis] = 0;
    }
  }
  return values;
}

/** Whether there is no fraction, infinity or NaN among numbers. */
export function isWhole(values: Integers): boolean {
  return !(values instanceof Float32Array || values instanceof Float64Array) || values.every(Number.isInteger);
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, n) => all * n, 1);
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}

function invalid(what: string): UserError {
  return new UserError('trace-invalid', l10n.t`This is no array that MoEScope can open: ${what}.`);
}

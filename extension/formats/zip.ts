/** Zip files as numpy and PyTorch write them: entries stored or deflated, in one part, with zip64 sizes where they are large. */
import * as l10n from '@vscode/l10n';
import { inflateRawSync } from 'node:zlib';
import { messageOf, UserError } from '../protocol/errors.ts';
import { viewOf } from './viewOf.ts';

export interface ZipEntry {
  readonly name: string;
  /** The entry's bytes; they may share memory with the file. Throws UserError `trace-invalid`. */
  readonly read: () => Uint8Array;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** The end's own bytes, and the longest comment behind them. */
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
/** A checkpoint has a few thousand tensors, a recording a few. */
const MAX_ENTRIES = 100_000;
/** All entries unpacked: routing of 32,000 tokens × 61 layers × 8 in 64-bit integers has 125 MB. */
const MAX_UNPACKED = 1_000_000_000;
/** A value that stands in the zip64 field instead. */
const IN_ZIP64 = 0xffffffff;

const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === LOCAL;
}

/**
 * The entries of a zip file, in the order of its directory.
 *
 * @throws UserError `trace-invalid` naming what is wrong
 */
export function readZip(bytes: Uint8Array): readonly ZipEntry[] {
  try {
    return entriesOf(bytes);
  } catch (error) {
    // A place that lies outside the file.
    if (error instanceof RangeError) throw invalid(l10n.t`it is cut off or damaged`, error);
    throw error;
  }
}

function entriesOf(bytes: Uint8Array): ZipEntry[] {
  const view = viewOf(bytes);
  const { count, offset } = directoryOf(view);
  if (count > MAX_ENTRIES) throw invalid(l10n.t`it has ${count} entries`);
  const entries: ZipEntry[] = [];
  let at = offset;
  let unpacked = 0;
  for (let i = 0; i < count; i++) {
    if (view.getUint32(at, true) !== CENTRAL) throw invalid(l10n.t`its directory is damaged`);
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const name = Buffer.from(bytes.buffer, bytes.byteOffset + at + 46, nameLength).toString('utf8');
    const [size, packed, local] = sizesOf(view, at, at + 46 + nameLength, extraLength);
    unpacked += size;
    if (unpacked > MAX_UNPACKED) throw invalid(l10n.t`it is too large`);
    entries.push({ name, read: () => unpack(bytes, { name, flags, method, size, packed, local }) });
    at += 46 + nameLength + extraLength + view.getUint16(at + 32, true);
  }
  return entries;
}

function directoryOf(view: DataView): { count: number; offset: number } {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (view.getUint32(at, true) !== END) continue;
    const count = view.getUint16(at + 10, true);
    const offset = view.getUint32(at + 16, true);
    if (count !== 0xffff && offset !== IN_ZIP64) return { count, offset };
    if (view.getUint32(at - 20, true) !== LOCATOR_64) throw invalid(l10n.t`its directory is damaged`);
    const end = number64(view, at - 12);
    if (view.getUint32(end, true) !== END_64) throw invalid(l10n.t`its directory is damaged`);
    return { count: number64(view, end + 32), offset: number64(view, end + 48) };
  }
  throw invalid(l10n.t`it has no directory`);
}

/** Bytes unpacked, bytes in the file, and where the entry begins: from the directory, or from its zip64 field. */
function sizesOf(view: DataView, at: number, extra: number, extraLength: number): [number, number, number] {
  const sizes: [number, number, number] = [
    view.getUint32(at + 24, true),
    view.getUint32(at + 20, true),
    view.getUint32(at + 42, true),
  ];
  for (let field = extra; field + 4 <= extra + extraLength; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    let from = field + 4;
    for (let i = 0; i < sizes.length; i++) {
      if (sizes[i] !== IN_ZIP64) continue;
      sizes[i] = number64(view, from);
      from += 8;
    }
  }
  return sizes;
}

interface Place {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly size: number;
  readonly packed: number;
  readonly local: number;
}

function unpack(bytes: Uint8Array, { name, flags, method, size, packed, local }: Place): Uint8Array {
  const view = viewOf(bytes);
  if ((flags & ENCRYPTED) !== 0) throw invalid(l10n.t`its entry ${name} is encrypted`);
  if (local + 30 > bytes.length || view.getUint32(local, true) !== LOCAL)
    throw invalid(l10n.t`its entry ${name} is damaged`);
  const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (from + packed > bytes.length) throw invalid(l10n.t`its entry ${name} is cut off`);
  const part = bytes.subarray(from, from + packed);
  let whole: Uint8Array;
  if (method === STORED) whole = part;
  else if (method === DEFLATED) whole = inflate(part, name, size);
  else throw invalid(l10n.t`its entry ${name} is packed in a way that is not known`);
  if (whole.length !== size) throw invalid(l10n.t`its entry ${name} has another length than it says`);
  return whole;
}

function inflate(part: Uint8Array, name: string, size: number): Uint8Array {
  try {
    return inflateRawSync(part, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw invalid(l10n.t`its entry ${name} cannot be unpacked: ${messageOf(error)}`, error);
  }
}

/** Throws RangeError for what is no place in any file. */
function number64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('beyond all files');
  return Number(value);
}

function invalid(what: string, cause?: unknown): UserError {
  return new UserError('trace-invalid', l10n.t`This zip file cannot be read: ${what}.`, { cause });
}

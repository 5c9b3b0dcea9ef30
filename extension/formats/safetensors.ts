/**
 * The safetensors format (github.com/huggingface/safetensors): 8 bytes of header length, a JSON header that names every
 * tensor's type, shape and place, then the tensors' bytes, one after the other. Nothing in a file is believed before it is checked against its size.
 */
import * as l10n from '@vscode/l10n';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, UserError } from '../protocol/errors.ts';
import { stateIn } from './fileState.ts';
import { isJsonObject } from './json.ts';
import { refuseLfsPointer } from './lfsPointer.ts';
import { regularFile } from './regularFile.ts';

/** Bits of one element. Types that no loader here understands are still listed, so that they can be named. */
const BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  I64: 64,
  U64: 64,
  F64: 64,
};

/** The reference implementation's own limit. A model of 100,000 tensors needs about 15 MB. */
const MAX_HEADER_BYTES = 100_000_000;
/** No known checkpoint goes beyond 5. */
const MAX_DIMENSIONS = 16;

/** A tensor in a file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Absolute path of the file. */
  readonly file: string;
  /** What it was like when its header was read: see fileState.ts. */
  readonly state: string;
  /** Position of its first byte in the file. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Reads the header of one file; the tensors' bytes stay on disk.
 *
 * @throws UserError `weights-missing` or `weights-invalid` naming the file and what is wrong
 */
export async function readSafetensorsHeader(path: string): Promise<TensorEntry[]> {
  const name = basename(path);
  const invalid = (what: string): UserError => new UserError('weights-invalid', l10n.t`${name} is damaged: ${what}.`);
  let file;
  try {
    await regularFile(path);
    file = await open(path);
  } catch (error) {
    throw new UserError('weights-missing', l10n.t`${name} cannot be opened: ${messageOf(error)}.`, { cause: error });
  }
  try {
    const stats = await file.stat({ bigint: true });
    const size = Number(stats.size);
    await refuseLfsPointer(path, size, 'weights-missing');
    if (size < 8) throw invalid(l10n.t`it has ${size} bytes, fewer than its header's length takes`);
    const prefix = Buffer.alloc(8);
    await file.read(prefix, 0, 8, 0);
    const headerBytes = Number(prefix.readBigUInt64LE());
    if (headerBytes > MAX_HEADER_BYTES) throw invalid(l10n.t`its header claims ${headerBytes} bytes`);
    if (8 + headerBytes > size) throw invalid(l10n.t`it ends inside its header (${size} of ${8 + headerBytes} bytes)`);
    const text = Buffer.alloc(headerBytes);
    await file.read(text, 0, headerBytes, 8);
    let header: unknown;
    try {
      header = JSON.parse(text.toString('utf8'));
    } catch (error) {
      throw invalid(l10n.t`its header is not JSON (${messageOf(error)})`);
    }
    if (!isJsonObject(header)) throw invalid(l10n.t`its header is not a JSON object`);
    const data: Data = { file: path, state: stateIn(stats), begin: 8 + headerBytes, bytes: size - 8 - headerBytes };
    const entries: TensorEntry[] = [];
    for (const [tensor, value] of Object.entries(header)) {
      if (tensor === '__metadata__') continue;
      const entry = readEntry(tensor, value, data);
      if (typeof entry === 'string') throw invalid(`${JSON.stringify(tensor)} ${entry}`);
      entries.push(entry);
    }
    const astray = outOfPlace(entries, data);
    if (astray !== undefined) throw invalid(astray);
    return entries;
  } finally {
    await file.close();
  }
}

/** What is said of a file whose header was read, and which cannot be read any more. */
export function unreadable(path: string, error: unknown): UserError {
  return new UserError('weights-invalid', l10n.t`${path} cannot be read: ${messageOf(error)}.`, { cause: error });
}

/** Where in a file the tensors' bytes are. */
interface Data {
  readonly file: string;
  readonly state: string;
  readonly begin: number;
  readonly bytes: number;
}

/** What a header says of a tensor, or what is wrong with it. */
function readEntry(name: string, value: unknown, data: Data): TensorEntry | string {
  if (!isJsonObject(value)) return l10n.t`has no description`;
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') return l10n.t`has no type`;
  const bits = Object.hasOwn(BITS, dtype) ? BITS[dtype] : undefined;
  if (bits === undefined) return l10n.t`has the unknown type ${JSON.stringify(dtype)}`;
  if (!isSizes(shape) || shape.length > MAX_DIMENSIONS) return l10n.t`has no proper shape`;
  if (!isSizes(offsets) || offsets.length !== 2) return l10n.t`has no proper place`;
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, n) => product * n, bits) / 8;
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    return l10n.t`claims ${end - begin} bytes, but its shape [${shape.join(', ')}] takes ${bytes}`;
  }
  if (end > data.bytes)
    return l10n.t`ends at byte ${end} of the data, which has only ${data.bytes}: the file is cut short`;
  return { name, dtype, shape, file: data.file, state: data.state, offset: data.begin + begin, bytes };
}

/** What is wrong where tensors share bytes, or some bytes are nobody's: the reference implementation opens no such file either. */
function outOfPlace(entries: readonly TensorEntry[], data: Data): string | undefined {
  let end = data.begin;
  for (const { name, offset, bytes } of entries.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (offset !== end) {
      return l10n.t`${JSON.stringify(name)} begins at byte ${offset - data.begin} of the data, where byte ${end - data.begin} would be next`;
    }
    end += bytes;
  }
  const left = data.begin + data.bytes - end;
  return left === 0 ? undefined : l10n.t`it has ${left} bytes after its last tensor`;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

/**
 * The safetensors format (github.com/huggingface/safetensors): 8 bytes of header length, a JSON header that names every
 * tensor's type, shape and place, then the tensors' bytes. Nothing in a file is believed before it is checked against its size.
 */
import * as l10n from '@vscode/l10n';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, UserError } from '../protocol/errors.ts';
import { isJsonObject, regularFile } from './json.ts';

/** Bytes of one element. Types that no loader here understands are still listed, so that they can be named. */
const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
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
  /** Position of its first byte in the file. */
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Reads the header of one file; the tensors' bytes stay on disk.
 *
 * @throws UserError `weights-invalid` naming the file and what is wrong
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
    const { size } = await file.stat();
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
    const data = { file: path, begin: 8 + headerBytes, bytes: size - 8 - headerBytes };
    const entries: TensorEntry[] = [];
    for (const [tensor, value] of Object.entries(header)) {
      if (tensor === '__metadata__') continue;
      const entry = readEntry(tensor, value, data);
      if (typeof entry === 'string') throw invalid(`${JSON.stringify(tensor)} ${entry}`);
      entries.push(entry);
    }
    return entries;
  } finally {
    await file.close();
  }
}

/** What a header says of a tensor, or what is wrong with it; `data` is where in the file the tensors' bytes are. */
function readEntry(
  name: string,
  value: unknown,
  data: { readonly file: string; readonly begin: number; readonly bytes: number },
): TensorEntry | string {
  if (!isJsonObject(value)) return l10n.t`has no description`;
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') return l10n.t`has no type`;
  const elementBytes = Object.hasOwn(BYTES_PER_ELEMENT, dtype) ? BYTES_PER_ELEMENT[dtype] : undefined;
  if (elementBytes === undefined) return l10n.t`has the unknown type ${JSON.stringify(dtype)}`;
  if (!isSizes(shape) || shape.length > MAX_DIMENSIONS) return l10n.t`has no proper shape`;
  if (!isSizes(offsets) || offsets.length !== 2) return l10n.t`has no proper place`;
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, n) => product * n, elementBytes);
  if (!Number.isSafeInteger(bytes) || end - begin !== bytes) {
    return l10n.t`claims ${end - begin} bytes, but its shape [${shape.join(', ')}] takes ${bytes}`;
  }
  if (end > data.bytes)
    return l10n.t`ends at byte ${end} of the data, which has only ${data.bytes}: the file is cut short`;
  return { name, dtype, shape, file: data.file, offset: data.begin + begin, bytes };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

/**
 * How often each expert was selected, from what llama.cpp's llama-imatrix writes: a GGUF file with `NAME.counts` for each
 * matrix it watched. The experts' counts of blk.N.ffn_*_exps are those of layer N; blk.N.ffn_gate_inp, the router, saw each
 * token once. Legacy files hold sums of activations and no counts of experts.
 */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import type { LayerCounts } from '../protocol/trace.ts';
import type { RecordedCounts } from '../protocol/recording.ts';
import { countedShape, modelElsewhere } from './routedExperts.ts';
import { viewOf } from './viewOf.ts';

const MAGIC = 0x46554747; // GGUF
const F32 = 0;
const MAX_STRING = 1_000_000;
const MAX_TENSORS = 1_000_000;
const MAX_EXPERTS = 0xfffe;
/** An array of arrays is none of ours; more levels than this are none of anybody's. */
const MAX_DEPTH = 4;

/** Bytes of a value by GGUF's number of its type; 8 is a string and 9 an array. */
const VALUE_BYTES: Readonly<Record<number, number>> = {
  ...{ 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 },
};
const STRING = 8;
const ARRAY = 9;
const UINT32 = 4;

const EXPERTS = /^blk\.(\d{1,5})\.ffn_(?:up|gate|down|gate_up)_exps\.weight\.counts$/;
const ROUTER = /^blk\.(\d{1,5})\.ffn_gate_inp\.weight\.counts$/;

export function isGguf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0, true) === MAGIC;
}

/**
 * Reads the counts of an importance matrix.
 *
 * @param name what to call the model, of which the file says nothing
 * @throws UserError `trace-invalid`
 */
export function readImatrix(bytes: Uint8Array, name: string): RecordedCounts {
  try {
    return countsOf(new Cursor(bytes), name);
  } catch (error) {
    if (error instanceof RangeError) throw invalid(l10n.t`it is cut off or damaged`, error);
    throw error;
  }
}

/** Whether a file is built as the legacy format is: a count of entries, and the name of the first. */
export function isLegacyImatrix(bytes: Uint8Array): boolean {
  if (bytes.length < 16) return false;
  const view = viewOf(bytes);
  const [entries, length] = [view.getInt32(0, true), view.getInt32(4, true)];
  if (entries < 1 || entries > MAX_TENSORS || length < 1 || length > 512 || 8 + length > bytes.length) return false;
  return /^[\w.-]+$/.test(Buffer.from(bytes.subarray(8, 8 + length)).toString('latin1'));
}

/**
 * The legacy format: int32 entries; of each a name, the number of calls, and a vector of float32.
 *
 * @throws UserError `trace-invalid`, always: what it holds are sums of squared activations
 */
export function refuseLegacyImatrix(): never {
  throw invalid(
    l10n.t`this legacy .dat file has no counts of experts, which llama-imatrix writes into a GGUF file only (-o NAME.gguf)`,
  );
}

function countsOf(file: Cursor, name: string): RecordedCounts {
  file.uint32();
  const version = file.uint32();
  if (version < 2 || version > 3) throw invalid(l10n.t`its GGUF version is ${version}, and 2 and 3 are known`);
  const tensors = file.count(MAX_TENSORS);
  const values = file.count(MAX_TENSORS);
  let alignment = 32;
  let datasets = '';
  for (let i = 0; i < values; i++) {
    const key = file.string();
    const type = file.uint32();
    if (key === 'general.alignment' && type === UINT32) alignment = file.uint32();
    else if (key === 'imatrix.datasets' && type === ARRAY) datasets = file.strings().join(', ');
    else file.skipValue(type);
  }
  const entries = Array.from({ length: tensors }, () => file.tensor());
  if (alignment < 1) throw invalid(l10n.t`its alignment is 0`);
  const data = Math.ceil(file.at / alignment) * alignment;

  const routed = new Map<number, number>();
  const experts = new Map<number, Float64Array>();
  for (const entry of entries) {
    const router = ROUTER.exec(entry.name);
    const layer = EXPERTS.exec(entry.name);
    if (entry.type !== F32 || (!router && !layer)) continue;
    if (entry.items < 1 || entry.items > MAX_EXPERTS) throw invalid(l10n.t`${entry.name} has ${entry.items} counts`);
    const counts = file.floats(data + entry.offset, entry.items);
    if (!counts.every((c) => Number.isSafeInteger(c) && c >= 0))
      throw invalid(l10n.t`${entry.name} holds what is no count`);
    if (router) routed.set(Number(router[1]), counts[0]!);
    else experts.set(Number(layer![1]), counts);
  }
  if (experts.size === 0) throw invalid(l10n.t`it has no counts of experts: the model that it is of has none`);
  const loads = [...experts.entries()]
    .sort(([a], [b]) => a - b)
    .map(([layer, counts]): LayerCounts => {
      const slots = counts.reduce((sum, c) => sum + c, 0);
      const k = slots / (routed.get(layer) ?? NaN);
      const known = Number.isInteger(k) && k >= 1 ? k : undefined;
      return { shape: countedShape(layer, counts.length, known), counts };
    });
  const model = modelElsewhere(
    {
      name,
      layers: loads.at(-1)!.shape.layer + 1,
      moeLayers: loads.map(({ shape }) => shape),
      provider: 'llama.cpp',
    },
    datasets === '' ? [] : [l10n.t`Recorded over ${datasets}.`],
  );
  return { name: '', model, loads };
}

interface TensorInfo {
  readonly name: string;
  readonly items: number;
  readonly type: number;
  readonly offset: number;
}

/** Reads from front to back; what lies outside the file throws RangeError. */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  uint32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }

  uint64(): number {
    this.at += 8;
    const value = this.#view.getBigUint64(this.at - 8, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('beyond all files');
    return Number(value);
  }

  count(most: number): number {
    const value = this.uint64();
    if (value > most) throw invalid(l10n.t`it is damaged`);
    return value;
  }

  string(): string {
    const length = this.count(MAX_STRING);
    this.skip(length);
    return Buffer.from(this.#bytes.subarray(this.at - length, this.at)).toString('utf8');
  }

  /** An array of strings, behind its key and type; of other things nothing. */
  strings(): string[] {
    const type = this.uint32();
    const length = this.uint64();
    if (type === STRING && length <= MAX_TENSORS) return Array.from({ length }, () => this.string());
    this.#skipItems(type, length, 0);
    return [];
  }

  skipValue(type: number, depth = 0): void {
    if (type === STRING) this.string();
    else if (type === ARRAY) this.#skipItems(this.uint32(), this.uint64(), depth + 1);
    else this.#skipItems(type, 1, depth);
  }

  tensor(): TensorInfo {
    const name = this.string();
    const axes = this.uint32();
    if (axes > 8) throw invalid(l10n.t`it is damaged`);
    let items = 1;
    for (let axis = 0; axis < axes; axis++) items *= this.uint64();
    return { name, items, type: this.uint32(), offset: this.uint64() };
  }

  floats(from: number, count: number): Float64Array {
    return Float64Array.from({ length: count }, (_, i) => this.#view.getFloat32(from + 4 * i, true));
  }

  skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.#bytes.length) throw new RangeError('beyond the end');
  }

  #skipItems(type: number, count: number, depth: number): void {
    const size = VALUE_BYTES[type];
    if (size !== undefined) {
      this.skip(size * count);
      return;
    }
    if ((type !== STRING && type !== ARRAY) || depth > MAX_DEPTH || count > this.#bytes.length) {
      throw invalid(l10n.t`it is damaged`);
    }
    for (let i = 0; i < count; i++) this.skipValue(type, depth + 1);
  }
}

function invalid(what: string, cause?: unknown): UserError {
  return new UserError('trace-invalid', l10n.t`This importance matrix cannot be opened: ${what}.`, { cause });
}

/**
 * Reads the data in a Python pickle and runs nothing of it. Of the machine that a pickle is a program for, only the opcodes
 * that build plain data are known; a class or function that it names is looked up in a table of what PyTorch writes tensors
 * with, and all else is refused.
 */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import { viewOf } from './viewOf.ts';

/** Numbers, strings, lists, dicts and tensors. A tuple is an array, too. */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | readonly Pickled[]
  | ReadonlyMap<string | number, Pickled>
  | PickledTensor
  | PickledName;

/** Where a tensor's numbers lie. */
export class PickledTensor {
  constructor(
    readonly storage: PickledStorage,
    /** In items. */
    readonly offset: number,
    readonly shape: readonly number[],
    /** In items, by axis. */
    readonly strides: readonly number[],
  ) {}
}

export interface PickledStorage {
  /** Name of the storage's class: IntStorage and so on. */
  readonly type: string;
  /** Name of its entry among the file's data. */
  readonly key: string;
  readonly items: number;
}

/** A class or function that a pickle names, from the table. */
class PickledName {
  constructor(readonly name: string) {}
}

const REBUILD_TENSOR = 'torch._utils _rebuild_tensor_v2';
const ORDERED_DICT = 'collections OrderedDict';
const STORAGE = /^torch (\w+Storage)$/;

/** No recording of routing has more: a million records of ten fields each. In words of memory, about: see `weightOf`. */
const MAX_WEIGHT = 50_000_000;

/** Begins what an opcode takes down to. */
const MARK = Symbol('mark');
type Stacked = Pickled | typeof MARK;
type Key = string | number;

/**
 * The value that a pickle builds.
 *
 * @throws UserError `trace-invalid` for a damaged pickle, and for one that wants more than plain data and tensors
 */
export function readPickle(bytes: Uint8Array): Pickled {
  try {
    return new Machine(bytes).run();
  } catch (error) {
    if (error instanceof RangeError) throw invalid(l10n.t`it is cut off or damaged`, error);
    throw error;
  }
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: Stacked[] = [];
  readonly #memo = new Map<number, Pickled>();
  #at = 0;
  #weight = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  run(): Pickled {
    for (;;) {
      const opcode = this.#byte();
      if (opcode === STOP) return this.#pop();
      const step = OPCODES[opcode];
      if (!step) {
        throw invalid(
          l10n.t`it wants what data never needs (opcode 0x${opcode.toString(16).padStart(2, '0')}), and nothing is run`,
        );
      }
      step(this);
    }
  }

  push(value: Stacked, weight = weightOf(value)): this {
    this.#weight += weight;
    if (this.#weight > MAX_WEIGHT) throw invalid(l10n.t`it has too many values`);
    this.#stack.push(value);
    return this;
  }

  mark(): this {
    return this.push(MARK);
  }

  /** All down to the mark, in order. */
  popToMark(): Pickled[] {
    const from = this.#stack.lastIndexOf(MARK);
    if (from < 0) throw invalid(l10n.t`it is damaged`);
    const values = this.#stack.splice(from).slice(1);
    return values as Pickled[];
  }

  tuple(length: number): this {
    return this.push(this.#popMany(length));
  }

  put(place: number): this {
    this.#memo.set(place, this.#top());
    return this;
  }

  memoize(): this {
    return this.put(this.#memo.size);
  }

  get(place: number): this {
    const value = this.#memo.get(place);
    if (value === undefined) throw invalid(l10n.t`it is damaged`);
    // Nothing new: it stands there a second time.
    return this.push(value, 1);
  }

  append(values: readonly Pickled[]): this {
    const list = this.#top();
    if (!Array.isArray(list)) throw invalid(l10n.t`it is damaged`);
    for (const value of values) (list as Pickled[]).push(value);
    return this;
  }

  appendOne(): this {
    return this.append([this.#pop()]);
  }

  setItems(values: readonly Pickled[]): this {
    const dict = this.#top();
    if (!(dict instanceof Map) || values.length % 2 !== 0) throw invalid(l10n.t`it is damaged`);
    for (let i = 0; i < values.length; i += 2) {
      const key = values[i];
      if (typeof key !== 'string' && typeof key !== 'number') throw invalid(l10n.t`it has a dict with odd keys`);
      (dict as Map<Key, Pickled>).set(key, values[i + 1]!);
    }
    return this;
  }

  setItem(): this {
    return this.setItems(this.#popMany(2));
  }

  /** A class or function by its names; it is only remembered. */
  name(module: string, name: string): this {
    const full = `${module} ${name}`;
    if (full !== REBUILD_TENSOR && full !== ORDERED_DICT && !STORAGE.test(full)) {
      throw invalid(l10n.t`it names ${module}.${name}, which is no plain data, and nothing is run`);
    }
    return this.push(new PickledName(full));
  }

  stackName(): this {
    const [module, name] = this.#popMany(2);
    if (typeof module !== 'string' || typeof name !== 'string') throw invalid(l10n.t`it is damaged`);
    return this.name(module, name);
  }

  /** What one of the known functions would make of its arguments. */
  reduce(): this {
    const [callee, given] = this.#popMany(2);
    if (!(callee instanceof PickledName) || !Array.isArray(given)) throw invalid(l10n.t`it is damaged`);
    const args = given as readonly Pickled[];
    if (callee.name === ORDERED_DICT && args.length === 0) return this.push(new Map<Key, Pickled>());
    if (callee.name === REBUILD_TENSOR) return this.push(tensorOf(args));
    throw invalid(l10n.t`it calls what is no function`);
  }

  /** PyTorch's reference to a storage: ('storage', class, key, device, items). */
  persistentId(): this {
    const id = this.#pop();
    const [what, type, key, , items] = Array.isArray(id) ? (id as readonly Pickled[]) : [];
    const storage = type instanceof PickledName ? STORAGE.exec(type.name)?.[1] : undefined;
    if (what !== 'storage' || storage === undefined || typeof key !== 'string' || !isCount(items)) {
      throw invalid(l10n.t`it refers to something outside of it`);
    }
    // A reference stands as a list of its parts until a tensor is made of it.
    return this.push([storage, key, items]);
  }

  uint8 = (): number => this.#byte();

  uint16(): number {
    return this.#take(2, (at) => this.#view.getUint16(at, true));
  }

  int32(): number {
    return this.#take(4, (at) => this.#view.getInt32(at, true));
  }

  uint32(): number {
    return this.#take(4, (at) => this.#view.getUint32(at, true));
  }

  float64(): number {
    return this.#take(8, (at) => this.#view.getFloat64(at, false));
  }

  /** A whole number of some bytes, least first, in two's complement. */
  long(length: number): number {
    if (length > 8) throw invalid(l10n.t`it has a number that is too large`);
    const bytes = this.#slice(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    const number = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(number)) throw invalid(l10n.t`it has a number that is too large`);
    return number;
  }

  text(length: number): string {
    const bytes = this.#slice(length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  }

  /** Up to the end of the line. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > 1000) throw invalid(l10n.t`it is cut off or damaged`);
    const text = this.text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  /** Bytes that say nothing that matters here. */
  skip(length: number): this {
    this.#slice(length);
    return this;
  }

  #byte(): number {
    return this.#take(1, (at) => this.#view.getUint8(at));
  }

  #take(length: number, read: (at: number) => number): number {
    const value = read(this.#at);
    this.#at += length;
    return value;
  }

  #slice(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw invalid(l10n.t`it is cut off`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #top(): Pickled {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw invalid(l10n.t`it is damaged`);
    return value;
  }

  #pop(): Pickled {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popMany(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }
}

/** What a value takes without what it holds, in words of eight bytes: a pickle of a byte a dict must not fill the memory. */
function weightOf(value: Stacked): number {
  if (value instanceof Map) return 25;
  if (typeof value === 'string') return 4;
  return typeof value === 'object' && value !== null ? 8 : 1;
}

function tensorOf(args: readonly Pickled[]): PickledTensor {
  const [storage, offset, shape, strides] = args;
  const [type, key, items] = Array.isArray(storage) ? (storage as readonly Pickled[]) : [];
  if (
    typeof type !== 'string' ||
    typeof key !== 'string' ||
    !isCount(items) ||
    !isCount(offset) ||
    !isShape(shape) ||
    !isShape(strides) ||
    shape.length !== strides.length
  ) {
    throw invalid(l10n.t`it has a tensor that cannot be`);
  }
  const last = shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis]!, offset);
  if (!shape.includes(0) && !(last < items)) throw invalid(l10n.t`it has a tensor that is larger than its data`);
  return new PickledTensor({ type, key, items }, offset, shape, strides);
}

function isCount(value: Pickled | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isShape(value: Pickled | undefined): value is number[] {
  return Array.isArray(value) && value.length <= 8 && (value as readonly Pickled[]).every((n) => isCount(n));
}

const STOP = 0x2e;

/** By opcode, as Python's pickletools documents them. */
const OPCODES: Readonly<Record<number, (m: Machine) => Machine>> = {
  0x80: (m) => m.skip(1), // PROTO
  0x95: (m) => m.skip(8), // FRAME
  0x28: (m) => m.mark(), // MARK
  0x4e: (m) => m.push(null), // NONE
  0x88: (m) => m.push(true), // NEWTRUE
  0x89: (m) => m.push(false), // NEWFALSE
  0x4b: (m) => m.push(m.uint8()), // BININT1
  0x4d: (m) => m.push(m.uint16()), // BININT2
  0x4a: (m) => m.push(m.int32()), // BININT
  0x8a: (m) => m.push(m.long(m.uint8())), // LONG1
  0x47: (m) => m.push(m.float64()), // BINFLOAT
  0x58: (m) => m.push(m.text(m.uint32())), // BINUNICODE
  0x8c: (m) => m.push(m.text(m.uint8())), // SHORT_BINUNICODE
  0x7d: (m) => m.push(new Map<Key, Pickled>()), // EMPTY_DICT
  0x5d: (m) => m.push([]), // EMPTY_LIST
  0x29: (m) => m.push([]), // EMPTY_TUPLE
  0x85: (m) => m.tuple(1), // TUPLE1
  0x86: (m) => m.tuple(2), // TUPLE2
  0x87: (m) => m.tuple(3), // TUPLE3
  0x74: (m) => m.push(m.popToMark()), // TUPLE
  0x61: (m) => m.appendOne(), // APPEND
  0x65: (m) => m.append(m.popToMark()), // APPENDS
  0x73: (m) => m.setItem(), // SETITEM
  0x75: (m) => m.setItems(m.popToMark()), // SETITEMS
  0x71: (m) => m.put(m.uint8()), // BINPUT
  0x72: (m) => m.put(m.uint32()), // LONG_BINPUT
  0x94: (m) => m.memoize(), // MEMOIZE
  0x68: (m) => m.get(m.uint8()), // BINGET
  0x6a: (m) => m.get(m.uint32()), // LONG_BINGET
  0x63: (m) => m.name(m.line(), m.line()), // GLOBAL
  0x93: (m) => m.stackName(), // STACK_GLOBAL
  0x52: (m) => m.reduce(), // REDUCE
  0x51: (m) => m.persistentId(), // BINPERSID
};

function invalid(what: string, cause?: unknown): UserError {
  return new UserError('trace-invalid', l10n.t`This pickle cannot be read: ${what}.`, { cause });
}

import * as l10n from '@vscode/l10n';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { TappedGraph } from '../models/foreign/foreignModel.ts';
import type { CacheInput, Port, RoleInput } from '../models/foreign/inputs.ts';
import { isUserError, messageOf, UserError } from '../protocol/errors.ts';
import type { LayerShape } from '../protocol/trace.ts';
import { explainedFailure, requireMemory } from './memory.ts';
import { Marks } from './marks.ts';
import type { Rewinding, RoutedTokens, Sequence } from './model.ts';
import { captureTaps, tapNames, tokenSums } from './stack.ts';

/** A foreign model that is loaded. */
export interface ForeignSession {
  readonly session: InferenceSession;
  readonly graph: TappedGraph;
  readonly moeLayers: readonly LayerShape[];
}

/**
 * One sequence of tokens in a foreign model. Where the model has caches they go from pass to pass; where it has none, each
 * pass takes the whole sequence anew, and what was known already is dropped.
 */
export class ForeignSequence implements Sequence {
  readonly #model: ForeignSession;
  readonly #wanted: string[];
  #ids = new Int32Array();
  #caches: Record<string, Tensor> = {};
  /** After the last token; [V]. */
  #lastLogits: Float32Array | undefined;
  /** Caches by the tokens that had gone through, where they cannot be cut. */
  #marks = new Marks<Record<string, Tensor>>();
  readonly capacity: number;
  readonly rewinding: Rewinding;
  /** Bytes of the caches when it is full. */
  readonly #cacheBytes: number;

  /** @throws UserError `out-of-memory` when caches of so many tokens cannot fit */
  constructor(model: ForeignSession, capacity: number) {
    this.#model = model;
    const { graph } = model;
    const names = [...tapNames(graph.taps), graph.lastLogits, ...graph.caches.map(({ present }) => present)];
    this.#wanted = [...new Set(graph.logProb === undefined ? names : [...names, graph.logProb])];
    const bytes = graph.caches.reduce((sum, cache) => sum + cacheBytes(cache, capacity), 0);
    this.capacity = capacity;
    this.#cacheBytes = bytes;
    this.rewinding = graph.caches.length === 0 ? 'to-start' : graph.caches.every(canBeCut) ? 'anywhere' : 'to-marks';
    // A pass gives the caches back anew, longer, while those it was given are still there.
    requireMemory(2 * bytes, l10n.t`The KV cache of a window of ${capacity} tokens`);
    this.reset();
  }

  get length(): number {
    return this.#ids.length;
  }

  get bytes(): number {
    return this.#cacheBytes + this.#marks.bytes;
  }

  reset(): void {
    this.#ids = new Int32Array();
    this.#lastLogits = undefined;
    this.#marks = new Marks();
    this.#caches = Object.fromEntries(
      this.#model.graph.caches.map((cache) => [cache.name, filled(cache, cache.empty, 0)]),
    );
  }

  rewind(to: number): number {
    if (to >= this.#ids.length) return this.#ids.length;
    const mark = this.#marks.before(to);
    if (this.rewinding === 'to-start' || (this.rewinding === 'to-marks' && !mark)) {
      this.reset();
      return 0;
    }
    const at = mark?.at ?? to;
    const cutCaches = (): [string, Tensor][] =>
      this.#model.graph.caches.map((cache) => [cache.name, cut(this.#caches[cache.name]!, cache.growing!, to)]);
    this.#caches = mark ? { ...mark.state } : Object.fromEntries(cutCaches());
    this.#ids = this.#ids.subarray(0, at);
    this.#lastLogits = undefined;
    this.#marks = this.#marks.upTo(at);
    return at;
  }

  mark(bytes: number): void {
    if (this.rewinding !== 'to-marks') return;
    const size = Object.values(this.#caches).reduce((sum, { size }) => sum + size * Float32Array.BYTES_PER_ELEMENT, 0);
    this.#marks.add({ at: this.#ids.length, bytes: size, state: { ...this.#caches } }, bytes);
  }

  /** A pass makes caches anew, so two sequences can share them. */
  fork(to: number, capacity: number): ForeignSequence {
    const other = new ForeignSequence(this.#model, capacity);
    other.#ids = this.#ids;
    other.#caches = { ...this.#caches };
    other.#marks = this.#marks;
    other.rewind(to);
    return other;
  }

  async append(ids: Int32Array, skip = 0, wantsEach = false): Promise<RoutedTokens> {
    const { graph, session, moeLayers } = this.#model;
    const all = new Int32Array(this.#ids.length + ids.length);
    all.set(this.#ids);
    all.set(ids, this.#ids.length);
    const past = graph.caches.length > 0 ? this.#ids.length : 0;
    const pass = all.subarray(past);
    const known = pass.length - ids.length;
    const feeds = { ...this.#caches, ...this.#tokenFeeds(pass, past) };
    let outputs: InferenceSession.ReturnType;
    try {
      outputs = await session.run(feeds, this.#wanted);
    } catch (thrown) {
      const error = explainedFailure(thrown, undefined);
      if (isUserError(error)) throw error;
      throw new UserError(
        'architecture-unsupported',
        l10n.t`ONNX Runtime could not run this model on ${pass.length} tokens: ${reasonOf(error)}.`,
        { cause: error },
      );
    }
    for (const { name, present } of graph.caches) this.#caches[name] = outputs[present] as Tensor;
    const logProb = new Float32Array(ids.length).fill(NaN);
    if (this.#lastLogits) logProb[0] = logProbOf(this.#lastLogits, ids[0]!);
    if (graph.logProb !== undefined) {
      // That of a token stands in the row of the one before.
      const rows = outputs[graph.logProb]!.data as Float32Array;
      logProb.set(rows.subarray(known, pass.length - 1), 1);
    }
    this.#lastLogits = outputs[graph.lastLogits]!.data as Float32Array;
    this.#ids = all;
    const each = wantsEach ? tokenSums(moeLayers, ids.length - skip) : undefined;
    return {
      layers: captureTaps(graph.taps, outputs, moeLayers, pass.length, known + skip, each),
      logProb: logProb.subarray(skip),
      ...(each ? { each } : {}),
    };
  }

  nextLogits(): Promise<Float32Array> {
    if (!this.#lastLogits) throw new Error('an empty sequence has no next token');
    return Promise.resolve(this.#lastLogits);
  }

  #tokenFeeds(ids: Int32Array, past: number): Record<string, Tensor> {
    const { graph } = this.#model;
    const feeds = Object.fromEntries(graph.inputs.map((input) => [input.name, feedOf(input, ids, past)]));
    if (graph.targets !== undefined) {
      const next = BigInt64Array.from(ids, (_, i) => BigInt(ids[i + 1] ?? 0));
      feeds[graph.targets] = new Tensor('int64', next, [ids.length]);
    }
    return feeds;
  }
}

function feedOf(input: RoleInput, ids: Int32Array, past: number): Tensor {
  const tokens = ids.length;
  const total = past + tokens;
  // Batches of one; without an axis for them, the tokens alone.
  const row = (length: number): number[] => (input.dims.length === 1 ? [length] : [1, length]);
  switch (input.role) {
    case 'ids':
      return tensor(input, ids, row(tokens));
    case 'zeros':
      return filled(input, row(tokens), 0);
    case 'mask':
      return filled(input, row(total), 1);
    case 'positions': {
      // One row for each part of the rotation in models that see pictures, too; for text they are equal.
      const rows = input.dims.length === 3 ? (typeof input.dims[0] === 'number' ? input.dims[0] : 3) : 1;
      const places = Array.from({ length: rows * tokens }, (_, i) => past + (i % tokens));
      return tensor(input, places, input.dims.length === 3 ? [rows, 1, tokens] : row(tokens));
    }
    case 'keep':
      return filled(input, ones(input), tokens);
    case 'hasPast':
      return filled(input, ones(input), past > 0 ? 1 : 0);
    case 'total':
      return filled(input, ones(input), total);
    case 'last':
      return filled(input, ones(input), total - 1);
  }
}

function ones({ dims }: Port): number[] {
  return dims.map(() => 1);
}

function filled(port: Port, shape: readonly number[], value: number): Tensor {
  return tensor(port, new Float64Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape);
}

function tensor({ type }: Port, values: ArrayLike<number>, shape: readonly number[]): Tensor {
  switch (type) {
    case 'int64':
      return new Tensor('int64', BigInt64Array.from(values, BigInt), shape);
    case 'int32':
      return new Tensor('int32', Int32Array.from(values), shape);
    case 'bool':
      return new Tensor('bool', Uint8Array.from(values), shape);
    case 'float32':
    case 'float16':
    case 'bfloat16':
      // The graph takes float32 and casts.
      return new Tensor('float32', Float32Array.from(values), shape);
  }
}

function cacheBytes({ empty, growing }: CacheInput, capacity: number): number {
  const elements = empty.reduce(
    (product, size, axis) => product * (axis === growing ? Math.max(size, capacity) : size),
    1,
  );
  return elements * Float32Array.BYTES_PER_ELEMENT;
}

/** Whether a cache holds one row a token, so that the first of them are what it was when there were no more. */
function canBeCut({ growing, empty }: CacheInput): boolean {
  return growing !== undefined && empty[growing] === 0;
}

/** The first rows of a tensor along an axis, copied. */
function cut({ type, dims, data }: Tensor, axis: number, rows: number): Tensor {
  const values = data as Float32Array | Uint16Array;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = dims.slice(0, axis).reduce((a, b) => a * b, 1);
  const [all, wanted] = [dims[axis]! * inner, rows * inner];
  const copy = new (values.constructor as new (length: number) => typeof values)(outer * wanted);
  for (let i = 0; i < outer; i++) copy.set(values.subarray(i * all, i * all + wanted), i * wanted);
  return new Tensor(type as 'float32', copy as Float32Array, [...dims.slice(0, axis), rows, ...dims.slice(axis + 1)]);
}

/** Natural log of the softmax at one place. */
function logProbOf(logits: Float32Array, id: number): number {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, x) => total + Math.exp(x - max), 0);
  return logits[id]! - max - Math.log(sum);
}

/** What ONNX Runtime says, without where in its sources it says so. */
export function reasonOf(error: unknown): string {
  const [first] = messageOf(error).split('\n') as [string];
  return first.replace(/^.*\.(?:cc|h):\d+ .*\) /, '').replace(/\.$/, '');
}

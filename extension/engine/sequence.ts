import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import { bytesPerToken, type KvCache } from '../models/blocks/attention.ts';
import { ropeTables, turnsAlike } from '../models/rope.ts';
import type { RopeTables } from '../models/stack.ts';
import type { Encoded } from './encode.ts';
import { Head, type NextToken } from './head.ts';
import { KvBuffers } from './kvBuffers.ts';
import { requireMemory } from './memory.ts';
import { Marks } from './marks.ts';
import type { AnsweringSequence, Rewinding, RoutedTokens } from './model.ts';
import type { CheckpointModel } from './openCheckpoint.ts';
import { captureTaps, tapNames, tokenFeeds, tokenSums } from './stack.ts';

/** ONNX Runtime takes float16 as bits. */
const STORAGE = { float32: Float32Array, float16: Uint16Array } as const;

/** One sequence of tokens in a model from a checkpoint: its KV cache and recurrent states, and what has gone through them. */
export class DecoderSequence implements AnsweringSequence {
  readonly #model: CheckpointModel;
  readonly #head: Head;
  /** Inputs that stay the same from chunk to chunk, but for the recurrent states. */
  readonly #feeds: Record<string, Tensor>;
  /** Keys and values; undefined where they stay on the device. */
  readonly #kv: KvBuffers | undefined;
  readonly #wanted: Readonly<Record<string, null>>;
  readonly capacity: number;
  readonly rewinding: Rewinding;
  /** Bytes of keys and values. */
  readonly #cacheBytes: number;
  /** Ends of the caches that stay on the device and grow from pass to pass. */
  readonly #grown: readonly { readonly past: string; readonly present: string; readonly empty: () => Tensor }[];
  #past = 0;
  /** Tokens of the text that the tables of positions are made for. */
  #textLength: number;
  /** Recurrent states by the tokens that had gone through, in the order of the graph's. */
  #marks = new Marks<readonly Tensor[]>();
  /** Hidden state of the last token, which tells the log-probability of the next chunk's first. */
  #last: Float32Array | undefined;
  /** What it said may come, once somebody has asked: the next token's log-probability is among it. */
  #next: NextToken | undefined;

  /**
   * @param capacity most tokens it will hold
   * @param source one whose tables of positions it takes over where they fit
   * @throws UserError `out-of-memory` when its KV cache cannot fit
   */
  constructor(model: CheckpointModel, capacity: number, source?: DecoderSequence) {
    this.#model = model;
    this.#head = new Head(model.head, model.graphs.head, model.info);
    const { inputs, ropes, caches, states, taps, hidden } = model.graphs.body;
    this.#grown = inputs.rows ? [] : caches.flatMap(endsOf);
    const bytes = capacity * caches.reduce((sum, cache) => sum + bytesPerToken(cache), 0);
    requireMemory(bytes, l10n.t`The KV cache of a window of ${capacity} tokens`);
    this.#kv = inputs.rows && new KvBuffers(caches, capacity);
    this.#feeds = { ...this.#kv?.feeds };
    this.capacity = capacity;
    this.#cacheBytes = bytes;
    this.rewinding = this.#grown.length > 0 ? 'to-start' : states.length > 0 ? 'to-marks' : 'anywhere';
    this.#textLength = source ? source.#textLength : capacity;
    for (const rope of ropes) {
      if (source?.capacity !== capacity) this.#feedRope(rope, this.#textLength);
      else for (const table of [rope.cos, rope.sin]) this.#feeds[table] = source.#feeds[table]!;
    }
    const presents = states.map((state) => state.present);
    const kept = this.#kv?.outputs ?? this.#grown.map(({ present }) => present);
    this.#wanted = Object.fromEntries([hidden, ...tapNames(taps), ...presents, ...kept].map((name) => [name, null]));
    this.#clear();
  }

  get length(): number {
    return this.#past;
  }

  get bytes(): number {
    return this.#cacheBytes + this.#marks.bytes;
  }

  reset(length: number): void {
    for (const rope of this.#model.graphs.body.ropes) {
      if (!turnsAlike(rope.rope, this.#textLength, length)) this.#feedRope(rope, length);
    }
    this.#textLength = length;
    this.#clear();
  }

  #clear(): void {
    this.#kv?.forget(0, this.#past);
    this.#past = 0;
    this.#last = this.#next = undefined;
    this.#marks = new Marks();
    for (const { past, empty } of this.#grown) this.#replace(past, empty());
    for (const { past, shape } of this.#model.graphs.body.states) {
      const size = shape.reduce((a, b) => a * b);
      this.#feeds[past] = new Tensor('float32', new Float32Array(size), shape);
    }
  }

  rewind(to: number): number {
    if (to >= this.#past) return this.#past;
    const mark = this.rewinding === 'to-marks' ? this.#marks.before(to) : undefined;
    if (this.rewinding !== 'anywhere' && !mark) {
      this.#clear();
      return 0;
    }
    const kept = mark?.at ?? to;
    this.#kv?.forget(kept, this.#past);
    this.#past = kept;
    this.#last = this.#next = undefined;
    this.#model.graphs.body.states.forEach(({ past }, i) => {
      this.#feeds[past] = mark!.state[i]!;
    });
    this.#marks = this.#marks.upTo(this.#past);
    return this.#past;
  }

  mark(bytes: number): void {
    if (this.rewinding !== 'to-marks') return;
    const state = this.#model.graphs.body.states.map(({ past }) => this.#feeds[past]!);
    const size = state.reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0);
    this.#marks.add({ at: this.#past, bytes: size, state }, bytes);
  }

  fork(to: number, capacity: number): DecoderSequence {
    const other = new DecoderSequence(this.#model, capacity, this);
    if (this.rewinding === 'to-start') return other;
    if (this.#kv) other.#kv?.copy(this.#kv, to);
    other.#marks = this.#marks;
    other.#past = this.#past;
    this.#model.graphs.body.states.forEach(({ past }) => (other.#feeds[past] = this.#feeds[past]!));
    other.rewind(to);
    return other;
  }

  #feedRope({ rope, cos, sin }: RopeTables, length: number): void {
    const tables = ropeTables(rope, this.capacity, length);
    this.#feeds[cos] = new Tensor('float32', tables.cos, [this.capacity, rope.dims / 2]);
    this.#feeds[sin] = new Tensor('float32', tables.sin, [this.capacity, rope.dims / 2]);
  }

  attendTo(crosses: Encoded['crosses']): void {
    this.#model.graphs.body.crosses.forEach(({ key, value }, i) => {
      this.#feeds[key] = crosses[i]!.key;
      this.#feeds[value] = crosses[i]!.value;
    });
  }

  async append(ids: Int32Array, skip = 0, wantsEach = false): Promise<RoutedTokens> {
    const { graphs, body, info } = this.#model;
    const { inputs, hidden, states, taps } = graphs.body;
    const outputs = await body.run({ ...this.#feeds, ...tokenFeeds(inputs, ids, this.#past) }, this.#wanted);
    this.#kv?.append(outputs, this.#past);
    this.#past += ids.length;
    for (const { past, present } of states) this.#feeds[past] = outputs[present] as Tensor;
    for (const { past, present } of this.#grown) this.#replace(past, outputs[present] as Tensor);
    // Those of an encoder come before the decoder's.
    const shapes = info.moeLayers.slice(info.moeLayers.length - taps.length);
    const each = wantsEach ? tokenSums(shapes, ids.length - skip) : undefined;
    const layers = captureTaps(taps, outputs, shapes, ids.length, skip, each);
    const rows = outputs[hidden]!.data as Float32Array;
    const logProb = await this.#head.logProbs(this.#next ?? this.#last, ids, rows);
    this.#last = rows.slice((ids.length - 1) * info.hiddenSize);
    this.#next = undefined;
    return { layers, logProb: logProb.subarray(skip), ...(each ? { each } : {}) };
  }

  /** Feeds another cache from now on, and gives the device the old one's memory back. */
  #replace(past: string, cache: Tensor): void {
    this.#feeds[past]?.dispose();
    this.#feeds[past] = cache;
  }

  async nextLogits(): Promise<Float32Array> {
    if (!this.#last) throw new Error('an empty sequence has no next token');
    this.#next ??= await this.#head.next(this.#last);
    return this.#next.logits;
  }
}

function endsOf(cache: KvCache): { past: string; present: string; empty: () => Tensor }[] {
  const empty = (): Tensor => new Tensor(cache.type, new STORAGE[cache.type](0), [1, cache.kvHeads, 0, cache.headDim]);
  return [
    { past: cache.pastKey, present: cache.presentKey, empty },
    { past: cache.pastValue, present: cache.presentValue, empty },
  ];
}

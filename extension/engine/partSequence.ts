/** A text's way through one part of a model that was cut at its routers. */
import { Tensor } from 'onnxruntime-node';
import { dependsOnLength, ropeTables } from '../models/rope.ts';
import type { OpenPart } from './cutModel.ts';
import { KvBuffers } from './kvBuffers.ts';
import { tokenFeeds } from './stack.ts';

/** Tokens that go through a part together. */
export interface Pass {
  readonly ids: Int32Array;
  /** How many of their window have gone before. */
  readonly past: number;
  /** Index of the window, and how many tokens it has. */
  readonly window: number;
  readonly length: number;
  /** How many of the first nobody asks about. */
  readonly skip: number;
}

/** What one part hands on to the next of a pass; [T, H]. */
export interface Stream {
  readonly normed: Tensor;
  /** Absent after the last part. */
  readonly residual?: Tensor;
}

/** Which experts a pass visits, and what their outputs count; [T·k]. */
export interface Visits {
  readonly experts: Int32Array;
  readonly weights: Float32Array;
  readonly k: number;
  /** Multiplies what the shared expert gives. */
  readonly shared: number;
}

/** Keys and values of one window for each layer that attends to them. */
export type Crosses = readonly { readonly key: Tensor; readonly value: Tensor }[];

/** What a part carries from pass to pass of a window: KV caches and recurrent states. */
export class PartSequence {
  readonly #open: OpenPart;
  readonly #capacity: number;
  /** Inputs that stay the same from pass to pass, but for the recurrent states. */
  readonly #feeds: Record<string, Tensor>;
  readonly #kv: KvBuffers;
  readonly #wanted: Readonly<Record<string, null>>;
  #window = -1;

  /** @param capacity most tokens of a window */
  constructor(open: OpenPart, capacity: number) {
    this.#open = open;
    this.#capacity = capacity;
    const { caches, states, crosses, normed, residual } = open.part;
    this.#kv = new KvBuffers(caches, capacity);
    this.#feeds = { ...this.#kv.feeds };
    const handedOver = open.part.handsOver ? crosses.flatMap(({ key, value }) => [key, value]) : [];
    const names = [normed, ...(residual === undefined ? [] : [residual]), ...handedOver, ...this.#kv.outputs];
    this.#wanted = Object.fromEntries([...names, ...states.map(({ present }) => present)].map((name) => [name, null]));
  }

  /**
   * Runs a pass; those of a window come in order.
   *
   * @param before what the part before handed on, and where its tokens go; absent for the first
   * @param encoded what the encoder made of the window, for the layers of this part
   */
  async run(
    pass: Pass,
    before: { readonly stream: Stream; readonly visits: Visits } | undefined,
    encoded: Crosses,
  ): Promise<{ readonly stream: Stream; readonly crosses: Crosses }> {
    const { part, session } = this.#open;
    if (pass.window !== this.#window) this.#begin(pass);
    const feeds = { ...this.#feeds, ...tokenFeeds(part.inputs, pass.ids, pass.past) };
    if (part.from && before) {
      const { stream, visits } = part.from;
      const { experts, weights, k, shared } = before.visits;
      const shape = [pass.ids.length, k];
      feeds[stream.normed] = before.stream.normed;
      feeds[stream.residual] = before.stream.residual!;
      feeds[visits.experts] = new Tensor('int32', experts, shape);
      feeds[visits.weights] = new Tensor('float32', weights, shape);
      feeds[visits.k] = new Tensor('int64', BigInt64Array.of(BigInt(k)), [1]);
      if (visits.shared !== undefined) feeds[visits.shared] = new Tensor('float32', Float32Array.of(shared), []);
    }
    if (!part.handsOver) {
      part.crosses.forEach(({ key, value }, i) => {
        feeds[key] = encoded[i]!.key;
        feeds[value] = encoded[i]!.value;
      });
    }
    const outputs = await session.run(feeds, this.#wanted);
    this.#kv.append(outputs, pass.past);
    const output = (name: string): Tensor => outputs[name] as Tensor;
    for (const { past, present } of part.states) this.#feeds[past] = output(present);
    return {
      stream: {
        normed: output(part.normed),
        ...(part.residual === undefined ? {} : { residual: output(part.residual) }),
      },
      crosses: part.handsOver ? part.crosses.map(({ key, value }) => ({ key: output(key), value: output(value) })) : [],
    };
  }

  /** What KV caches still hold is never looked at: no pass behind others is of one token. */
  #begin({ window, length }: Pass): void {
    const { ropes, states } = this.#open.part;
    for (const { rope, cos, sin } of ropes) {
      if (this.#window >= 0 && !dependsOnLength(rope)) continue;
      const tables = ropeTables(rope, this.#capacity, length);
      this.#feeds[cos] = new Tensor('float32', tables.cos, [this.#capacity, rope.dims / 2]);
      this.#feeds[sin] = new Tensor('float32', tables.sin, [this.#capacity, rope.dims / 2]);
    }
    for (const { past, shape } of states) {
      this.#feeds[past] = new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape);
    }
    this.#window = window;
  }
}

/** Runs tokens through a model in chunks, with a KV cache, and captures the routing on the way. */
import { Tensor } from 'onnxruntime-node';
import type { KvCache } from '../models/blocks/attention.ts';
import { ropeTables } from '../models/rope.ts';
import type { Routed } from '../protocol/engine.ts';
import { UserError } from '../protocol/errors.ts';
import { requireMemory } from './memory.ts';
import { captureRouting } from './capture.ts';
import type { OpenModel } from './openModel.ts';

/** Tokens a pass: enough rows for each expert's matrix product, soon enough for progress and for cancelling. */
const CHUNK_TOKENS = 512;

/** Bytes of vocabulary logits in memory at a time. */
const LOGITS_BYTES = 32 * 2 ** 20;

/** First tokens of the windows of a text: it is cut where the context is full, and each window starts afresh. */
export function windowStarts(tokens: number, context: number): Uint32Array {
  return Uint32Array.from({ length: Math.max(1, Math.ceil(tokens / context)) }, (_, i) => i * context);
}

/**
 * Yields the routing of a text's tokens, part by part and in order. Memory is bounded by one window's KV cache and one
 * chunk's outputs.
 *
 * @throws UserError `cancelled` between chunks, once the signal is aborted
 */
export async function* prefill(
  model: OpenModel,
  ids: Int32Array,
  windows: Uint32Array,
  signal: AbortSignal,
): AsyncGenerator<Omit<Routed, 'run'>, void> {
  const longest = Math.min(ids.length, model.info.context);
  const state = new PrefillState(model, longest);
  for (let w = 0; w < windows.length; w++) {
    const begin = windows[w]!;
    const end = windows[w + 1] ?? ids.length;
    state.reset();
    for (let from = begin; from < end; from += CHUNK_TOKENS) {
      if (signal.aborted) throw new UserError('cancelled', 'The analysis was cancelled.');
      const to = Math.min(end, from + CHUNK_TOKENS);
      yield { from, to, ...(await state.run(ids.subarray(from, to))) };
    }
  }
}

/** The KV cache of one window and what has gone through it. */
class PrefillState {
  readonly #model: OpenModel;
  /** Inputs that stay the same from chunk to chunk. */
  readonly #feeds: Record<string, Tensor> = {};
  readonly #presents: Record<string, Tensor> = {};
  /** Outputs that ONNX Runtime allocates. */
  readonly #wanted: Readonly<Record<string, null>>;
  #past = 0;
  /** Hidden state of the last token, which tells the log-probability of the next chunk's first. */
  #last: Float32Array | undefined;

  constructor(model: OpenModel, capacity: number) {
    this.#model = model;
    const { ropes, caches, taps, hidden } = model.graphs.body;
    const elements = (cache: KvCache): number => cache.kvHeads * capacity * cache.headDim;
    const bytes = caches.reduce((sum, cache) => sum + 2 * elements(cache) * Float32Array.BYTES_PER_ELEMENT, 0);
    requireMemory(bytes, `The KV cache of a window of ${capacity} tokens`);
    for (const cache of caches) {
      const shape = [1, cache.kvHeads, capacity, cache.headDim];
      const make = (): Tensor => new Tensor('float32', new Float32Array(elements(cache)), shape);
      // The same buffer at both ends: the kernel appends in place.
      this.#feeds[cache.pastKey] = this.#presents[cache.presentKey] = make();
      this.#feeds[cache.pastValue] = this.#presents[cache.presentValue] = make();
    }
    for (const { rope, cos, sin } of ropes) {
      const tables = ropeTables(rope, capacity, capacity);
      this.#feeds[cos] = new Tensor('float32', tables.cos, [capacity, rope.dims / 2]);
      this.#feeds[sin] = new Tensor('float32', tables.sin, [capacity, rope.dims / 2]);
    }
    const names = taps.flatMap((tap) => [tap.logits, tap.scores, tap.selection, tap.experts, tap.weights]);
    this.#wanted = Object.fromEntries([hidden, ...names].map((name) => [name, null]));
  }

  /** Starts a new window. What the cache still holds is never looked at. */
  reset(): void {
    this.#past = 0;
    this.#last = undefined;
  }

  async run(ids: Int32Array): Promise<Pick<Routed, 'logProb' | 'layers'>> {
    const { graphs, body, info } = this.#model;
    const { inputs, hidden, taps } = graphs.body;
    const tokens = ids.length;
    const total = this.#past + tokens;
    const positions = BigInt64Array.from({ length: tokens }, (_, i) => BigInt(this.#past + i));
    const outputs = await body.run(
      {
        ...this.#feeds,
        [inputs.ids]: new Tensor('int32', ids, [tokens]),
        [inputs.lastPosition]: new Tensor('int32', Int32Array.of(total - 1), [1]),
        [inputs.total]: new Tensor('int32', Int32Array.of(total), []),
        [inputs.positions]: new Tensor('int64', positions, [1, tokens]),
      },
      {
        ...this.#presents,
        ...this.#wanted,
      },
    );
    this.#past = total;
    const data = (name: string): Float32Array => outputs[name]!.data as Float32Array;
    const layers = taps.map((tap, i) =>
      captureRouting(
        {
          logits: data(tap.logits),
          scores: data(tap.scores),
          selection: data(tap.selection),
          experts: outputs[tap.experts]!.data as Int32Array,
          weights: data(tap.weights),
        },
        tokens,
        info.moeLayers[i]!,
        tap.spec.scoring,
      ),
    );
    return { layers, logProb: await this.#logProb(data(hidden), ids) };
  }

  /** Log-probability of each of these tokens given those before it in the window; NaN for the window's first. */
  async #logProb(hidden: Float32Array, ids: Int32Array): Promise<Float32Array> {
    const { hiddenSize, vocabulary } = this.#model.info;
    const result = new Float32Array(ids.length);
    result[0] = this.#last ? (await this.#score(this.#last, ids.subarray(0, 1)))[0]! : NaN;
    const rows = Math.max(16, Math.floor(LOGITS_BYTES / (vocabulary * Float32Array.BYTES_PER_ELEMENT)));
    for (let from = 1; from < ids.length; from += rows) {
      const to = Math.min(ids.length, from + rows);
      const before = hidden.subarray((from - 1) * hiddenSize, (to - 1) * hiddenSize);
      result.set(await this.#score(before, ids.subarray(from, to)), from);
    }
    this.#last = hidden.slice((ids.length - 1) * hiddenSize);
    return result;
  }

  async #score(hidden: Float32Array, targets: Int32Array): Promise<Float32Array> {
    const { graphs, head, info } = this.#model;
    const outputs = await head.run({
      [graphs.head.hidden]: new Tensor('float32', hidden, [targets.length, info.hiddenSize]),
      [graphs.head.targets]: new Tensor('int32', targets, [targets.length]),
    });
    return outputs[graphs.head.logProb]!.data as Float32Array;
  }
}

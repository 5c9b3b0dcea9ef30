import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { KvCache } from '../models/blocks/attention.ts';

/** The keys of a layer, the values, or what is both. */
interface CacheEnd {
  /** [kvHeads, capacity, headDim]. */
  readonly data: Float32Array;
  /** Output of the graph that has those of a chunk. */
  readonly rows: string;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * Keys and values of a sequence on the CPU, in buffers of ours. Graphs take them as they are, and hand out those of a chunk alone:
 * under Electron onnxruntime-node copies each output, and would copy the whole cache for every token.
 */
export class KvBuffers {
  /** Inputs of the graph; the same tensors from pass to pass. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly #ends: readonly CacheEnd[];
  readonly #capacity: number;

  /** @param capacity most tokens they will hold */
  constructor(caches: readonly KvCache[], capacity: number) {
    this.#capacity = capacity;
    const feeds: Record<string, Tensor> = {};
    const ends: CacheEnd[] = [];
    for (const { kvHeads, headDim, pastKey, presentKey, pastValue, presentValue, shared } of caches) {
      const add = (rows: string): Tensor => {
        const data = new Float32Array(kvHeads * capacity * headDim);
        ends.push({ data, rows, kvHeads, headDim });
        return new Tensor('float32', data, [1, kvHeads, capacity, headDim]);
      };
      const key = (feeds[pastKey] = add(presentKey));
      feeds[pastValue] = shared ? key : add(presentValue);
    }
    this.feeds = feeds;
    this.#ends = ends;
  }

  /** The outputs that `append` wants. */
  get outputs(): string[] {
    return this.#ends.map(({ rows }) => rows);
  }

  /** Takes over the keys and values of a chunk that came after so many tokens. */
  append(outputs: InferenceSession.ReturnType, past: number): void {
    for (const end of this.#ends) {
      const { data, dims } = outputs[end.rows]!;
      const tokens = dims[2]!;
      this.#write(end, data as Float32Array, tokens, tokens, past);
    }
  }

  /** Takes over the first tokens of another sequence of the same model. */
  copy(other: KvBuffers, tokens: number): void {
    for (const [i, end] of this.#ends.entries()) {
      this.#write(end, other.#ends[i]!.data, other.#capacity, tokens, 0);
    }
  }

  /**
   * Forgets tokens [from, to), as far as there is room for them. What is of no token has to be numbers: one that comes alone
   * multiplies it with 0.
   */
  forget(from: number, to: number): void {
    for (const { data, kvHeads, headDim } of this.#ends) {
      for (let head = 0; head < kvHeads; head++) {
        const start = head * this.#capacity;
        data.fill(0, (start + from) * headDim, (start + Math.min(to, this.#capacity)) * headDim);
      }
    }
  }

  /** Writes the first tokens of `from`, [kvHeads, capacity, headDim], to those from `at` on. */
  #write({ data, kvHeads, headDim }: CacheEnd, from: Float32Array, capacity: number, tokens: number, at: number): void {
    for (let head = 0; head < kvHeads; head++) {
      const start = head * capacity * headDim;
      data.set(from.subarray(start, start + tokens * headDim), (head * this.#capacity + at) * headDim);
    }
  }
}

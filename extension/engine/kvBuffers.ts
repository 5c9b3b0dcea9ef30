import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { KvCache } from '../models/blocks/attention.ts';

/** ONNX Runtime takes float16 as bits. */
export const STORAGE = { float32: Float32Array, float16: Uint16Array } as const;

/** One end of a layer's cache: the keys, the values, or what is both. */
interface Buffer {
  readonly tensor: Tensor;
  readonly rows: string;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * Keys and values of a sequence, in buffers of ours. Graphs take them as they are, and hand out those of a chunk alone: under
 * Electron onnxruntime-node copies each output, and would copy the whole cache for every token.
 */
export class KvBuffers {
  /** Inputs of the graph; the same tensors from pass to pass. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly #buffers: readonly Buffer[];
  readonly #capacity: number;

  /** @param capacity most tokens they will hold */
  constructor(caches: readonly KvCache[], capacity: number) {
    this.#capacity = capacity;
    const feeds: Record<string, Tensor> = {};
    const buffers: Buffer[] = [];
    for (const { type, kvHeads, headDim, shared, ...ends } of caches) {
      const add = (rows: string): Tensor => {
        const data = new STORAGE[type](kvHeads * capacity * headDim);
        const tensor = new Tensor(type, data, [1, kvHeads, capacity, headDim]);
        buffers.push({ tensor, rows, kvHeads, headDim });
        return tensor;
      };
      const key = (feeds[ends.pastKey] = add(ends.presentKey));
      feeds[ends.pastValue] = shared ? key : add(ends.presentValue);
    }
    this.feeds = feeds;
    this.#buffers = buffers;
  }

  /** The outputs that `append` wants. */
  get outputs(): string[] {
    return this.#buffers.map(({ rows }) => rows);
  }

  /** Takes over the keys and values of a chunk that came after so many tokens. */
  append(outputs: InferenceSession.ReturnType, past: number): void {
    for (const { tensor, rows, kvHeads, headDim } of this.#buffers) {
      const { data, dims } = outputs[rows]!;
      const tokens = dims[2]!;
      const from = { data: data as Elements, capacity: tokens, at: 0 };
      copyRows(from, { data: tensor.data as Elements, capacity: this.#capacity, at: past }, tokens, kvHeads, headDim);
    }
  }

  /** Takes over the first tokens of another sequence of the same model. */
  copy(other: KvBuffers, tokens: number): void {
    for (const [i, { tensor, kvHeads, headDim }] of this.#buffers.entries()) {
      const from = { data: other.#buffers[i]!.tensor.data as Elements, capacity: other.#capacity, at: 0 };
      const into = { data: tensor.data as Elements, capacity: this.#capacity, at: 0 };
      copyRows(from, into, tokens, kvHeads, headDim);
    }
  }
}

type Elements = Float32Array | Uint16Array;

/** A cache [kvHeads, capacity, headDim], and a token in it. */
interface Place {
  readonly data: Elements;
  readonly capacity: number;
  readonly at: number;
}

function copyRows(from: Place, into: Place, tokens: number, kvHeads: number, headDim: number): void {
  for (let head = 0; head < kvHeads; head++) {
    const start = (head * from.capacity + from.at) * headDim;
    into.data.set(from.data.subarray(start, start + tokens * headDim), (head * into.capacity + into.at) * headDim);
  }
}

import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { DecoderGraphs } from '../models/decoder.ts';
import type { ModelInfo } from '../protocol/trace.ts';

/** Bytes of vocabulary logits in memory at a time, of which the head has some copies. */
const LOGITS_BYTES = 8 * 2 ** 20;

/** Rows of logits at a time, whatever they take: fewer would wait for the head's matrix to come from memory. */
const LEAST_ROWS = 64;

/** Turns hidden states into log-probabilities, as many rows at a time as memory allows. */
export class Head {
  readonly #session: InferenceSession;
  readonly #graph: DecoderGraphs['head'];
  readonly #size: Pick<ModelInfo, 'hiddenSize' | 'vocabulary'>;

  constructor(
    session: InferenceSession,
    graph: DecoderGraphs['head'],
    size: Pick<ModelInfo, 'hiddenSize' | 'vocabulary'>,
  ) {
    this.#session = session;
    this.#graph = graph;
    this.#size = size;
  }

  /**
   * Log-probabilities of tokens; [T].
   *
   * @param before hidden state of the token before them, [H]; the first one's is NaN without it
   * @param hidden theirs; [T, H]
   */
  async logProbs(before: Float32Array | undefined, ids: Int32Array, hidden: Float32Array): Promise<Float32Array> {
    const { hiddenSize, vocabulary } = this.#size;
    const { logProb } = this.#graph;
    const result = new Float32Array(ids.length);
    result[0] = before ? (await this.#run(before, ids.subarray(0, 1), logProb))[0]! : NaN;
    const rows = Math.max(LEAST_ROWS, Math.floor(LOGITS_BYTES / (vocabulary * Float32Array.BYTES_PER_ELEMENT)));
    for (let from = 1; from < ids.length; from += rows) {
      const to = Math.min(ids.length, from + rows);
      const rowsBefore = hidden.subarray((from - 1) * hiddenSize, (to - 1) * hiddenSize);
      result.set(await this.#run(rowsBefore, ids.subarray(from, to), logProb), from);
    }
    return result;
  }

  /** Logits of the token after the one of that hidden state, [H]; [V]. */
  logits(hidden: Float32Array): Promise<Float32Array> {
    return this.#run(hidden, Int32Array.of(0), this.#graph.logits);
  }

  /** Runs rows [n, H] for the output of that name. */
  async #run(hidden: Float32Array, targets: Int32Array, wanted: string): Promise<Float32Array> {
    const outputs = await this.#session.run(
      {
        [this.#graph.hidden]: new Tensor('float32', hidden, [targets.length, this.#size.hiddenSize]),
        [this.#graph.targets]: new Tensor('int32', targets, [targets.length]),
      },
      [wanted],
    );
    return outputs[wanted]!.data as Float32Array;
  }
}

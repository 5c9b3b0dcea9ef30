import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { DecoderGraphs } from '../models/decoder.ts';
import type { ModelInfo } from '../protocol/trace.ts';

/** Bytes of vocabulary logits in memory at a time, of which the head has some copies. */
const LOGITS_BYTES = 8 * 2 ** 20;

/** Rows of logits at a time, whatever they take: fewer would wait for the head's matrix to come from memory. */
const LEAST_ROWS = 64;

/** What may come after a token, by token; [V] each. */
export interface NextToken {
  readonly logits: Float32Array;
  readonly logProbs: Float32Array;
}

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
   * @param before hidden state of the token before them, [H], or what it said may come; the first one's is NaN without it
   * @param hidden theirs; [T, H]
   */
  async logProbs(
    before: Float32Array | NextToken | undefined,
    ids: Int32Array,
    hidden: Float32Array,
  ): Promise<Float32Array> {
    const { hiddenSize, vocabulary } = this.#size;
    const { logProb } = this.#graph;
    const result = new Float32Array(ids.length);
    result[0] = before ? await this.#logProb(before, ids[0]!) : NaN;
    const rows = Math.max(LEAST_ROWS, Math.floor(LOGITS_BYTES / (vocabulary * Float32Array.BYTES_PER_ELEMENT)));
    for (let from = 1; from < ids.length; from += rows) {
      const to = Math.min(ids.length, from + rows);
      const rowsBefore = hidden.subarray((from - 1) * hiddenSize, (to - 1) * hiddenSize);
      const outputs = await this.#run(rowsBefore, ids.subarray(from, to), [logProb]);
      result.set(outputs[logProb]!.data as Float32Array, from);
    }
    return result;
  }

  /** What may come after the token of that hidden state, [H]. */
  async next(hidden: Float32Array): Promise<NextToken> {
    const { logits, logProbs } = this.#graph;
    const outputs = await this.#run(hidden, Int32Array.of(0), [logits, logProbs]);
    return { logits: outputs[logits]!.data as Float32Array, logProbs: outputs[logProbs]!.data as Float32Array };
  }

  async #logProb(before: Float32Array | NextToken, id: number): Promise<number> {
    if (!(before instanceof Float32Array)) return before.logProbs[id]!;
    const { logProb } = this.#graph;
    const outputs = await this.#run(before, Int32Array.of(id), [logProb]);
    return (outputs[logProb]!.data as Float32Array)[0]!;
  }

  /** Runs rows [n, H] for the outputs of those names. */
  #run(hidden: Float32Array, targets: Int32Array, wanted: readonly string[]): Promise<InferenceSession.ReturnType> {
    return this.#session.run(
      {
        [this.#graph.hidden]: new Tensor('float32', hidden, [targets.length, this.#size.hiddenSize]),
        [this.#graph.targets]: new Tensor('int32', targets, [targets.length]),
      },
      wanted,
    );
  }
}

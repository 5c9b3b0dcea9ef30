import type { RoutedLayer, Stage } from '../protocol/engine.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { Encoded } from './encode.ts';
import type { MeasurableModel } from './measure.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A model that is ready to run, whatever it was opened from. */
export interface OpenModel {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  /** Most tokens that one pass should take: enough rows for each expert's matrix product, soon enough for progress and for cancelling. */
  readonly chunk: number;
  /** Present in a model whose decoder is told a text by an encoder. */
  readonly answers?: AnsweringModel;
  /**
   * An empty sequence, for at most so many tokens.
   *
   * @throws UserError `out-of-memory` when what it keeps of them cannot fit
   */
  sequence(capacity: number): Sequence;
  /**
   * The same model in parts that interventions can be put between, opened on first use and closed with the model. Absent where
   * the graph is not one of ours.
   *
   * @throws UserError `out-of-memory` when its weights do not fit a second time, `precision-unsupported` on another device than the CPU
   */
  measurable?(): Promise<MeasurableModel>;
  /** Ends the profile that the model was opened with. */
  endProfile?(): void;
  close(): Promise<void>;
}

/** An encoder, and the decoder that it tells. */
export interface AnsweringModel {
  /** The token that every sequence of the decoder begins with. */
  readonly decoderStart: number;
  encode(ids: Int32Array): Promise<Encoded>;
  sequence(capacity: number): AnsweringSequence;
}

/** One sequence of tokens in a model: what it keeps of those that have gone through. */
export interface Sequence {
  /**
   * Begins anew.
   *
   * @param length tokens of the text that is to come; others may be generated after it
   */
  reset(length: number): void;
  /**
   * Appends tokens; returns their routing and log-probabilities, NaN for the first of all.
   *
   * @param skip how many of them nobody asks about
   */
  append(ids: Int32Array, skip?: number): Promise<RoutedTokens>;
  /** Logits of the token after the last one; [V]. */
  nextLogits(): Promise<Float32Array>;
}

export interface AnsweringSequence extends Sequence {
  /** Tells the decoder what the encoder made of a text. */
  attendTo(crosses: Encoded['crosses']): void;
}

export interface RoutedTokens {
  readonly layers: RoutedLayer[];
  readonly logProb: Float32Array;
}

export interface OpenOptions {
  /** Absolute path of the bundle that the threads of an import run. */
  readonly importer: string;
  readonly progress: (stage: Stage, done: number, total: number) => void;
  readonly signal: AbortSignal;
  /** Takes a sentence on what was decided. */
  readonly log?: (message: string) => void;
}

import type { RoutedLayer, Stage } from '../protocol/engine.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { TokenSums } from './capture.ts';
import type { Encoded } from './encode.ts';
import type { MeasurableModel } from './measure.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A model that is ready to run, whatever it was opened from. */
export interface OpenModel {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  /** Most tokens that one pass should take: enough rows for each expert's matrix product, soon enough for progress and for cancelling. */
  readonly chunk: number;
  /** Whether it keeps nothing of the tokens that have gone through, and each pass takes them anew. */
  readonly cacheless: boolean;
  /** Present in a model whose decoder is told a text by an encoder. */
  readonly answers?: AnsweringModel;
  /**
   * Whether what a text of `a` tokens and one of `b` have in common at their beginnings is routed alike: not where tokens see
   * those after them, or where positions depend on how many there are.
   */
  beginsAlike(a: number, b: number): boolean;
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
   * @throws UserError `precision-unsupported` when its weights do not fit a second time, and on another device than the CPU
   */
  measurable?(): Promise<MeasurableModel>;
  /** Nodes of a graph of ours; absent of others'. */
  readonly nodes?: number;
  /** Ends the profile that the model was opened with. */
  endProfile?(): void;
  close(): Promise<void>;
}

/** An encoder, and the decoder that it tells. */
export interface AnsweringModel {
  /** The token that every sequence of the decoder begins with. */
  readonly decoderStart: number;
  /** @param each whether to tell what each token adds to the sums */
  encode(ids: Int32Array, each?: boolean): Promise<Encoded>;
  sequence(capacity: number): AnsweringSequence;
}

/**
 * How a sequence takes tokens back: to any token, as keys and values of the others stay as they are; to where it was marked,
 * as what recurrent layers carry cannot be undone; or to its beginning.
 */
export type Rewinding = 'anywhere' | 'to-marks' | 'to-start';

/** One sequence of tokens in a model: what it keeps of those that have gone through. */
export interface Sequence {
  /** Tokens that have gone through. */
  readonly length: number;
  /** Most tokens that it holds. */
  readonly capacity: number;
  /** Memory that it takes. */
  readonly bytes: number;
  readonly rewinding: Rewinding;
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
   * @param each whether to tell what each token adds to the sums
   */
  append(ids: Int32Array, skip?: number, each?: boolean): Promise<RoutedTokens>;
  /**
   * Takes tokens back until `to` are left, or fewer where it cannot stop there.
   *
   * @returns how many are left
   */
  rewind(to: number): number;
  /** Makes this a place to come back to, where that takes anything; places that help least go when they take more than so many bytes. */
  mark(bytes: number): void;
  /**
   * Another one with the first tokens of this one, as many as `rewind(to)` would leave.
   *
   * @throws UserError `out-of-memory` as `OpenModel.sequence`
   */
  fork(to: number, capacity: number): Sequence;
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
  /** What each token adds to the sums of each layer, where that was asked for. */
  readonly each?: readonly TokenSums[];
}

export interface OpenOptions {
  /** Absolute path of the bundle that the threads of an import run. */
  readonly importer: string;
  readonly progress: (stage: Stage, done: number, total: number) => void;
  readonly signal: AbortSignal;
  /** What the paths of profiles begin with; absent when none is made. */
  readonly profile?: string;
  /** Takes a sentence on what was decided. */
  readonly log?: (message: string) => void;
}

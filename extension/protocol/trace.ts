/**
 * The one data structure: what a mixture-of-experts model did with a text, token by token and layer by layer.
 *
 * Columns are typed arrays so that a trace crosses processes as bytes. Notation as in papers: T tokens, E routed experts
 * of a layer, k experts chosen per token, c ≥ k candidates kept per token (the chosen ones, then runners-up).
 */
import type { ModelAnatomy } from './model.ts';

/** Stands in `chosen` for a slot that a capacity limit dropped, and for a candidate that does not exist. */
export const NO_EXPERT = 0xffff;

/** One entry a token; T long. */
export interface TokenColumns {
  /** Token ids. */
  readonly ids: Int32Array;
  /** First UTF-16 unit of the token in the analysed text. */
  readonly start: Uint32Array;
  /**
   * One past the token's last UTF-16 unit. Of tokens that share a character (a split emoji) each has all of it in its range: these are
   * equal, or overlap where a token goes on beyond the character.
   */
  readonly end: Uint32Array;
  /** Natural log of the probability given the tokens before it in its window, in nats; NaN where none stand before it. */
  readonly logProb: Float32Array;
}

/** Names an expert of a layer; `layer` is the position among the MoE layers, not the model's layer index. */
export interface ExpertRef {
  readonly layer: number;
  readonly expert: number;
}

/** What tells one MoE layer's arrays how to be read. */
export interface LayerShape {
  /** Index among all layers of the model (dense ones count). */
  readonly layer: number;
  /** Which stack of an encoder-decoder it belongs to. */
  readonly stack?: 'encoder' | 'decoder';
  /** Routed experts, E. */
  readonly experts: number;
  /** Experts chosen per token, k. */
  readonly k: number;
  /** Set where a recording of counts does not tell k, which then is 1: nothing can be said of tokens. */
  readonly kUnknown?: true;
  /** Candidates kept per token, c ≥ k: chosen experts, highest weight first, then runners-up by selection score. */
  readonly candidates: number;
}

/** Slots that each expert of a MoE layer took. */
export interface LayerCounts {
  readonly shape: LayerShape;
  /** [E]. */
  readonly counts: Float64Array;
}

/** Routing of one MoE layer. */
export interface LayerTrace extends LayerShape {
  /** Expert of candidate j of token t at [t·c + j]. */
  readonly chosen: Uint16Array;
  /**
   * Its weight at the same place. A chosen expert's output is multiplied by it; a runner-up's is what it would weigh on
   * the same scale.
   */
  readonly weight: Float32Array;
  /** Entropy of the router's distribution over all E experts, in nats; [T]. */
  readonly entropy: Float32Array;
  /**
   * Selection score of the last chosen expert minus that of the first not chosen, within the groups that were chosen where a router
   * chooses such first; [T]. NaN when no other could be chosen. The selection score is the router's probability, or, in models whose
   * routers choose by something else, that: a sigmoid, with a balancing bias added.
   */
  readonly margin: Float32Array;
  /** Sum over routed tokens of each expert's probability; [E]. Divided by T it is P of the balance losses. */
  readonly probSum: Float64Array;
  /** Sum over routed tokens of logsumexp(router logits)²; divided by T it is the router z-loss. */
  logSumExpSq: number;
}

/** How weights are held. Routers, norms and embeddings are float32 but for float16 on a GPU. */
export const PRECISIONS = ['float32', 'float16', 'int8', 'int4'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** ONNX Runtime's execution providers, by the names that it takes. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** What stands where a recording does not tell; data are English, so that programs find the same in every language. */
export const UNKNOWN_PRECISION = 'unknown precision';
export const UNKNOWN_PROVIDER = 'unknown engine';

/** Scores of experts: a distribution over them, or a number for each by itself. */
export const SCORINGS = ['softmax', 'sigmoid'] as const;
export type Scoring = (typeof SCORINGS)[number];

/** Numbers of the model that routed, as far as every view needs them. */
export interface ModelInfo {
  /** What a user calls it: the folder's name. */
  readonly name: string;
  /** Where it lies; empty where it is not on this machine. */
  readonly folder: string;
  /** `architectures[0]` of its config, e.g. MixtralForCausalLM. */
  readonly architecture: string;
  /** All decoder layers, dense ones included; 0 where only those that were recorded are known. */
  readonly layers: number;
  readonly moeLayers: readonly LayerShape[];
  /** What its routers make of logits; absent where a recording does not tell, and where layers differ. */
  readonly scoring?: Scoring;
  readonly hiddenSize: number;
  readonly vocabulary: number;
  /** Tokens of one context window: the model's own limit or the user's, whichever is smaller. */
  readonly context: number;
  /** All parameters, and those one token uses (k experts of each MoE layer). */
  readonly parameters: { readonly total: number; readonly active: number };
  /** Of the same, in memory; absent where anatomy or precision tells. */
  readonly bytes?: { readonly total: number; readonly active: number };
  /** Absent where only a trace was recorded, or a graph does not tell. */
  readonly anatomy?: ModelAnatomy;
  /** A `Precision`, or what a recorded trace names. Readers get `precisionText`. */
  readonly precision: string;
  /** Execution provider that runs it. Readers get `providerText`. */
  readonly provider: string;
  /** Parts of the checkpoint that are left out, since text does not need them: a vision tower, say. */
  readonly skipped?: readonly string[];
  /** Whoever ran it returned experts without weights, entropies and margins: all of these are NaN. */
  readonly weightless?: true;
  /** Ids beyond the model's experts are among its routing: they number copies of experts, and of which is not known. */
  readonly physicalIds?: true;
  /** What there is to know of how precision and provider came to be, in a sentence. */
  readonly note?: string;
}

export interface TraceOrigin {
  readonly model: ModelInfo;
  /** `measured`: the model ran, on this machine or on the server that `provider` names. `recorded`: read from a file. */
  readonly source: 'measured' | 'recorded';
  /** Wall time by stage, in milliseconds; absent for a recorded trace. */
  readonly milliseconds?: { readonly open: number; readonly tokenize: number; readonly route: number };
}

export interface RoutingTrace {
  readonly tokens: TokenColumns;
  readonly layers: readonly LayerTrace[];
  /** Index of the first token of each context window; the first entry is 0. Nothing before a window's start is seen by it. */
  readonly windows: Uint32Array;
  /** Tokens [0, routed) have routing; fewer than T when the run is under way or was stopped. */
  readonly routed: number;
  /** Tokens from this one on were generated by the model; absent when none were. */
  readonly generatedFrom?: number;
  readonly origin: TraceOrigin;
}

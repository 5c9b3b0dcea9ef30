/**
 * What a model is, as data: a family turns a config into this, and decoder.ts turns this into graphs. Names and options
 * are those of the papers; a new option is a field here and a branch in one block.
 */
import type { TensorSpec } from './weights.ts';

/** A decoder-only language model. */
export interface DecoderSpec {
  /** `architectures[0]` of the config. */
  readonly architecture: string;
  readonly hiddenSize: number;
  readonly vocabulary: number;
  /** Positions the model was made for. */
  readonly context: number;
  readonly embedding: TensorSpec;
  readonly layers: readonly LayerSpec[];
  readonly finalNorm: NormSpec;
  /** Projection to the vocabulary; the embedding itself where the two are tied. */
  readonly head: LinearSpec;
}

/** A layer is a sequence of residual blocks: usually attention, then the feed-forward network. */
export type LayerSpec = readonly BlockSpec[];

/** x + mixer(norm(x)). */
export interface BlockSpec {
  readonly norm: NormSpec;
  readonly mixer: AttentionSpec | MoeSpec | MlpSpec;
}

/** x · Wᵀ + b. */
export interface LinearSpec {
  /** [out, in], as checkpoints have it. */
  readonly weight: TensorSpec;
  /** [out]. */
  readonly bias?: TensorSpec;
}

/** Root mean square norm: x / sqrt(mean(x²) + eps) · weight. */
export interface NormSpec {
  readonly weight: TensorSpec;
  readonly epsilon: number;
}

/** Grouped-query attention. */
export interface AttentionSpec {
  readonly kind: 'attention';
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly query: LinearSpec;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  readonly output: LinearSpec;
  /** Norms of queries and keys before rotation: of each head, or of all heads as one vector. */
  readonly queryKeyNorm?: { readonly over: 'head' | 'all'; readonly query: NormSpec; readonly key: NormSpec };
  /** Queries, keys and values are cut to [−clip, clip], after the norms. */
  readonly clip?: number;
  readonly rope: RopeSpec;
  /** A token attends to this many tokens, itself included; undefined for all before it. */
  readonly window?: number;
}

/**
 * Rotary positions, halves rotated against each other: the angle of pair i at position p is p · frequency_i. Without
 * scaling, frequency_i = base^(−2i/dims).
 */
export interface RopeSpec {
  readonly base: number;
  /** Leading dimensions of a head that are rotated. */
  readonly dims: number;
  readonly scaling: RopeScaling;
}

/** How a model was stretched beyond the context it was trained on; see rope.ts for the formulas. */
export type RopeScaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor: number }
  | { readonly kind: 'dynamic'; readonly factor: number; readonly originalContext: number }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalContext: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Multiplies cos and sin. */
      readonly attentionFactor: number;
      readonly truncate: boolean;
    }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContext: number;
    }
  | {
      readonly kind: 'longrope';
      readonly originalContext: number;
      readonly attentionFactor: number;
      /** Divide the frequencies of texts up to the original context, and of longer ones; [dims/2]. */
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
    };

/** Gated feed-forward network: down(activation(gate(x)) · up(x)). */
export interface MlpSpec {
  readonly kind: 'mlp';
  readonly intermediateSize: number;
  readonly activation: Activation;
  readonly gate: LinearSpec;
  readonly up: LinearSpec;
  readonly down: LinearSpec;
}

export type Activation = 'silu' | 'geluTanh';

/** Σ over the chosen experts of weight · expert(x), plus shared(x). */
export interface MoeSpec {
  readonly kind: 'moe';
  readonly router: RouterSpec;
  /** Expert e; all have the same shapes. */
  readonly expert: (index: number) => MlpSpec;
  /** An expert that every token visits; its output is multiplied by sigmoid(gate(x)) where there is a gate. */
  readonly shared?: { readonly mlp: MlpSpec; readonly gate?: LinearSpec };
}

/** Which k of E experts a token visits, and with what weights. */
export interface RouterSpec {
  /** logits = x · weightᵀ (+ bias, which counts for choice and weight alike). */
  readonly projection: LinearSpec;
  readonly experts: number;
  readonly k: number;
  /** Scores are softmax(logits) over all experts, or sigmoid(logits) of each. The k highest are chosen. */
  readonly scoring: 'softmax' | 'sigmoid';
  /** Added to the scores for choosing only: the bias of loss-free balancing (arXiv 2408.15664). */
  readonly selectionBias?: TensorSpec;
  /** Experts lie in groups; only those of the best groups can be chosen. */
  readonly groups?: GroupLimit;
  /** The chosen scores are divided by their sum plus epsilon. */
  readonly renormalize?: { readonly epsilon: number };
  /** Multiplies the weights last. */
  readonly scale?: number;
}

/** DeepSeek's node-limited routing (arXiv 2405.04434): of `count` groups, the `keep` with the highest score stay. */
export interface GroupLimit {
  readonly count: number;
  readonly keep: number;
  /** A group's score: its best expert's, or the sum of its two best. */
  readonly score: 'max' | 'sumOfTwo';
  /** What stands in for the score of an expert of another group: 0, or −Infinity. */
  readonly masked: number;
}

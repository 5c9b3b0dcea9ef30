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
  readonly head: TensorSpec;
}

/** x + attention(norm(x)), then x + ffn(norm(x)). */
export interface LayerSpec {
  readonly attentionNorm: NormSpec;
  readonly attention: AttentionSpec;
  readonly ffnNorm: NormSpec;
  readonly ffn: MoeSpec;
}

/** Root mean square norm: x / sqrt(mean(x²) + eps) · weight. */
export interface NormSpec {
  readonly weight: TensorSpec;
  readonly epsilon: number;
}

/** Grouped-query attention with rotary positions. */
export interface AttentionSpec {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly query: TensorSpec;
  readonly key: TensorSpec;
  readonly value: TensorSpec;
  readonly output: TensorSpec;
  readonly rope: RopeSpec;
  /** A token attends to this many tokens, itself included; undefined for all before it. */
  readonly window?: number;
}

/** Rotary positions, halves rotated against each other; angle of pair i at position p: p · base^(−2i/dims). */
export interface RopeSpec {
  readonly base: number;
  readonly dims: number;
}

export interface MoeSpec {
  readonly router: RouterSpec;
  readonly experts: ExpertsSpec;
}

/** logits = x · weightᵀ; scores = softmax(logits); the k highest are chosen and weigh what `renormalize` says. */
export interface RouterSpec {
  readonly weight: TensorSpec;
  readonly experts: number;
  readonly k: number;
  /** The chosen weights are divided by their sum. */
  readonly renormalize: boolean;
}

/** Gated experts: down(activation(gate(x)) · up(x)). */
export interface ExpertsSpec {
  /** Inner width of one expert. */
  readonly intermediateSize: number;
  readonly activation: 'silu';
  /** Tensors of expert e. */
  readonly tensors: (expert: number) => {
    readonly gate: TensorSpec;
    readonly up: TensorSpec;
    readonly down: TensorSpec;
  };
}

/**
 * What a model is, as data: a family turns a config into this, and decoder.ts turns this into graphs. Names and options
 * are those of the papers; a new option is a field here and a branch in one block.
 */
import type { Scoring } from '../protocol/trace.ts';
import type { BlockShape, TensorSpec } from './weights.ts';

/** A language model: a decoder, with an encoder before it in some. */
export interface DecoderSpec {
  /** `architectures[0]` of the config. */
  readonly architecture: string;
  readonly hiddenSize: number;
  readonly vocabulary: number;
  /** Positions the model was made for. */
  readonly context: number;
  readonly embedding: TensorSpec;
  /** Multiplies the embeddings. */
  readonly embeddingScale?: number;
  readonly encoder?: EncoderSpec;
  readonly layers: readonly LayerSpec[];
  readonly finalNorm: NormSpec;
  /** Projection to the vocabulary; the embedding itself where the two are tied. */
  readonly head: LinearSpec;
  /** Multiplies the logits. */
  readonly logitScale?: number;
  /** Logits become cap · tanh(logits / cap). */
  readonly logitCap?: number;
  /** What shares a scale in matrices that the checkpoint has as FP8. */
  readonly fp8Block?: BlockShape;
}

/** Reads the whole text before the decoder writes, which it does from its own first token on. */
export interface EncoderSpec {
  /** Where it has one of its own. */
  readonly embedding?: TensorSpec;
  readonly layers: readonly LayerSpec[];
  readonly finalNorm: NormSpec;
  /** What every decoder sequence begins with. */
  readonly decoderStart: number;
}

/** A layer is a sequence of residual blocks: usually attention, then the feed-forward network. */
export type LayerSpec = readonly BlockSpec[];

/** (x + branchScale · postNorm(mixer(norm(x)))) · scale. */
export interface BlockSpec {
  /** Without one the mixer gets x itself, and norms what it wants normed. */
  readonly norm?: NormSpec;
  readonly postNorm?: NormSpec;
  readonly branchScale?: number;
  /** [1]. */
  readonly scale?: TensorSpec;
  readonly mixer: MixerSpec;
}

export type MixerSpec =
  | AttentionSpec
  | BidirectionalSpec
  | CrossAttentionSpec
  | MlaSpec
  | ShortConvSpec
  | DeltaNetSpec
  | MambaSpec
  | Mamba2Spec
  | MoeSpec
  | MlpSpec;

/** x · Wᵀ + b. */
export interface LinearSpec {
  /** [out, in], as checkpoints have it. */
  readonly weight: TensorSpec;
  /** [out]. */
  readonly bias?: TensorSpec;
  /** The weight is [in, out]. */
  readonly transposed?: boolean;
}

/** Root mean square norm, x / sqrt(mean(x²) + eps) · weight, or layer norm, (x − mean) / sqrt(variance + eps) · weight + bias. */
export type NormSpec = RmsNormSpec | LayerNormSpec;

export interface RmsNormSpec {
  readonly kind?: 'rms';
  /** Absent where nothing is learned. */
  readonly weight?: TensorSpec;
  /** The weight is learned around zero: it multiplies as 1 + weight. */
  readonly zeroCentred?: boolean;
  readonly epsilon: number;
}

export interface LayerNormSpec {
  readonly kind: 'layer';
  readonly weight: TensorSpec;
  readonly bias?: TensorSpec;
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
  /** Without one the values are the keys, as projected. */
  readonly value?: LinearSpec;
  readonly output: LinearSpec;
  /** Norms of queries and keys: of each head, or of all heads as one vector; before rotation unless it says otherwise. */
  readonly queryKeyNorm?: {
    readonly over: 'head' | 'all';
    readonly query: NormSpec;
    readonly key: NormSpec;
    readonly rotated?: boolean;
  };
  /** Norm of each head's values. */
  readonly valueNorm?: NormSpec;
  /** Multiplies the products of queries and keys; 1 / sqrt(headDim) unless given. */
  readonly scale?: number;
  /** Queries, keys and values are cut to [−clip, clip], after the norms. */
  readonly clip?: number;
  /** Absent where positions are not told. */
  readonly rope?: RopeSpec;
  /** What comes out is multiplied by sigmoid(gate(x)), element by element; [heads · headDim]. */
  readonly gate?: LinearSpec;
  /** Logits of a key with no value, one a head, that softmax counts in; [heads]. */
  readonly sinks?: TensorSpec;
  /** A token attends to this many tokens, itself included; undefined for all before it. */
  readonly window?: number;
  /** Positions come in chunks of this many; a token attends to those before it in its own. */
  readonly chunk?: number;
  /** Queries at position p are multiplied by 1 + strength · ln(1 + ⌊(p + 1) / every⌋) (arXiv 2501.19399). */
  readonly temperature?: { readonly every: number; readonly strength: number };
  readonly relative?: RelativeBiasSpec;
}

/**
 * Added to the products of queries and keys by how far apart they are (T5, arXiv 1910.10683, section 2.1): distances have
 * buckets of their own up to half of `buckets`, then share them on a logarithmic scale up to `maxDistance`. Where keys may
 * come after queries, each side has half of the buckets.
 */
export interface RelativeBiasSpec {
  /** [buckets, heads]. */
  readonly weight: TensorSpec;
  readonly buckets: number;
  readonly maxDistance: number;
}

/** Attention of a text's tokens to all of them, before and after. */
export interface BidirectionalSpec extends HeadsSpec {
  readonly kind: 'bidirectional';
  readonly relative?: RelativeBiasSpec;
}

/** Attention of a decoder's tokens to all that the encoder made of the text, of which keys and values are projections. */
export interface CrossAttentionSpec extends HeadsSpec {
  readonly kind: 'crossAttention';
}

interface HeadsSpec {
  readonly heads: number;
  readonly headDim: number;
  readonly query: LinearSpec;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  readonly output: LinearSpec;
  /** Multiplies the products of queries and keys. */
  readonly scale: number;
}

/**
 * Multi-head latent attention (arXiv 2405.04434): the keys and values of all heads are projections of one latent vector a
 * token. Positions have a part of their own in queries and keys, `rope.dims` wide, whose key all heads share.
 */
export interface MlaSpec {
  readonly kind: 'mla';
  readonly heads: number;
  /** Width of a head's part of queries and keys that has no position. */
  readonly plainDim: number;
  readonly valueDim: number;
  readonly latentDim: number;
  /** To queries, [heads · (plainDim + rope.dims)]: from x, or from a latent of their own. */
  readonly query: LinearSpec;
  readonly queryLatent?: { readonly projection: LinearSpec; readonly norm: NormSpec };
  /** x to the latent, which is then normed, and to the rotated key; [latentDim + rope.dims]. */
  readonly latent: LinearSpec;
  readonly latentNorm: NormSpec;
  /** The latent to each head's keys, then values; [heads · (plainDim + valueDim), latentDim]. */
  readonly keyValue: TensorSpec;
  readonly output: LinearSpec;
  readonly rope: RopeSpec;
  /** Multiplies the products of queries and keys. */
  readonly scale: number;
}

/**
 * Rotary positions, halves rotated against each other unless interleaved: the angle of pair i at position p is p · frequency_i. Without
 * scaling, frequency_i = base^(−2i/dims).
 */
export interface RopeSpec {
  readonly base: number;
  /** Leading dimensions of a head that are rotated. */
  readonly dims: number;
  readonly scaling: RopeScaling;
  /** The two dimensions of a pair are neighbours instead of half the width apart. */
  readonly interleaved?: boolean;
}

/** How a model was stretched beyond the context it was trained on; see rope.ts for the formulas. */
export type RopeScaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor: number }
  /** As linear for the first pairs; the others stand still, though they count in dims. */
  | { readonly kind: 'proportional'; readonly factor: number; readonly pairs: number }
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
      /** For texts up to the original context, and for longer ones. */
      readonly short: LongRopeSpec;
      readonly long: LongRopeSpec;
    };

export interface LongRopeSpec {
  /** Divide the frequencies; [dims/2]. */
  readonly factors: readonly number[];
  /** Multiplies cos and sin. */
  readonly attentionFactor: number;
}

/** Depthwise causal convolution: each channel over the last `kernel` tokens. */
export interface ConvSpec {
  readonly channels: number;
  readonly kernel: number;
  /** [channels, 1, kernel], the newest token's factor last. */
  readonly weight: TensorSpec;
  /** [channels]. */
  readonly bias?: TensorSpec;
}

/** Gated short convolution (LFM2): output(c · conv(b · u)), where [b ; c ; u] = input(x). */
export interface ShortConvSpec {
  readonly kind: 'shortConv';
  readonly input: LinearSpec;
  readonly conv: ConvSpec;
  readonly output: LinearSpec;
}

/**
 * Gated DeltaNet (arXiv 2412.06464): linear attention whose state forgets by a gate and corrects what it has stored. Of each
 * value head, with q and k of unit length:
 *
 *     S ← α·S;  S ← S + β·k·(v − Sᵀk)ᵀ;  o = Sᵀq / sqrt(keyDim)
 *
 * where β = sigmoid(update(x)) and ln α = −exp(decayLog) · softplus(step(x) + stepBias).
 */
export interface DeltaNetSpec {
  readonly kind: 'deltaNet';
  /** Each serves a run of value heads. */
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly query: LinearSpec;
  readonly key: LinearSpec;
  readonly value: LinearSpec;
  /** Over queries, keys and values side by side. */
  readonly conv: ConvSpec;
  /** [valueHeads], as are the next three. */
  readonly update: LinearSpec;
  readonly step: LinearSpec;
  readonly stepBias: TensorSpec;
  readonly decayLog: TensorSpec;
  /** Of each head's output, which is then multiplied by silu(gate(x)). */
  readonly norm: NormSpec;
  readonly gate: LinearSpec;
  readonly output: LinearSpec;
}

/**
 * Mamba (arXiv 2312.00752) as Jamba has it, with norms. Of each channel, with a state of stateSize numbers:
 *
 *     h ← exp(Δ·A)·h + Δ·u·B;  y = h·C + skip·u
 *
 * where [u ; z] = input(x), u goes through conv, [δ ; B ; C] = selection(u) are normed, Δ = softplus(step(δ)) and
 * A = −exp(decayLog). The output is of y · silu(z).
 */
export interface MambaSpec {
  readonly kind: 'mamba';
  readonly channels: number;
  readonly stateSize: number;
  /** Width of δ. */
  readonly stepRank: number;
  readonly input: LinearSpec;
  readonly conv: ConvSpec;
  readonly selection: LinearSpec;
  readonly stepNorm: NormSpec;
  readonly inNorm: NormSpec;
  readonly outNorm: NormSpec;
  readonly step: LinearSpec;
  /** [channels, stateSize]. */
  readonly decayLog: TensorSpec;
  /** [channels]. */
  readonly skip: TensorSpec;
  readonly output: LinearSpec;
}

/**
 * Mamba-2 (arXiv 2405.21060). Of each head, with a state of stateSize × headDim:
 *
 *     S ← exp(Δ·A)·S + B·(Δ·u)ᵀ;  y = SᵀC + skip·u
 *
 * where [z ; u ; B ; C ; δ] = input(x), of which u, B and C go through conv, and heads share B and C by groups;
 * Δ = softplus(δ + stepBias), A = −exp(decayLog). The output is of norm(y · silu(z)).
 */
export interface Mamba2Spec {
  readonly kind: 'mamba2';
  readonly heads: number;
  readonly headDim: number;
  readonly groups: number;
  readonly stateSize: number;
  readonly input: LinearSpec;
  readonly conv: ConvSpec;
  /** [heads], as are the next two. */
  readonly stepBias: TensorSpec;
  readonly decayLog: TensorSpec;
  readonly skip: TensorSpec;
  /** Δ is not less. */
  readonly minStep: number;
  /** Of each group of its own; the weight is of all: [heads · headDim]. */
  readonly norm: RmsNormSpec & { readonly weight: TensorSpec };
  readonly output: LinearSpec;
}

/** Feed-forward network: down(activation(gate(x)) · up(x)), or down(activation(up(x))) without a gate. */
export interface MlpSpec {
  readonly kind: 'mlp';
  readonly intermediateSize: number;
  readonly activation: Activation;
  /**
   * Gates are cut to at most the limit, values to [−limit, limit] and then raised by one (gpt-oss). One projection gives both,
   * and there they alternate.
   */
  readonly clamped?: { readonly limit: number };
  /** `inUp` where one projection gives both: gates first, then what they multiply; but see `clamped`. */
  readonly gate?: LinearSpec | 'inUp';
  readonly up: LinearSpec;
  readonly down: LinearSpec;
}

export type Activation = 'relu' | 'silu' | 'quickGelu' | 'geluTanh' | 'reluSquared';

/** Σ over the chosen experts of weight · expert(x), plus shared(x). */
export interface MoeSpec {
  readonly kind: 'moe';
  readonly router: RouterSpec;
  /** The weight multiplies what an expert gets rather than what it gives: Σ expert(weight · x). */
  readonly weighsInput?: boolean;
  /** Norms around the experts, where the block has none: of x, and of their sum. */
  readonly norms?: NormPair;
  /** Experts work on a narrower projection of x, which their sum is expanded from; router and shared expert see x itself. */
  readonly latent?: { readonly size: number; readonly reduce: LinearSpec; readonly expand: LinearSpec };
  /** Expert e; all are alike but for the names of their weights. */
  readonly expert: (index: number) => MlpSpec;
  /** An expert that every token visits; its output is multiplied by sigmoid(gate(x)) where there is a gate. */
  readonly shared?: { readonly mlp: MlpSpec; readonly gate?: LinearSpec; readonly norms?: NormPair };
}

/** Norms of what goes into a network and of what comes out of it. */
export interface NormPair {
  readonly before: NormSpec;
  readonly after: NormSpec;
}

/** Which k of E experts a token visits, and with what weights. */
export interface RouterSpec {
  /** logits = x · weightᵀ (+ bias, which counts for choice and weight alike). */
  readonly projection: LinearSpec;
  /** The router's own norm of x, whose output is multiplied by the scale. */
  readonly input?: { readonly norm: NormSpec; readonly scale: number };
  readonly experts: number;
  readonly k: number;
  /** Scores are softmax(logits) over all experts, or sigmoid(logits) of each. The k highest are chosen. */
  readonly scoring: Scoring;
  /** The k highest logits are chosen instead: the same experts, but for scores that float32 cannot tell apart. */
  readonly choosesByLogits?: boolean;
  /** Added to the scores for choosing only: the bias of loss-free balancing (arXiv 2408.15664). */
  readonly selectionBias?: TensorSpec;
  /** Experts lie in groups; only those of the best groups can be chosen. */
  readonly groups?: GroupLimit;
  /** The chosen scores are divided by their sum plus epsilon, or by their p-norm; but by nothing less than `least`. */
  readonly renormalize?: { readonly epsilon: number; readonly p?: number; readonly least?: number };
  /**
   * Weights are those of a sparse mixer (arXiv 2409.12136) of two experts: each one's softmax among itself and those of lower
   * logits that come within `closeness` of it, relative to the larger of the two magnitudes.
   */
  readonly sparseMixer?: { readonly closeness: number };
  /** Multiplies the weights last. */
  readonly scale?: number;
  /** So does each expert's own; [E]. */
  readonly expertScale?: TensorSpec;
  /** Of the tokens of a pass an expert takes so many, in their order; the others get nothing from it. For k of 1. */
  readonly capacity?: number;
}

/** DeepSeek's node-limited routing (arXiv 2405.04434): of `count` groups, the `keep` with the highest score stay. */
export interface GroupLimit {
  readonly count: number;
  readonly keep: number;
  /** A group's score: its best expert's, or the sum of its two best. */
  readonly score: 'max' | 'sumOfTwo';
}

/**
 * What is changed in a model while it runs, and what comes of it. MoE layers go by their index in `ModelInfo.moeLayers`, experts by
 * theirs in the layer. An intervention holds from the first token on; one without fields changes nothing, and is the yardstick.
 */
import type { RoutedLayer } from './engine.ts';
import type { ExpertRef, LayerShape } from './trace.ts';

export interface LayerBias {
  readonly layer: number;
  /** Added to the selection scores, on top of a bias that the model has; [E]. Weights are of the scores without it (arXiv 2408.15664). */
  readonly values: Float32Array;
}

/** Which slots an expert keeps that is chosen more often than it has room. */
export const CAPACITY_POLICIES = ['position', 'weight', 'reroute'] as const;

/**
 * `position`: those of the earliest tokens. `weight`: those of highest weight, then the earliest. `reroute`: as by position, but what
 * is left over goes, token by token, to the token's best runner-up that still has room; its weight there is what it would have been
 * among the chosen.
 */
export type CapacityPolicy = (typeof CAPACITY_POLICIES)[number];

export interface CapacityLimit {
  /** An expert takes at most ⌈factor·T·k/E⌉ slots, T being all tokens of the text, in all of its windows: one batch. */
  readonly factor: number;
  readonly policy: CapacityPolicy;
}

export interface Intervention {
  /** Experts that routers do without, as if the model had been made without them: their logit is −∞, and softmax is of the others. */
  readonly masked?: readonly ExpertRef[];
  /** Experts that are chosen as ever and give nothing: their weight is 0, and the others' stay what they are. */
  readonly silenced?: readonly ExpertRef[];
  readonly bias?: readonly LayerBias[];
  /** Experts that a token chooses; weights come of that many as the model's own router makes them of its k. */
  readonly k?: number;
  /** Divides the logits before anything else. */
  readonly temperature?: number;
  /**
   * A dropped slot has weight 0: the token gets nothing from that expert and keeps its residual stream, and the weights of its
   * other experts are not normalised anew (Switch Transformers, arXiv 2101.03961, section 2.2). A limit of the model's own is lifted.
   */
  readonly capacity?: CapacityLimit;
  /** Leaves out what shared experts give. */
  readonly withoutShared?: boolean;
  /** The MoE layers that `k`, `temperature`, `capacity` and `withoutShared` are for; all unless given. */
  readonly layers?: readonly number[];
}

/** One layer's routing under an intervention; columns as in LayerTrace for all tokens of the text. */
export interface MeasuredLayer extends LayerShape, RoutedLayer {}

/** What a limit on capacity did to a layer's slots. */
export interface MeasuredSlots {
  readonly layer: number;
  readonly dropped: number;
  /** Slots that another expert took. */
  readonly moved: number;
}

/** A text under one intervention. */
export interface Measured {
  readonly run: number;
  /** Index of the intervention in the request. They come in any order. */
  readonly index: number;
  /** Of each token of the text, as in TokenColumns; empty when it was not asked for. */
  readonly logProb: Float32Array;
  /** One entry a MoE layer; none when it was not asked for. */
  readonly layers: readonly MeasuredLayer[];
  /** One entry for each layer with a limit. */
  readonly slots: readonly MeasuredSlots[];
}

/** Biases that even out a layer's load. */
export interface FittedBias {
  readonly layer: number;
  /** As in LayerBias. */
  readonly values: Float32Array;
  /** MaxVio of the tokens that it was fitted on, with it and those of the layers before. */
  readonly after: number;
  readonly updates: number;
}

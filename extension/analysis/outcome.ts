/** What an intervention did to a text: measured, beside what was counted on the routing without it. */
import type { Intervention, MeasuredSlots } from '../protocol/intervention.ts';
import { NO_EXPERT, type LayerShape, type LayerTrace, type RoutingTrace } from '../protocol/trace.ts';
import { capacityCurve } from './capacity.ts';
import { expertCounts, loadFigures, seenTokens } from './load.ts';
import { lossByToken, textLoss, type TextLoss } from './lossChange.ts';

/** Slots that a limit on capacity drops, and that it moves to another expert. */
export type LimitedSlots = Pick<MeasuredSlots, 'dropped' | 'moved'>;

export interface LayerOutcome {
  /** As it was. */
  readonly shape: LayerShape;
  /** Experts that a token chooses under the intervention. */
  readonly k: number;
  /** Slots that each expert takes under it; [E]. */
  readonly counts: Float64Array;
  /** MaxVio of the slots taken. */
  readonly maxVio: { readonly before: number; readonly after: number };
  /** Share of the slots without the intervention whose expert the token is still at. */
  readonly stayed: number;
  /**
   * Under a limit on capacity. Counted, as in capacity curves, where the limit is all that is changed: what it would do to the text
   * as it is.
   */
  readonly limited?: {
    readonly measured: LimitedSlots;
    readonly counted?: LimitedSlots;
    /** Slots that a limit of the model's own drops as it is, which this one stands instead of. */
    readonly lifted?: number;
  };
}

/** Of a whole text. */
export interface Outcome {
  readonly intervention: Intervention;
  readonly loss: { readonly before: TextLoss; readonly after: TextLoss };
  /** What each token loses, in nats. */
  readonly byToken: Float32Array;
  readonly layers: readonly LayerOutcome[];
}

/**
 * Compares a text as it is with the same under an intervention.
 *
 * @param slots what a limit on capacity did
 */
export function outcomeOf(
  before: RoutingTrace,
  after: RoutingTrace,
  intervention: Intervention,
  slots: readonly MeasuredSlots[],
): Outcome {
  const tokens = after.routed;
  const { capacity } = intervention;
  const isLimitAlone = Object.keys(intervention).every((change) => change === 'capacity' || change === 'layers');
  return {
    intervention,
    loss: { before: textLoss(before.tokens.logProb), after: textLoss(after.tokens.logProb) },
    byToken: lossByToken(before.tokens.logProb, after.tokens.logProb),
    layers: before.layers.map((layer, i): LayerOutcome => {
      const then = after.layers[i]!;
      const counts = expertCounts(then, 0, tokens);
      const { layer: index, stack, experts, k, candidates } = layer;
      const outcome = {
        shape: { layer: index, ...(stack ? { stack } : {}), experts, k, candidates },
        k: then.k,
        counts,
        maxVio: { before: loadFigures(expertCounts(layer, 0, tokens)).maxVio, after: loadFigures(counts).maxVio },
        stayed: stayedShare(layer, then, tokens),
      };
      const measured = slots.find((of) => of.layer === i);
      if (!capacity || !measured) return outcome;
      const lifted =
        layer.k * seenTokens(layer, tokens) - expertCounts(layer, 0, tokens).reduce((sum, c) => sum + c, 0);
      const limited = {
        measured: { dropped: measured.dropped, moved: measured.moved },
        ...(lifted > 0 ? { lifted } : {}),
      };
      if (!isLimitAlone) return { ...outcome, limited };
      const point = capacityCurve([layer], tokens, [capacity.factor])[0]!.layers[0]!;
      const { dropped, moved } = (capacity.policy === 'reroute' && point.rerouted) || { ...point, moved: 0 };
      return { ...outcome, limited: { ...limited, counted: { dropped, moved } } };
    }),
  };
}

function stayedShare(before: LayerTrace, after: LayerTrace, tokens: number): number {
  let slots = 0;
  let stayed = 0;
  for (let t = 0; t < tokens; t++) {
    const then = after.chosen.subarray(t * after.candidates, t * after.candidates + after.k);
    for (let at = t * before.candidates; at < t * before.candidates + before.k; at++) {
      const expert = before.chosen[at]!;
      if (expert === NO_EXPERT) continue;
      slots += 1;
      if (then.includes(expert)) stayed += 1;
    }
  }
  return stayed / slots;
}

/** All layers' slots under a limit together; undefined where there was none. */
export function allLimited({ layers }: Outcome): LayerOutcome['limited'] {
  const limited = layers.flatMap((layer) => (layer.limited ? [layer.limited] : []));
  if (limited.length === 0) return undefined;
  const sum = (slots: readonly LimitedSlots[]): LimitedSlots => ({
    dropped: slots.reduce((all, { dropped }) => all + dropped, 0),
    moved: slots.reduce((all, { moved }) => all + moved, 0),
  });
  const counted = limited.flatMap((layer) => layer.counted ?? []);
  const lifted = limited.reduce((all, layer) => all + (layer.lifted ?? 0), 0);
  return {
    measured: sum(limited.map(({ measured }) => measured)),
    ...(counted.length > 0 ? { counted: sum(counted) } : {}),
    ...(lifted > 0 ? { lifted } : {}),
  };
}

/** Which experts matter to a text: each is taken away in turn, and what the text loses is its cost. */
import type { ExpertRef, Intervention } from '../protocol/intervention.ts';
import type { LayerShape, RoutingTrace } from '../protocol/trace.ts';
import { expertCounts } from './load.ts';
import { lossByToken } from './lossChange.ts';

export interface Ablation extends ExpertRef {
  /** What all tokens lose together without it, in nats; less than 0 where the text is foreseen better without. */
  readonly cost: number;
  /** Share of the layer's slots that it has while it is there. */
  readonly share: number;
  /** The token that loses most, and how much. */
  readonly worst: { readonly token: number; readonly loss: number };
}

/** An intervention for each expert of the layers: tokens that chose it go to the next best. */
export function ablations(moeLayers: readonly LayerShape[], layers: Iterable<number>): Intervention[] {
  return Array.from(layers).flatMap((layer) =>
    Array.from({ length: moeLayers[layer]!.experts }, (_, expert) => ({ masked: [{ layer, expert }] })),
  );
}

/** What one of them showed. */
export function ablationOf(before: RoutingTrace, expert: ExpertRef, logProb: Float32Array): Ablation {
  const loss = lossByToken(before.tokens.logProb, logProb);
  let cost = 0;
  let token = 0;
  loss.forEach((nats, t) => {
    if (Number.isNaN(nats)) return;
    cost += nats;
    if (!(loss[token]! >= nats)) token = t;
  });
  const counts = expertCounts(before.layers[expert.layer]!, 0, before.routed);
  const slots = counts.reduce((sum, c) => sum + c, 0);
  return { ...expert, cost, share: counts[expert.expert]! / slots, worst: { token, loss: loss[token]! } };
}

/** Those that cost most first. */
export function rankAblations(found: readonly Ablation[]): Ablation[] {
  return found.toSorted((a, b) => b.cost - a.cost || a.layer - b.layer || a.expert - b.expert);
}

/** Which experts matter to a text: each is taken away in turn, and what the text loses is its cost. */
import * as l10n from '@vscode/l10n';
import type { Intervention } from '../protocol/intervention.ts';
import type { ExpertRef, LayerShape, RoutingTrace } from '../protocol/trace.ts';
import { expertCounts } from './load.ts';
import { lossByToken, textLoss, type TextLoss } from './lossChange.ts';

/** Why an expert that no token chose may have a cost. */
export const OTHERS_RISE = l10n.t`In models that take weights from a softmax over all experts without renormalising them, removing an expert multiplies every other weight by 1/(1 − p), p being the removed expert’s probability for that token. So even an expert that no token chose can have a cost.`;

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
function ablationOf(before: RoutingTrace, expert: ExpertRef, logProb: Float32Array): Ablation {
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
function rankAblations<A extends Ablation>(found: readonly A[]): A[] {
  return found.toSorted((a, b) => b.cost - a.cost || a.layer - b.layer || a.expert - b.expert);
}

/** What a text loses without each of its experts, as far as they were tried. */
export interface Ablated {
  /** Those that cost most first. */
  readonly experts: readonly Ablation[];
  /** How many were to be tried. */
  readonly wanted: number;
  readonly loss: TextLoss;
  /** What each token loses without the costliest ones; [T] each. */
  readonly suffering: readonly (ExpertRef & { readonly byToken: Float32Array })[];
}

/** Experts of which what each token loses is kept. */
const KEPT = 24;

/** Gathers ablations as they are measured. */
export class Ablations {
  readonly #before: RoutingTrace;
  readonly #wanted: number;
  /** By layer and expert: an engine that was started anew measures them again. */
  readonly #experts = new Map<string, Ablation>();
  #suffering: (Ablation & { readonly byToken: Float32Array })[] = [];

  constructor(before: RoutingTrace, wanted: number) {
    this.#before = before;
    this.#wanted = wanted;
  }

  add(expert: ExpertRef, logProb: Float32Array): void {
    const ablation = ablationOf(this.#before, expert, logProb);
    this.#experts.set(`${expert.layer} ${expert.expert}`, ablation);
    const byToken = lossByToken(this.#before.tokens.logProb, logProb);
    const others = this.#suffering.filter((one) => one.layer !== expert.layer || one.expert !== expert.expert);
    this.#suffering = rankAblations([...others, { ...ablation, byToken }]).slice(0, KEPT);
  }

  get result(): Ablated {
    return {
      experts: rankAblations([...this.#experts.values()]),
      wanted: this.#wanted,
      loss: textLoss(this.#before.tokens.logProb),
      suffering: this.#suffering.map(({ layer, expert, byToken }) => ({ layer, expert, byToken })),
    };
  }
}

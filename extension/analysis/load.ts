/**
 * Load of a layer's experts: how many slots each took, and how far from even that is.
 * A slot is one (token, choice) pair; T tokens with k choices make T·k slots. Even share: 1/E.
 */
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';

/** Slots routed to each expert by tokens [from, to) of a layer; [E]. Dropped slots count for nobody. */
export function expertCounts(layer: LayerTrace, from: number, to: number): Float64Array {
  const counts = new Float64Array(layer.experts);
  const { chosen, candidates, k } = layer;
  for (let t = from; t < to; t++) {
    const row = t * candidates;
    for (let j = 0; j < k; j++) {
      const expert = chosen[row + j]!;
      if (expert !== NO_EXPERT) counts[expert]! += 1;
    }
  }
  return counts;
}

/**
 * Where in `chosen` and `weight` stands what the router wanted for slot j of token t, before any limit of the model's own on
 * the tokens that an expert takes. Where k is 1, it stands behind the slot that such a limit dropped. NO_EXPERT stands
 * there when the trace does not tell.
 */
export function wantedAt({ chosen, candidates, k }: LayerTrace, t: number, j: number): number {
  const at = t * candidates + j;
  return chosen[at] === NO_EXPERT && k === 1 && candidates > 1 ? at + 1 : at;
}

/** Slots that want each expert, before any limit of the model's own; [E]. */
export function wantedCounts(layer: LayerTrace, from: number, to: number): Float64Array {
  const counts = new Float64Array(layer.experts);
  for (let t = from; t < to; t++) {
    for (let j = 0; j < layer.k; j++) {
      const expert = layer.chosen[wantedAt(layer, t, j)]!;
      if (expert !== NO_EXPERT) counts[expert]! += 1;
    }
  }
  return counts;
}

/** Whether a layer saw token t; an encoder, say, sees nothing of what the decoder begins with. */
export function isSeen({ chosen, candidates, k, entropy }: LayerTrace, t: number): boolean {
  if (!Number.isNaN(entropy[t]!)) return true;
  for (let i = t * candidates; i < t * candidates + k; i++) if (chosen[i] !== NO_EXPERT) return true;
  return false;
}

/** How many of tokens [0, routed) a layer saw. */
export function seenTokens(layer: LayerTrace, routed: number): number {
  let seen = 0;
  for (let t = 0; t < routed; t++) if (isSeen(layer, t)) seen += 1;
  return seen;
}

/** Figures of one layer's load. All shares are fractions of the slots taken; NaN when nothing was routed. */
export interface LoadFigures {
  /** c_e / Σc; [E]. */
  readonly shares: Float64Array;
  readonly hottest: number;
  readonly coldest: number;
  /** max_e c_e / mean − 1; 0 when even. Wang et al., arXiv 2408.15664. */
  readonly maxVio: number;
  /** exp of the entropy of the shares; E when even, 1 when one expert takes all. */
  readonly effectiveExperts: number;
  /** Share of experts whose load share is under the threshold. */
  readonly coldFraction: number;
}

/** Load share under which an expert counts as cold. The field quotes 5 % for layers of 16 experts. */
export const COLD_SHARE = 0.05;

/** The threshold for a layer of E experts: 5 %, and from 16 experts on 0.8 of the even share, which is 5 % there. */
export function coldShare(experts: number): number {
  return Math.min(COLD_SHARE, 0.8 / experts);
}

/** The threshold in percent, as it is written: 5, 1.25, 0.156. */
export function coldPercent(coldShare: number): number {
  return Number((100 * coldShare).toPrecision(3));
}

/** Figures of the counts of one layer, [E]. Ties: the lowest index is hottest or coldest. */
export function loadFigures(counts: Float64Array, coldShare: number = COLD_SHARE): LoadFigures {
  const experts = counts.length;
  let total = 0;
  for (const c of counts) total += c;
  const shares = new Float64Array(experts);
  let hottest = 0;
  let coldest = 0;
  let entropy = 0;
  let cold = 0;
  for (let e = 0; e < experts; e++) {
    const share = counts[e]! / total;
    shares[e] = share;
    if (share > shares[hottest]!) hottest = e;
    if (share < shares[coldest]!) coldest = e;
    if (share > 0) entropy -= share * Math.log(share);
    if (share < coldShare) cold += 1;
  }
  const routed = total > 0;
  return {
    shares,
    hottest,
    coldest,
    maxVio: routed ? shares[hottest]! * experts - 1 : NaN,
    effectiveExperts: routed ? Math.exp(entropy) : NaN,
    coldFraction: routed ? cold / experts : NaN,
  };
}

/** Mean of values [from, to), leaving NaN out; NaN when none is left. */
export function meanOf(values: Float32Array | Float64Array, from: number, to: number): number {
  let sum = 0;
  let n = 0;
  for (let i = from; i < to; i++) {
    const v = values[i]!;
    if (Number.isNaN(v)) continue;
    sum += v;
    n += 1;
  }
  return n > 0 ? sum / n : NaN;
}

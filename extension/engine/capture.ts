import type { RoutedLayer } from '../protocol/engine.ts';
import { NO_EXPERT, type LayerShape, type Scoring } from '../protocol/trace.ts';

/** What the graph hands out of one layer's router for T tokens; see models/blocks/router.ts. */
export interface RouterOutputs {
  /** Raw logits; [T·E]. */
  readonly logits: Float32Array;
  /** softmax or sigmoid of the logits; [T·E]. */
  readonly scores: Float32Array;
  /** What the k highest of were chosen; [T·E]. May be the scores themselves. */
  readonly selection: Float32Array;
  /** Chosen experts, highest selection first; [T·k]. */
  readonly experts: Int32Array;
  /** Their weights; [T·k]. */
  readonly weights: Float32Array;
  /** What a token's weights are proportional to, for every expert; [T·E]. May be the scores themselves. */
  readonly worth: Float32Array;
  /** 0 where the expert has no room for the token; [T·k], with k of 1. Absent without a limit. */
  readonly kept?: Float32Array;
}

/** What each token adds to a layer's sums: for whoever takes tokens back again. */
export interface TokenSums {
  /** Probability of each expert; [T·E]. */
  readonly prob: Float32Array;
  /** logsumexp(router logits)²; [T]. */
  readonly logSumExpSq: Float64Array;
}

/**
 * Turns a router's outputs into a trace's columns. The chosen experts and weights are those that the model used.
 *
 * @param each takes what each token adds to the sums, where that is asked for
 */
export function captureRouting(
  outputs: RouterOutputs,
  tokens: number,
  shape: LayerShape,
  scoring: Scoring,
  each?: TokenSums,
): RoutedLayer {
  const { experts: count, k, candidates } = shape;
  const { experts, weights, kept } = outputs;
  const chosen = new Uint16Array(tokens * candidates).fill(NO_EXPERT);
  const weight = new Float32Array(tokens * candidates);
  const margin = new Float32Array(tokens);
  for (let t = 0; t < tokens; t++) {
    const slot = t * candidates;
    copyChosen(experts, weights, t * k, k, chosen, weight, slot);
    margin[t] = candidates === k ? NaN : placeRunnersUp(outputs, t, shape, chosen, weight);
    // The expert that the router wanted comes first of those that the token did not visit.
    if (kept?.[t] === 0) {
      chosen.copyWithin(slot + 1, slot, slot + candidates - 1);
      weight.copyWithin(slot + 1, slot, slot + candidates - 1);
      chosen[slot] = NO_EXPERT;
      weight[slot] = 0;
    }
  }
  const distribution =
    scoring === 'softmax' ? ofSoftmax(outputs, tokens, count, k, each) : ofSigmoid(outputs, tokens, count, each);
  return { chosen, weight, margin, ...distribution };
}

/** Copies a token's choices, highest weight first. Scores order them already unless a bias had its say. */
function copyChosen(
  experts: Int32Array,
  weights: Float32Array,
  from: number,
  k: number,
  chosen: Uint16Array,
  weight: Float32Array,
  slot: number,
): void {
  for (let j = 0; j < k; j++) {
    const w = weights[from + j]!;
    let at = slot + j;
    for (; at > slot && weight[at - 1]! < w; at--) {
      chosen[at] = chosen[at - 1]!;
      weight[at] = weight[at - 1]!;
    }
    chosen[at] = experts[from + j]!;
    weight[at] = w;
  }
}

/** Puts the best of the others after a token's choices, with the weights that they would have; how far its last choice is above them. */
function placeRunnersUp(
  { selection, experts, worth }: RouterOutputs,
  t: number,
  { experts: count, k, candidates }: LayerShape,
  chosen: Uint16Array,
  weight: Float32Array,
): number {
  const row = t * count;
  const slot = t * candidates;
  for (let e = 0; e < count; e++) placeRunnerUp(chosen, slot, k, candidates, selection, row, e);
  // A weight over its worth: what normalising and scaling made of it, for every expert of the token alike.
  const scale = weight[slot]! / worth[row + chosen[slot]!]!;
  for (let j = k; j < candidates && chosen[slot + j] !== NO_EXPERT; j++) {
    weight[slot + j] = worth[row + chosen[slot + j]!]! * scale;
  }
  // The last chosen by selection, which need not be the one of least weight.
  const lastChosen = experts[t * k + k - 1]!;
  const firstNot = chosen[slot + k]!;
  // A limit to groups may leave no other.
  return firstNot === NO_EXPERT ? NaN : selection[row + lastChosen]! - selection[row + firstNot]!;
}

/** Puts expert e among a token's runners-up, highest selection first, if it belongs there. */
function placeRunnerUp(
  chosen: Uint16Array,
  slot: number,
  k: number,
  candidates: number,
  selection: Float32Array,
  row: number,
  e: number,
): void {
  const score = selection[row + e]!;
  if (score === -Infinity) return;
  let at = slot + candidates - 1;
  const last = chosen[at]!;
  if (last !== NO_EXPERT && score <= selection[row + last]!) return;
  for (let j = 0; j < k; j++) if (chosen[slot + j] === e) return;
  for (; at > slot + k; at--) {
    const above = chosen[at - 1]!;
    if (above !== NO_EXPERT && score <= selection[row + above]!) break;
    chosen[at] = above;
  }
  chosen[at] = e;
}

type Distribution = Pick<RoutedLayer, 'entropy' | 'probSum' | 'logSumExpSq'>;

/**
 * Of p = softmax(x), which the graph has computed, without another exponential: with e any expert of a token,
 * logsumexp(x) = x_e − ln p_e, and the entropy is logsumexp(x) − Σ p·x.
 */
function ofSoftmax(
  { logits, scores, experts }: RouterOutputs,
  tokens: number,
  count: number,
  k: number,
  each: TokenSums | undefined,
): Distribution {
  each?.prob.set(scores.subarray(0, tokens * count));
  const entropy = new Float32Array(tokens);
  const probSum = new Float64Array(count);
  let logSumExpSq = 0;
  for (let t = 0; t < tokens; t++) {
    const row = t * count;
    let mean = 0;
    for (let e = 0; e < count; e++) {
      const p = scores[row + e]!;
      probSum[e]! += p;
      mean += p * logits[row + e]!;
    }
    const likely = row + experts[t * k]!;
    const logSumExp = logits[likely]! - Math.log(scores[likely]!);
    logSumExpSq += logSumExp * logSumExp;
    if (each) each.logSumExpSq[t] = logSumExp * logSumExp;
    entropy[t] = Math.max(0, logSumExp - mean);
  }
  return { entropy, probSum, logSumExpSq };
}

/** Of p = s / Σs with s = sigmoid(x): the entropy is ln Σs − Σ s·ln s / Σs. */
function ofSigmoid(
  { logits, scores }: RouterOutputs,
  tokens: number,
  count: number,
  each: TokenSums | undefined,
): Distribution {
  const entropy = new Float32Array(tokens);
  const probSum = new Float64Array(count);
  let logSumExpSq = 0;
  for (let t = 0; t < tokens; t++) {
    const row = t * count;
    let sum = 0;
    let weighted = 0;
    let highest = -Infinity;
    for (let e = 0; e < count; e++) {
      const s = scores[row + e]!;
      sum += s;
      if (s > 0) weighted += s * Math.log(s);
      highest = Math.max(highest, logits[row + e]!);
    }
    let exponentials = 0;
    for (let e = 0; e < count; e++) {
      const p = scores[row + e]! / sum;
      probSum[e]! += p;
      if (each) each.prob[row + e] = p;
      exponentials += Math.exp(logits[row + e]! - highest);
    }
    const logSumExp = highest + Math.log(exponentials);
    logSumExpSq += logSumExp * logSumExp;
    if (each) each.logSumExpSq[t] = logSumExp * logSumExp;
    entropy[t] = Math.max(0, Math.log(sum) - weighted / sum);
  }
  return { entropy, probSum, logSumExpSq };
}

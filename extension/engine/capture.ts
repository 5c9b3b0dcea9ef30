import type { RoutedLayer } from '../protocol/engine.ts';
import { NO_EXPERT, type LayerShape } from '../protocol/trace.ts';

/** What the graph hands out of one layer's router for T tokens. */
export interface RouterOutputs {
  /** Raw logits; [T·E]. */
  readonly logits: Float32Array;
  /** softmax of the logits; [T·E]. */
  readonly scores: Float32Array;
  /** Chosen experts, highest score first; [T·k]. */
  readonly experts: Int32Array;
  /** Their weights; [T·k]. */
  readonly weights: Float32Array;
}

/**
 * Turns a router's outputs into a trace's columns. The chosen experts and weights are those that the model used; the rest
 * follows from its scores p without another exponential: with x the logits and e any expert, logsumexp(x) = x_e − ln p_e,
 * and the entropy is logsumexp(x) − Σ p·x.
 */
export function captureRouting(outputs: RouterOutputs, tokens: number, shape: LayerShape): RoutedLayer {
  const { experts: count, k, candidates } = shape;
  const { logits, scores, experts, weights } = outputs;
  const chosen = new Uint16Array(tokens * candidates).fill(NO_EXPERT);
  const weight = new Float32Array(tokens * candidates);
  const entropy = new Float32Array(tokens);
  const margin = new Float32Array(tokens);
  const probSum = new Float64Array(count);
  const runnersUp = candidates - k;
  let logSumExpSq = 0;
  for (let t = 0; t < tokens; t++) {
    const row = t * count;
    const slot = t * candidates;
    for (let j = 0; j < k; j++) {
      chosen[slot + j] = experts[t * k + j]!;
      weight[slot + j] = weights[t * k + j]!;
    }
    let mean = 0;
    for (let e = 0; e < count; e++) {
      const p = scores[row + e]!;
      probSum[e]! += p;
      mean += p * logits[row + e]!;
      if (runnersUp > 0) place(chosen, slot, k, candidates, scores, row, e);
    }
    const first = chosen[slot]!;
    const firstScore = scores[row + first]!;
    const logSumExp = logits[row + first]! - Math.log(firstScore);
    logSumExpSq += logSumExp * logSumExp;
    entropy[t] = Math.max(0, logSumExp - mean);
    const scale = weight[slot]! / firstScore;
    for (let j = k; j < candidates; j++) weight[slot + j] = scores[row + chosen[slot + j]!]! * scale;
    margin[t] = runnersUp > 0 ? scores[row + chosen[slot + k - 1]!]! - scores[row + chosen[slot + k]!]! : NaN;
  }
  return { chosen, weight, entropy, margin, probSum, logSumExpSq };
}

/** Puts expert e among a token's runners-up, highest score first, if it belongs there. */
function place(
  chosen: Uint16Array,
  slot: number,
  k: number,
  candidates: number,
  scores: Float32Array,
  row: number,
  e: number,
): void {
  const score = scores[row + e]!;
  let at = slot + candidates - 1;
  const last = chosen[at]!;
  if (last !== NO_EXPERT && score <= scores[row + last]!) return;
  for (let j = 0; j < k; j++) if (chosen[slot + j] === e) return;
  for (; at > slot + k; at--) {
    const above = chosen[at - 1]!;
    if (above !== NO_EXPERT && score <= scores[row + above]!) break;
    chosen[at] = above;
  }
  chosen[at] = e;
}

/**
 * Experts that a batch of tokens touches: what of a layer's weights has to be read for it. Tokens of a batch are consecutive ones
 * of the text, as in a prefill; those that decode together come from different texts and touch more.
 */
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { isSeen } from './load.ts';

/** Sizes of batches to look at: 1, 2, 4 … and all T tokens. */
export function batchSizes(tokens: number): number[] {
  const sizes: number[] = [];
  for (let n = 1; n < tokens; n *= 2) sizes.push(n);
  return tokens > 0 ? [...sizes, tokens] : [];
}

/**
 * Mean number of distinct experts in windows of n consecutive tokens of [0, routed), one window behind the other; what is left
 * over at the end is in none. NaN where the layer saw fewer than n tokens.
 */
export function touchedExperts(layer: LayerTrace, routed: number, n: number): number {
  const { chosen, candidates, k, experts } = layer;
  const lastWindow = new Int32Array(experts).fill(-1);
  let window = 0;
  let inWindow = 0;
  let touched = 0;
  let counted = 0;
  for (let t = 0; t < routed; t++) {
    if (!isSeen(layer, t)) continue;
    for (let i = t * candidates; i < t * candidates + k; i++) {
      const e = chosen[i]!;
      if (e === NO_EXPERT || lastWindow[e] === window) continue;
      lastWindow[e] = window;
      counted += 1;
    }
    inWindow += 1;
    if (inWindow < n) continue;
    touched += counted;
    counted = 0;
    inWindow = 0;
    window += 1;
  }
  return touched / window;
}

/** Distinct experts to be expected of n tokens that choose k of E by themselves and all alike: E·(1 − (1 − k/E)^n). */
export function evenlyTouched(experts: number, k: number, n: number): number {
  return experts * (1 - (1 - k / experts) ** n);
}

/** The same with the load as it is, p_e being the share of tokens that choose expert e: Σ_e 1 − (1 − p_e)^n. */
export function independentlyTouched(counts: Float64Array, tokens: number, n: number): number {
  return counts.reduce((sum, c) => sum + 1 - (1 - Math.min(1, c / tokens)) ** n, 0);
}

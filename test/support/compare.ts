/** Compares a trace with what the reference implementation computed. */
import { expect } from 'vitest';
import { NO_EXPERT, type LayerTrace, type RoutingTrace } from '../../extension/protocol/trace.ts';
import type { Reference } from './reference.ts';
import { softmax, type RouterRule } from './router.ts';

/** Where the reference itself is less sure than this, float32 arithmetic may choose otherwise. */
const SURE_MARGIN = 1e-4;
/** Of a layer's tokens, those that must be surer: a comparison of a few says little. */
const SURE_SHARE = 0.9;
const WEIGHT_TOLERANCE = 1e-4;
const LOG_PROB_TOLERANCE = 1e-3;

/** How the reference's tensors name a layer: by its index, after e or d where there are two stacks. */
export function keyOf({ layer, stack }: LayerTrace): string {
  return `${stack?.[0] ?? ''}${layer}`;
}

/** Everything that the reference tells of a text: its MoE layers, no more and no fewer, and the probabilities of its tokens. */
export function compareTrace(trace: RoutingTrace, expected: Reference, input: number, rule: RouterRule): void {
  expect(trace.layers.map(keyOf)).toEqual(expected.layersOf(input));
  for (const layer of trace.layers) compareLayer(layer, expected, input, rule);
  compareLogProbs(trace, expected, input);
}

export function compareLayer(layer: LayerTrace, expected: Reference, input: number, rule: RouterRule): void {
  const { k, candidates, experts } = layer;
  const key = keyOf(layer);
  const index = expected.get(`topk_index.${input}.${key}`);
  const weight = expected.get(`topk_weight.${input}.${key}`).data;
  const logits = expected.get(`router.${input}.${key}`).data;
  const tokens = index.shape[0]!;
  expect(k).toBe(index.shape[1]);
  let unsure = 0;
  for (let t = 0; t < tokens; t++) {
    const at = `input ${input}, layer ${key}, token ${t}`;
    const { worth, distribution, selection, groupMargin } = rule.decide(
      logits.subarray(t * experts, (t + 1) * experts),
      key,
    );
    const entropy = -distribution.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
    expect(layer.entropy[t], at).toBeCloseTo(entropy, 3);
    const weights = layer.weight.subarray(t * candidates, t * candidates + k);
    expect(weights, at).toEqual(weights.toSorted((a, b) => b - a));
    if (groupMargin <= SURE_MARGIN) {
      unsure += 1;
      continue;
    }
    const sorted = selection.toSorted((a, b) => b - a);
    const margin = sorted[k - 1]! - sorted[k]!;
    if (Number.isFinite(margin)) expect(layer.margin[t], at).toBeCloseTo(margin, 4);
    else expect(layer.margin[t], at).toBeNaN();
    if (margin <= SURE_MARGIN) {
      unsure += 1;
      continue;
    }
    const chosen = [...layer.chosen.subarray(t * candidates, t * candidates + k)];
    const wanted = [...index.data.subarray(t * k, (t + 1) * k)];
    if (wanted[0] === -1) {
      compareDropped(layer, t, selection.indexOf(sorted[0]!), weight[t]!, at);
      continue;
    }
    expect(new Set(chosen), at).toEqual(new Set(wanted));
    chosen.forEach((e, j) => {
      const reference = weight[t * k + wanted.indexOf(e)]!;
      expect(Math.abs(layer.weight[t * candidates + j]! - reference), at).toBeLessThan(WEIGHT_TOLERANCE);
    });
    // Runners-up: the next best by selection score, each with its weight on the scale of the chosen.
    const mass = worth[wanted[0]!]! / weight[t * k]!;
    for (let j = k; j < candidates; j++) {
      const e = layer.chosen[t * candidates + j]!;
      if (sorted[j] === -Infinity) {
        expect(e, at).toBe(NO_EXPERT);
        continue;
      }
      expect(selection[e]!, at).toBeCloseTo(sorted[j]!, 5);
      expect(layer.weight[t * candidates + j]!, at).toBeCloseTo(worth[e]! / mass, 4);
    }
  }
  expect(unsure, `unsure tokens of input ${input}, layer ${key}`).toBeLessThanOrEqual((1 - SURE_SHARE) * tokens);
}

/** A token that found no room visits no expert; first of the others comes the one that it wanted. */
function compareDropped(layer: LayerTrace, t: number, expert: number, weight: number, at: string): void {
  const first = t * layer.candidates;
  expect([...layer.chosen.subarray(first, first + 2)], at).toEqual([NO_EXPERT, expert]);
  expect(layer.weight[first], at).toBe(0);
  expect(layer.weight[first + 1], at).toBeCloseTo(weight, 4);
}

function compareLogProbs(trace: RoutingTrace, expected: Reference, input: number): void {
  const { ids, logProb } = trace.tokens;
  if (expected.has(`logprob.${input}`)) {
    const wanted = expected.get(`logprob.${input}`).data;
    for (let t = 0; t < ids.length; t++) {
      if (Number.isNaN(wanted[t])) {
        expect(logProb[t]).toBeNaN();
        continue;
      }
      expect(Math.abs(logProb[t]! - wanted[t]!), `token ${t}`).toBeLessThan(LOG_PROB_TOLERANCE);
    }
    return;
  }
  expect(logProb[0]).toBeNaN();
  // Logits of the last eight positions tell the last seven tokens' log-probabilities.
  const { shape, data } = expected.get(`logits.${input}`);
  const [rows, vocabulary] = shape as [number, number];
  for (let r = 0; r < rows - 1; r++) {
    const t = ids.length - rows + r + 1;
    const wanted = Math.log(softmax(data.subarray(r * vocabulary, (r + 1) * vocabulary))[ids[t]!]!);
    expect(Math.abs(logProb[t]! - wanted), `token ${t}`).toBeLessThan(LOG_PROB_TOLERANCE);
  }
}

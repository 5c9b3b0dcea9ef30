/** What an intervention makes of a router's decision, before experts see it. */
import { Tensor } from 'onnxruntime-node';
import { assignCapacity } from '../analysis/capacityAssignment.ts';
import { capacityOf } from '../analysis/limits.ts';
import { NO_LOGIT } from '../models/blocks/router.ts';
import type { RouterPart } from '../models/cutDecoder.ts';
import type { RoutedLayer } from '../protocol/engine.ts';
import type { CapacityLimit, MeasuredLayer } from '../protocol/intervention.ts';
import { NO_EXPERT, type LayerShape, type LayerTrace } from '../protocol/trace.ts';
import type { Pass, Visits } from './partSequence.ts';

export interface KnobSettings {
  readonly masked: readonly number[];
  readonly bias: Float32Array | undefined;
  readonly temperature: number;
  readonly k: number;
}

/** Feeds of a router's knobs. */
export function knobFeeds(
  { knobs, spec }: RouterPart,
  { masked, bias, temperature, k }: KnobSettings,
): Record<string, Tensor> {
  const { experts } = spec.router;
  const mask = new Float32Array(experts);
  const biases = bias ? bias.slice() : new Float32Array(experts);
  for (const expert of masked) {
    mask[expert] = NO_LOGIT;
    biases[expert] = -Infinity;
  }
  return {
    [knobs.mask]: new Tensor('float32', mask, [experts]),
    [knobs.bias]: new Tensor('float32', biases, [experts]),
    [knobs.biased]: new Tensor('bool', Uint8Array.of(biases.some((b) => b !== 0) ? 1 : 0), []),
    [knobs.temperature]: new Tensor('float32', Float32Array.of(temperature), []),
    [knobs.k]: new Tensor('int64', BigInt64Array.of(BigInt(k)), [1]),
  };
}

/** A layer's columns, pass after pass put together. */
export function joinColumns(shape: LayerShape, parts: readonly RoutedLayer[]): MeasuredLayer {
  const joined = <A extends Float32Array | Uint16Array>(
    of: (part: RoutedLayer) => A,
    empty: (length: number) => A,
  ): A => {
    const result = empty(parts.reduce((sum, part) => sum + of(part).length, 0));
    let at = 0;
    for (const part of parts) {
      result.set(of(part), at);
      at += of(part).length;
    }
    return result;
  };
  const floats = (of: (part: RoutedLayer) => Float32Array): Float32Array =>
    joined(of, (length) => new Float32Array(length));
  return {
    ...shape,
    chosen: joined(
      (part) => part.chosen,
      (length) => new Uint16Array(length),
    ),
    weight: floats((part) => part.weight),
    entropy: floats((part) => part.entropy),
    margin: floats((part) => part.margin),
    probSum: new Float64Array(shape.experts).map((_, e) => parts.reduce((sum, { probSum }) => sum + probSum[e]!, 0)),
    logSumExpSq: parts.reduce((sum, { logSumExpSq }) => sum + logSumExpSq, 0),
  };
}

/**
 * Puts a limit on the slots that each expert takes: changes the visits, and returns the layer's columns with what came of it. In
 * them a dropped slot has no expert, and one that moved has changed places with the runner-up that it moved to.
 */
export function limitCapacity(
  layer: MeasuredLayer,
  visits: readonly Visits[],
  passes: readonly Pass[],
  { factor, policy }: CapacityLimit,
): { readonly layer: MeasuredLayer; readonly dropped: number; readonly moved: number } {
  const { k, candidates } = layer;
  const tokens = layer.entropy.length;
  const assigned = assignCapacity(layer, tokens, capacityOf(layer, tokens, factor), policy);
  let token = 0;
  passes.forEach(({ ids, skip }, p) => {
    const { experts, weights } = visits[p]!;
    for (let t = skip; t < ids.length; t++, token++) {
      const chosen = layer.chosen.subarray(token * candidates, token * candidates + k);
      for (let slot = t * k; slot < (t + 1) * k; slot++) {
        // Columns have the chosen by weight, the router by selection score.
        const at = token * k + chosen.indexOf(experts[slot]!);
        weights[slot] = assigned.weights[at]!;
        if (assigned.experts[at] !== NO_EXPERT) experts[slot] = assigned.experts[at]!;
      }
    }
  });
  return { layer: { ...layer, ...columnsUnder(layer, assigned) }, dropped: assigned.dropped, moved: assigned.moved };
}

function columnsUnder(
  { chosen, weight, k, candidates, entropy }: MeasuredLayer,
  assigned: { readonly experts: Uint16Array; readonly weights: Float32Array },
): Pick<LayerTrace, 'chosen' | 'weight'> {
  const columns = { chosen: chosen.slice(), weight: weight.slice() };
  for (let t = 0; t < entropy.length; t++) {
    const row = t * candidates;
    for (let j = 0; j < k; j++) {
      const expert = assigned.experts[t * k + j]!;
      const before = chosen[row + j]!;
      if (expert === before) continue;
      if (expert !== NO_EXPERT) {
        const runnerUp = columns.chosen.indexOf(expert, row + k);
        columns.chosen[runnerUp] = before;
        columns.weight[runnerUp] = weight[row + j]!;
      } else if (k === 1) {
        // Where a token has no expert, the one that it wanted comes first of the others.
        columns.chosen.copyWithin(row + 1, row, row + candidates - 1);
        columns.weight.copyWithin(row + 1, row, row + candidates - 1);
      }
      columns.chosen[row + j] = expert;
      columns.weight[row + j] = assigned.weights[t * k + j]!;
    }
  }
  return columns;
}

/** Takes the weight of an expert's slots away: from the visits, and from the layer's columns if there are any. */
export function silence(expert: number, visits: readonly Visits[], layer: MeasuredLayer | undefined): void {
  for (const { experts, weights } of visits) {
    experts.forEach((e, slot) => {
      if (e === expert) weights[slot] = 0;
    });
  }
  if (!layer) return;
  const { chosen, weight, k, candidates } = layer;
  chosen.forEach((e, at) => {
    if (e === expert && at % candidates < k) weight[at] = 0;
  });
}

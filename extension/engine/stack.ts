/** What running a stack's graph takes and gives, whichever stack it is. */
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import type { RouterTap, StackGraph } from '../models/stack.ts';
import type { RoutedLayer } from '../protocol/engine.ts';
import type { LayerShape } from '../protocol/trace.ts';
import { captureRouting, type TokenSums } from './capture.ts';

/** Feeds of tokens that follow `past` others. */
export function tokenFeeds(inputs: StackGraph['inputs'], ids: Int32Array, past: number): Record<string, Tensor> {
  const tokens = ids.length;
  const total = past + tokens;
  const positions = BigInt64Array.from({ length: tokens }, (_, i) => BigInt(past + i));
  return {
    [inputs.ids]: new Tensor('int32', ids, [tokens]),
    [inputs.lastPosition]: new Tensor('int32', Int32Array.of(total - 1), [1]),
    [inputs.total]: new Tensor('int32', Int32Array.of(total), []),
    [inputs.positions]: new Tensor('int64', positions, [1, tokens]),
  };
}

/** The outputs that routing is captured from. */
export function tapNames(taps: readonly RouterTap[]): string[] {
  return taps.flatMap((tap) => [
    ...[tap.logits, tap.scores, tap.selection, tap.experts, tap.weights, tap.worth],
    ...(tap.kept === undefined ? [] : [tap.kept]),
  ]);
}

/**
 * Routing of the tokens of a pass, one entry a layer.
 *
 * @param tokens how many went through
 * @param skip how many of them, from the first on, are left out
 * @param each takes what each token adds to the sums of each layer
 */
export function captureTaps(
  taps: readonly RouterTap[],
  outputs: InferenceSession.ReturnType,
  layers: readonly LayerShape[],
  tokens: number,
  skip = 0,
  each?: readonly TokenSums[],
): RoutedLayer[] {
  return taps.map((tap, i) => {
    const rows = (name: string): Float32Array => {
      const values = outputs[name]!.data as Float32Array;
      return values.subarray((skip * values.length) / tokens);
    };
    const experts = outputs[tap.experts]!.data as Int32Array;
    return captureRouting(
      {
        logits: rows(tap.logits),
        scores: rows(tap.scores),
        selection: rows(tap.selection),
        experts: experts.subarray((skip * experts.length) / tokens),
        weights: rows(tap.weights),
        worth: rows(tap.worth),
        ...(tap.kept === undefined ? {} : { kept: rows(tap.kept) }),
      },
      tokens - skip,
      layers[i]!,
      tap.spec.scoring,
      each?.[i],
    );
  });
}

/** Room for what each of so many tokens adds to the sums of these layers. */
export function tokenSums(layers: readonly LayerShape[], tokens: number): TokenSums[] {
  return layers.map(({ experts }) => ({
    prob: new Float32Array(tokens * experts),
    logSumExpSq: new Float64Array(tokens),
  }));
}

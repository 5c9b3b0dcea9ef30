/** Biases that were fitted on the first part of a text, judged on the rest. */
import type { FittedBias } from '../protocol/intervention.ts';
import type { LayerShape, RoutingTrace } from '../protocol/trace.ts';
import { balance } from './balance.ts';
import { expertCounts } from './load.ts';
import { textLoss, type TextLoss } from './lossChange.ts';

export interface LayerBalanced {
  readonly shape: LayerShape;
  readonly bias: Float32Array;
  /** MaxVio of the tokens that the bias was fitted on, without it and with it. */
  readonly fitted: { readonly before: number; readonly after: number; readonly updates: number };
  /** MaxVio and Gini of the others. */
  readonly held: { readonly before: LoadEvenness; readonly after: LoadEvenness };
}

export interface LoadEvenness {
  readonly maxVio: number;
  readonly gini: number;
}

export interface Balanced {
  /** Tokens [0, from) are those of the fit. */
  readonly from: number;
  readonly layers: readonly LayerBalanced[];
  /** Of the others. */
  readonly loss: { readonly before: TextLoss; readonly after: TextLoss };
}

/** Where a text is cut: in half, after a line if there is one near. A UTF-16 offset that parts no character. */
export function cutInHalf(text: string): number {
  const middle = Math.floor(text.length / 2);
  const line = text.lastIndexOf('\n', middle) + 1;
  if (line > text.length / 4) return line;
  const code = text.charCodeAt(middle);
  // A low surrogate belongs to what stands before it.
  return code >= 0xdc00 && code <= 0xdfff ? middle + 1 : middle;
}

/**
 * Judges biases.
 *
 * @param cut end of the text that they were fitted on, in UTF-16 units
 * @param before the whole text as it is, and with the biases
 */
export function judgeBiases(
  biases: readonly FittedBias[],
  cut: number,
  before: RoutingTrace,
  after: RoutingTrace,
): Balanced {
  const { start } = before.tokens;
  const first = start.findIndex((at) => at >= cut);
  const from = first < 0 ? start.length : first;
  const evenness = ({ layers, routed }: RoutingTrace, layer: number): LoadEvenness => {
    const { maxVio, gini } = balance(expertCounts(layers[layer]!, from, routed));
    return { maxVio, gini };
  };
  return {
    from,
    layers: biases.map(({ layer, values, ...fitted }) => {
      const { experts, k, candidates, layer: index, stack } = before.layers[layer]!;
      return {
        shape: { layer: index, ...(stack ? { stack } : {}), experts, k, candidates },
        bias: values,
        fitted,
        held: { before: evenness(before, layer), after: evenness(after, layer) },
      };
    }),
    loss: { before: textLoss(before.tokens.logProb, from), after: textLoss(after.tokens.logProb, from) },
  };
}

/** What one cell of the map holds: a token's routing at one layer. */
import { meanLoadRatio, tintMax, type MagnitudeTint } from '../../extension/analysis/tint.ts';
import { NO_EXPERT, type LayerShape } from '../../extension/protocol/trace.ts';
import type { Row } from './rowCache.ts';

export interface Choice {
  readonly expert: number;
  /** NaN where the source of the routing did not say. */
  readonly weight: number;
}

export interface Cell {
  /** Chosen experts, highest weight first; dropped ones carry NO_EXPERT. */
  readonly choices: readonly Choice[];
  readonly entropy: number;
  readonly margin: number;
}

/** The cell as plain values, for what shows one at a time. */
export function cellOf({ rows, at }: Row, layer: number): Cell | undefined {
  const column = rows.layers[layer];
  if (!column) return undefined;
  const k = column.chosen.length / (rows.to - rows.from);
  const choices = Array.from({ length: k }, (_, j) => ({
    expert: column.chosen[at * k + j]!,
    weight: column.weight[at * k + j]!,
  }));
  return { choices, entropy: column.entropy[at]!, margin: column.margin[at]! };
}

/** Whether the weights of its experts are known. */
export function isWeighed({ choices }: Cell): boolean {
  return choices.every(({ expert, weight }) => expert === NO_EXPERT || !Number.isNaN(weight));
}

/**
 * Right edges of the k segments of a cell, in [0, 1], into `edges`: widths in proportion to the weights, equal where
 * weights are unknown or none is positive.
 */
export function segmentEdges(weight: Float32Array, from: number, k: number, edges: Float64Array): void {
  let total = 0;
  for (let j = 0; j < k; j++) total += Math.max(0, weight[from + j]!);
  const known = total > 0;
  let sum = 0;
  for (let j = 0; j < k; j++) {
    sum += known ? Math.max(0, weight[from + j]!) / total : 1 / k;
    edges[j] = sum;
  }
  edges[k - 1] = 1;
}

/** Which choice of a cell is at a fraction of its width. */
export function choiceAt({ rows, at }: Row, layer: number, fraction: number): number {
  const { weight } = rows.layers[layer]!;
  const k = weight.length / (rows.to - rows.from);
  const edges = new Float64Array(k);
  segmentEdges(weight, at * k, k, edges);
  return Math.max(
    0,
    edges.findIndex((edge) => fraction < edge),
  );
}

/** A tint's value for one cell; NaN when unknown. `ratios` is the layer's load over the even share. */
export function magnitudeOf(tint: MagnitudeTint, { rows, at }: Row, layer: number, ratios?: Float64Array): number {
  const column = rows.layers[layer]!;
  switch (tint) {
    case 'entropy':
      return column.entropy[at]!;
    case 'margin':
      return column.margin[at]!;
    case 'surprise':
      return -rows.logProb[at]!;
    case 'dropped':
      return column.dropped?.[at] ?? NaN;
    case 'load': {
      const k = column.chosen.length / (rows.to - rows.from);
      return ratios ? meanLoadRatio(column.chosen, at * k, k, ratios) : NaN;
    }
  }
}

/** Values from which the colours of each layer are strongest. */
export function scaleOf(tint: MagnitudeTint, layers: readonly LayerShape[], vocabulary: number): readonly number[] {
  return layers.map((layer) => tintMax(tint, layer, vocabulary));
}

/** Whether a token goes to this expert at this layer. */
export function goesTo({ rows, at }: Row, layer: number, expert: number): boolean {
  const column = rows.layers[layer];
  if (!column || expert === NO_EXPERT) return false;
  const k = column.chosen.length / (rows.to - rows.from);
  return column.chosen.subarray(at * k, at * k + k).includes(expert);
}

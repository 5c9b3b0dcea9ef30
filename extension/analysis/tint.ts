/** What a token's tint measures, and on which scale: the same in the editor, the map and the legends. */
import { NO_EXPERT, type LayerShape } from '../protocol/trace.ts';
import type { Tint } from '../protocol/webview.ts';

/** Tints that show how much, not which. */
export type MagnitudeTint = Exclude<Tint, 'expert'>;

/** Load ratio (share over even share) from which colours are strongest. */
export const LOAD_RATIO_MAX = 3;

/** Surprise from which colours are strongest where the vocabulary's size is not known: a blind guess among 160,000 tokens. */
const UNKNOWN_SURPRISE_MAX = 12;

/**
 * Value from which a tint is strongest; 0 is the other end.
 * Entropy: ln E, no preference. Margin: 1/k, as the last of k chosen cannot be likelier; where scores are no probabilities, what is more counts
 * as that. Dropped: all of a token's slots.
 */
export function tintMax(tint: MagnitudeTint, layer: Pick<LayerShape, 'experts' | 'k'>, vocabulary: number): number {
  switch (tint) {
    case 'entropy':
      return Math.log(layer.experts);
    case 'margin':
      return 1 / layer.k;
    case 'load':
      return LOAD_RATIO_MAX;
    case 'surprise':
      return surpriseMax(vocabulary);
    case 'dropped':
      return 1;
  }
}

/** The same of surprise: ln V, a blind guess, where the vocabulary's size is known. */
export function surpriseMax(vocabulary: number): number {
  return isVocabularyKnown(vocabulary) ? Math.log(vocabulary) : UNKNOWN_SURPRISE_MAX;
}

/** Recordings and servers need not tell. */
export function isVocabularyKnown(vocabulary: number): boolean {
  return vocabulary > 1;
}

/** Load of each expert over the even share, from counts [E]; NaN when nothing was routed. */
export function loadRatios(counts: Float64Array): Float64Array {
  const total = counts.reduce((sum, c) => sum + c, 0);
  return counts.map((c) => (c / total) * counts.length);
}

/** Mean load ratio of a token's experts, chosen[at … at + k); dropped slots are left out, NaN when all are. */
export function meanLoadRatio(chosen: Uint16Array, at: number, k: number, ratios: Float64Array): number {
  let sum = 0;
  let n = 0;
  for (let j = at; j < at + k; j++) {
    const expert = chosen[j]!;
    if (expert === NO_EXPERT) continue;
    sum += ratios[expert]!;
    n += 1;
  }
  return n > 0 ? sum / n : NaN;
}

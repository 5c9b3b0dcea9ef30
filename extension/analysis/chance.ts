/** What would be seen if only chance were at work. */
import type { LayerTrace } from '../protocol/trace.ts';
import { countsOf } from './permutation.ts';
import { randomNumbers } from './random.ts';

const MOST_DRAWS = 40;
/** Choices drawn in all, which bounds the time; the more tokens, the less one draw differs from another. */
const CHOICES = 200_000;

/**
 * MaxVio of tokens of which each chooses k of E experts at random, all alike: mean over draws. Few tokens make an uneven load
 * even then. NaN without tokens.
 */
export function chanceMaxVio(tokens: number, k: number, experts: number): number {
  if (tokens === 0) return NaN;
  const random = randomNumbers(tokens * 31 + k);
  const names = Uint16Array.from({ length: experts }, (_, e) => e);
  const draws = Math.min(MOST_DRAWS, Math.max(2, Math.floor(CHOICES / (tokens * k))));
  let sum = 0;
  for (let draw = 0; draw < draws; draw++) {
    const counts = new Uint32Array(experts);
    for (let t = 0; t < tokens; t++) {
      // The first k of a shuffle that is ended there.
      for (let j = 0; j < k; j++) {
        const at = j + Math.floor(random() * (experts - j));
        const name = names[at]!;
        names[at] = names[j]!;
        names[j] = name;
        counts[name]! += 1;
      }
    }
    sum += (Math.max(...counts) * experts) / (tokens * k) - 1;
  }
  return sum / draws;
}

/**
 * Half of what the shares of a layer's experts differ by, Σ_e |share − share in the whole|, when as many tokens are taken from the
 * whole text at random: mean over draws. Few tokens are unlike the whole even then.
 *
 * @param shares in tokens [0, routed); [E]
 */
export function chanceDifference(layer: LayerTrace, routed: number, tokens: number, shares: Float64Array): number {
  const random = randomNumbers(tokens * 31 + layer.k);
  const all = new Uint32Array(routed).map((_, t) => t);
  const draws = Math.min(MOST_DRAWS, Math.max(2, Math.floor(CHOICES / (tokens * layer.k))));
  let [sum, known] = [0, 0];
  for (let draw = 0; draw < draws; draw++) {
    // The first of a shuffle that is ended there.
    for (let i = 0; i < tokens; i++) {
      const at = i + Math.floor(random() * (routed - i));
      [all[i], all[at]] = [all[at]!, all[i]!];
    }
    const counts = countsOf(layer, all.subarray(0, tokens));
    const slots = counts.reduce((total, n) => total + n, 0);
    if (slots === 0) continue;
    sum += counts.reduce((total, n, e) => total + Math.abs(n / slots - shares[e]!), 0) / 2;
    known += 1;
  }
  return sum / known;
}

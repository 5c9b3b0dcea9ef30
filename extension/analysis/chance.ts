/** What would be seen if only chance were at work. */
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

/**
 * Whether two runs' loads differ by more than chance, by permutation of blocks of consecutive tokens. Tokens by themselves are not
 * exchangeable: neighbours route alike. Blocks long enough to have little to do with one another are, if both runs route alike.
 */
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { randomNumbers, shuffle } from './random.ts';

/** Slots by layer and expert of one block, all layers in one row. */
export type BlockCounts = Float64Array;

/**
 * Blocks of so many tokens each, of the tokens listed; what is left at the end makes none. Experts of each layer stand by number,
 * or by the place that `places` gives them.
 */
export function blockCounts(
  layers: readonly LayerTrace[],
  tokens: Uint32Array,
  size: number,
  places?: readonly Uint32Array[],
): BlockCounts[] {
  const experts = layers.reduce((sum, layer) => sum + layer.experts, 0);
  return Array.from({ length: Math.floor(tokens.length / size) }, (_, block) => {
    const counts = new Float64Array(experts);
    const listed = tokens.subarray(block * size, (block + 1) * size);
    let at = 0;
    for (const [l, layer] of layers.entries()) {
      const row = counts.subarray(at, (at += layer.experts));
      countsOf(layer, listed).forEach((n, e) => {
        row[places ? places[l]![e]! : e] = n;
      });
    }
    return counts;
  });
}

/** Slots of the tokens listed that each expert took; [E]. */
export function countsOf({ chosen, candidates, k, experts }: LayerTrace, tokens: Uint32Array): Float64Array {
  const counts = new Float64Array(experts);
  for (const token of tokens) {
    for (let at = token * candidates; at < token * candidates + k; at++) {
      const expert = chosen[at]!;
      if (expert !== NO_EXPERT) counts[expert]! += 1;
    }
  }
  return counts;
}

/** Place of each expert when the busiest stands first; [E]. */
export function placesByLoad(counts: Float64Array): Uint32Array {
  const places = new Uint32Array(counts.length);
  const order = Array.from(counts.keys()).sort((x, y) => counts[y]! - counts[x]! || x - y);
  for (const [place, expert] of order.entries()) places[expert] = place;
  return places;
}

export interface PermutationTest {
  /** Statistic of the runs as they are. */
  readonly observed: number;
  /** Share of permutations, the runs as they are among them, whose statistic is as large or larger. */
  readonly p: number;
  readonly permutations: number;
}

/** Of the sums of both sides: how different they are; 0 when they are the same. */
export type Statistic = (a: Float64Array, b: Float64Array) => number;

/** How blocks change sides: each with its partner, or any with any. */
export type Exchange = 'pairs' | 'pool';

/**
 * Tests of several statistics on the same permutations.
 * `pairs`: block i of the one run and block i of the other are of the same text; each pair changes sides with even odds.
 * `pool`: the blocks of both are dealt out anew, as many to each side as before.
 */
export function permutationTests(
  a: readonly BlockCounts[],
  b: readonly BlockCounts[],
  exchange: Exchange,
  permutations: number,
  statistics: readonly Statistic[],
): PermutationTest[] {
  const random = randomNumbers(permutations);
  const blocks = [...a, ...b];
  const all = sumOf(blocks);
  const observed = statistics.map((of) => of(sumOf(a), sumOf(b)));
  const reached = statistics.map(() => 1);
  const order = Uint32Array.from(blocks.keys());
  for (let i = 0; i < permutations; i++) {
    if (exchange === 'pool') shuffle(order, random);
    const side =
      exchange === 'pool'
        ? Array.from(order.subarray(0, a.length), (at) => blocks[at]!)
        : a.map((block, at) => (random() < 0.5 ? block : b[at]!));
    const one = sumOf(side);
    const other = all.map((n, e) => n - one[e]!);
    for (const [s, of] of statistics.entries()) {
      // Sums in another order round differently.
      if (of(one, other) >= observed[s]! - 1e-9) reached[s]! += 1;
    }
  }
  return observed.map((value, s) => ({ observed: value, p: reached[s]! / (permutations + 1), permutations }));
}

/** Slots of all blocks together. */
export function sumOf(blocks: readonly BlockCounts[]): Float64Array {
  const sum = new Float64Array(blocks[0]?.length ?? 0);
  for (const block of blocks) for (let e = 0; e < sum.length; e++) sum[e]! += block[e]!;
  return sum;
}

/** Mean MaxVio over layers of so many experts each. */
export function meanMaxVio(counts: Float64Array, experts: readonly number[]): number {
  let sum = 0;
  let at = 0;
  for (const size of experts) {
    let total = 0;
    let most = 0;
    for (let e = at; e < at + size; e++) {
      total += counts[e]!;
      if (counts[e]! > most) most = counts[e]!;
    }
    // A layer that saw nothing is even.
    if (total > 0) sum += (most * size) / total - 1;
    at += size;
  }
  return sum / experts.length;
}

/**
 * Difference of two loads, mean over layers: half of Σ_e |share in a − share in b|. At least so many of the choices went to other experts:
 * of those that trade places the loads tell nothing.
 */
export function loadDifference(a: Float64Array, b: Float64Array, experts: readonly number[]): number {
  let sum = 0;
  let at = 0;
  for (const size of experts) {
    const [fromA, fromB] = [a.subarray(at, at + size), b.subarray(at, at + size)];
    const allA = fromA.reduce((total, n) => total + n, 0);
    const allB = fromB.reduce((total, n) => total + n, 0);
    for (let e = 0; e < size; e++) sum += Math.abs(fromA[e]! / (allA || 1) - fromB[e]! / (allB || 1)) / 2;
    at += size;
  }
  return sum / experts.length;
}

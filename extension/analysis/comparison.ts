/** Two runs side by side: what of them can be compared, and how much of the one is in the other. */
import type { LayerTrace, RoutingTrace } from '../protocol/trace.ts';
import { routingAgreement, type Agreement } from './agreement.ts';
import { alignTokens, type Alignment } from './alignment.ts';
import {
  blockCounts,
  countsOf,
  loadDifference,
  meanMaxVio,
  permutationTests,
  placesByLoad,
  sumOf,
  type Exchange,
  type PermutationTest,
} from './permutation.ts';

/** A subject whose tokens are known. */
export interface Run {
  readonly text: string | undefined;
  readonly trace: RoutingTrace;
}

/** With less of the shorter text in common, two runs are of two texts. */
const SAME_TEXT = 0.5;
/** Fewer blocks make no test: 2¹⁰ ways to exchange ten pairs. */
export const LEAST_BLOCKS = 10;
/** Additions that a test may take, which bounds its time. */
const MOST_ADDITIONS = 100_000_000;
const MOST_PERMUTATIONS = 999;
const LEAST_PERMUTATIONS = 99;

/** The tokens that both runs routed, and whether they are of one text. */
export interface Common {
  readonly alignment: Alignment;
  readonly oneText: boolean;
}

export function commonOf(a: Run, b: Run): Common {
  const alignment = alignTokens(a, b);
  const shorter = Math.min(a.trace.routed, b.trace.routed);
  return { alignment, oneText: shorter > 0 && alignment.a.length >= SAME_TEXT * shorter };
}

export interface LoadTests {
  readonly exchange: Exchange;
  readonly blocks: readonly [number, number];
  /** Tokens of these blocks, where the runs have others as well that are not in both. */
  readonly part?: number;
  /** Of these blocks, the mean of the layers. */
  readonly maxVio: readonly [number, number];
  /** Difference of the mean MaxVio of the layers. */
  readonly balance: PermutationTest;
  /** Difference of the loads as a share of the choices; of the loads by rank where experts are not the same. */
  readonly loads: PermutationTest;
}

/**
 * Tests the difference of two runs' loads, whose layers are of the same shapes; undefined where there are too few blocks.
 * Tokens of one text are exchanged in pairs, those that are aligned; of two texts in one pool.
 */
export function loadTests(
  a: RoutingTrace,
  b: RoutingTrace,
  { alignment, oneText }: Common,
  blockSize: number,
  same: boolean,
): LoadTests | undefined {
  const all = ({ routed }: RoutingTrace): Uint32Array => new Uint32Array(routed).map((_, t) => t);
  const [tokensA, tokensB] = oneText ? [alignment.a, alignment.b] : [all(a), all(b)];
  const blocksOf = ({ layers }: RoutingTrace, tokens: Uint32Array): Float64Array[] =>
    blockCounts(
      layers,
      tokens,
      blockSize,
      same ? undefined : layers.map((layer) => placesByLoad(countsOf(layer, tokens))),
    );
  const [blocksA, blocksB] = [blocksOf(a, tokensA), blocksOf(b, tokensB)];
  if (Math.min(blocksA.length, blocksB.length) < LEAST_BLOCKS) return undefined;
  const experts = a.layers.map((layer) => layer.experts);
  const additions = (blocksA.length + 4) * blocksA[0]!.length;
  const permutations = Math.max(
    LEAST_PERMUTATIONS,
    Math.min(MOST_PERMUTATIONS, Math.floor(MOST_ADDITIONS / additions)),
  );
  const exchange = oneText ? 'pairs' : 'pool';
  const [balance, loads] = permutationTests(blocksA, blocksB, exchange, permutations, [
    (x, y) => Math.abs(meanMaxVio(x, experts) - meanMaxVio(y, experts)),
    (x, y) => loadDifference(x, y, experts),
  ]);
  const partial = oneText && alignment.a.length < Math.max(a.routed, b.routed);
  return {
    exchange,
    blocks: [blocksA.length, blocksB.length],
    ...(partial ? { part: blocksA.length * blockSize } : {}),
    maxVio: [meanMaxVio(sumOf(blocksA), experts), meanMaxVio(sumOf(blocksB), experts)],
    balance: balance!,
    loads: loads!,
  };
}

/**
 * What of a's routing stays in b's, for the tokens that are aligned; tokens are numbered as in a. Layers must be of the same
 * shapes and the same numbers of choices.
 */
export function alignedAgreement(a: RoutingTrace, b: RoutingTrace, alignment: Alignment): Agreement {
  // What is aligned is the same token, whatever either tokenizer calls it.
  const ids = Int32Array.from(alignment.a);
  const gathered = (
    { layers }: RoutingTrace,
    tokens: Uint32Array,
  ): { layers: LayerTrace[]; routed: number; tokens: { ids: Int32Array } } => ({
    tokens: { ids },
    routed: tokens.length,
    layers: layers.map((layer, i) => gather(layer, tokens, a.layers[i]!)),
  });
  const agreement = routingAgreement(gathered(a, alignment.a), gathered(b, alignment.b));
  const own = (flips: Uint32Array): Uint32Array => flips.map((i) => alignment.a[i]!);
  const flipCounts = new Uint16Array(a.tokens.ids.length);
  for (const i of agreement.flips) flipCounts[alignment.a[i]!] = agreement.flipCounts[i]!;
  return {
    ...agreement,
    flips: own(agreement.flips),
    flipCounts,
    layers: agreement.layers.map((layer) => ({ ...layer, flips: own(layer.flips) })),
  };
}

/** Rows of some tokens, under the name that a layer has in the first run. */
function gather(layer: LayerTrace, tokens: Uint32Array, { layer: index, stack }: LayerTrace): LayerTrace {
  const { candidates } = layer;
  const chosen = new Uint16Array(tokens.length * candidates);
  const weight = new Float32Array(tokens.length * candidates);
  for (const [i, token] of tokens.entries()) {
    const row = token * candidates;
    chosen.set(layer.chosen.subarray(row, row + candidates), i * candidates);
    weight.set(layer.weight.subarray(row, row + candidates), i * candidates);
  }
  const { experts, k, entropy, margin, probSum, logSumExpSq } = layer;
  const name = { layer: index, ...(stack ? { stack } : {}) };
  return { ...name, experts, k, candidates, chosen, weight, entropy, margin, probSum, logSumExpSq };
}

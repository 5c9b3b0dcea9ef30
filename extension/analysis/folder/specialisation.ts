/**
 * Domain specialisation: how often an expert is chosen for the tokens of a domain, N_{e,D} / N_D (OLMoE, arXiv 2409.02060,
 * section 5). By chance it would be k/E.
 */
import type { LayerShape } from '../../protocol/trace.ts';
import { randomNumbers, shuffle } from '../random.ts';
import { layerCounts, layerTokens, type Block, type Domain } from './domains.ts';

/** Fewest tokens and files (or groups of files) of a domain that anything is said about. */
export const FEWEST_TOKENS = 1_000;
export const FEWEST_FILES = 5;

/** Whether a domain has files and tokens enough; totals that somebody recorded have no files to count. */
export function isEnough(domain: Domain, layer: number): boolean {
  return (isRecorded(domain) || domain.blocks.length >= FEWEST_FILES) && layerTokens(domain, layer) >= FEWEST_TOKENS;
}

/** Whether only totals are known of a domain. */
function isRecorded({ blocks }: Domain): boolean {
  return blocks.length === 1 && blocks[0]!.files === 0;
}

/** N_{e,D} / N_D of one layer; its experts are [from, to) of [ΣE]. NaN where the domain has no tokens; [E]. */
export function specialisation(domain: Domain, layer: number, from: number, to: number): Float64Array {
  const tokens = layerTokens(domain, layer);
  return layerCounts(domain, from, to).map((slots) => slots / tokens);
}

/** What chance would give: k/E. */
export function chance({ k, experts }: LayerShape): number {
  return k / experts;
}

/** Ends of 95 % intervals; [number of experts]. */
export interface Intervals {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/**
 * Intervals of N_{e,D} / N_D for some experts of a layer. Undefined where the domain has too few files.
 *
 * @param experts indices in [ΣE]
 */
export function intervals(domain: Domain, layer: number, experts: readonly number[]): Intervals | undefined {
  const { blocks } = domain;
  if (blocks.length < FEWEST_FILES || !isEnough(domain, layer)) return undefined;
  const ends = experts.map((e) => intervalOf(blocks, layer, e));
  return {
    low: Float64Array.from(ends, ({ low }) => low),
    high: Float64Array.from(ends, ({ high }) => high),
  };
}

/**
 * r ± t·s, 95 %. Tokens of a file are alike, so it is files that are the sample: with slots c_b and tokens n_b of each of B blocks,
 * r = Σc_b / Σn_b has the standard error s = √(B/(B − 1)·Σ(c_b − r·n_b)²) / Σn_b (ratio estimate; Cochran, Sampling Techniques, 1977,
 * chapter 6). Percentiles of resampled files would be too narrow: of five files they hold what is true four times of five.
 */
function intervalOf(
  blocks: readonly Block[],
  layer: number,
  e: number,
): { readonly low: number; readonly high: number } {
  const n = blocks.length;
  let [slots, tokens] = [0, 0];
  for (const block of blocks) {
    slots += block.counts[e]!;
    tokens += block.tokens[layer]!;
  }
  const share = slots / tokens;
  let squares = 0;
  for (const block of blocks) squares += (block.counts[e]! - share * block.tokens[layer]!) ** 2;
  const half = (studentQuantile(n - 1) * Math.sqrt((n / (n - 1)) * squares)) / tokens;
  return { low: Math.max(0, share - half), high: Math.min(1, share + half) };
}

/** Terms of Cornish and Fisher's expansion of the 97.5th percentile of Student's distribution, of which z is that of the normal one. */
const TERMS = studentTerms(1.959964);

function studentTerms(z: number): readonly number[] {
  return [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
}

/** The percentile, within 0.3 % from 4 degrees of freedom on. */
function studentQuantile(freedom: number): number {
  return TERMS.reduce((sum, term, i) => sum + term / freedom ** i, 0);
}

/** An expert that a domain's tokens go to more than those of every other domain. */
export interface Specialist {
  /** Position of the MoE layer. */
  readonly layer: number;
  readonly expert: number;
  /** Index of the domain. */
  readonly domain: number;
  /** N_{e,D} / N_D there. */
  readonly value: number;
  /** The domain of the next highest value, and that. */
  readonly next: number;
  readonly nextValue: number;
  /** Its interval, and the highest end of the other domains' intervals; undefined where only totals are known. */
  readonly interval: { readonly low: number; readonly high: number; readonly othersHigh: number } | undefined;
}

/** Deals of the files to the domains, at random. */
export const DEALS = 39;
/** Of the deals and the files as they are, so many may have an expert that is as far apart: 5 %. */
const REACHED = 0.05 * (DEALS + 1);

/**
 * Experts whose specialisation in one domain is above that in all others even at the ends of the intervals, by the distance
 * between these, and by more than chance would make of any expert: there are many, and some are apart in most deals of the files
 * to the domains. Only domains with data enough take part. Of totals there are no intervals: then it is all, by their differences.
 */
export function specialists(
  domains: readonly Domain[],
  shapes: readonly LayerShape[],
  offsets: readonly number[],
): Specialist[] {
  const recorded = domains.every(isRecorded);
  const enough = shapes.map((_, layer) =>
    domains.filter((domain) => isEnough(domain, layer) && isRecorded(domain) === recorded),
  );
  const all = shapes.flatMap((_, layer) => {
    const of = enough[layer]!;
    if (of.length < 2) return [];
    const [from, to] = [offsets[layer]!, offsets[layer + 1]!];
    const values = of.map((domain) => specialisation(domain, layer, from, to));
    return Array.from({ length: to - from }, (__, expert): Specialist => {
      const order = of
        .map((domain, i) => ({ d: domains.indexOf(domain), value: values[i]![expert]! }))
        .sort((a, b) => b.value - a.value);
      const [first, second] = [order[0]!, order[1]!];
      const next = { next: second.d, nextValue: second.value };
      return { layer, expert, domain: first.d, value: first.value, ...next, interval: undefined };
    });
  });
  if (recorded) return all.sort((a, b) => distance(b) - distance(a));
  const found = all
    .map((one): Specialist => {
      const { layer, expert } = one;
      const blocks = enough[layer]!.map((domain) => domain.blocks);
      return { ...one, interval: apart(blocks, layer, offsets[layer]! + expert) };
    })
    .filter((one) => distance(one) > 0);
  if (found.length === 0) return [];
  const byChance = chanceDistance(enough, offsets);
  return found.filter((one) => distance(one) > byChance).sort((a, b) => distance(b) - distance(a));
}

/** The interval of the domain that is highest, and where the others' end. */
function apart(
  domains: readonly (readonly Block[])[],
  layer: number,
  e: number,
): { readonly low: number; readonly high: number; readonly othersHigh: number } {
  const ends = domains.map((blocks) => intervalOf(blocks, layer, e));
  const own = ends.reduce((best, one) => (one.low > best.low ? one : best));
  const othersHigh = ends.reduce((most, one) => (one === own ? most : Math.max(most, one.high)), 0);
  return { ...own, othersHigh };
}

/**
 * The distance that the furthest of all experts exceeds in no more than 5 % of deals: what is beyond it is there by chance in one run of
 * twenty, whichever expert it is (Westfall and Young, Resampling-Based Multiple Testing, 1993).
 *
 * @param enough domains that take part, by layer
 */
function chanceDistance(enough: readonly (readonly Domain[])[], offsets: readonly number[]): number {
  const random = randomNumbers(DEALS);
  const domains = [...new Set(enough.flat())];
  const blocks = domains.flatMap((domain) => domain.blocks);
  const order = Uint32Array.from(blocks.keys());
  const dealt = Array.from({ length: DEALS }, () => {
    shuffle(order, random);
    let at = 0;
    const hands = new Map(
      domains.map((domain) => [
        domain,
        Array.from(order.subarray(at, (at += domain.blocks.length)), (b) => blocks[b]!),
      ]),
    );
    let furthest = 0;
    for (const [layer, those] of enough.entries()) {
      if (those.length < 2) continue;
      const groups = those.map((domain) => hands.get(domain)!);
      for (let e = offsets[layer]!; e < offsets[layer + 1]!; e++) {
        const { low, othersHigh } = apart(groups, layer, e);
        if (low - othersHigh > furthest) furthest = low - othersHigh;
      }
    }
    return furthest;
  });
  return dealt.sort((a, b) => b - a)[REACHED - 1]!;
}

/** How far apart an expert's domain and the next one are, the intervals taken off. */
function distance({ value, nextValue, interval }: Specialist): number {
  return interval ? interval.low - interval.othersHigh : value - nextValue;
}

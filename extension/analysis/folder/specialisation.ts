/**
 * Domain specialisation: how often an expert is chosen for the tokens of a domain, N_{e,D} / N_D (OLMoE, arXiv 2409.02060,
 * section 5). By chance it would be k/E.
 */
import type { LayerShape } from '../../protocol/trace.ts';
import { layerCounts, layerTokens, type Domain } from './domains.ts';
import { randomNumbers } from '../random.ts';

/** Fewest tokens and files (or groups of files) of a domain that anything is said about. */
export const FEWEST_TOKENS = 1_000;
export const FEWEST_FILES = 5;

/** Resampled domains behind an interval. */
export const RESAMPLES = 400;

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
 * Intervals of N_{e,D} / N_D for some experts of a layer: from the 2.5th to the 97.5th percentile over domains made of as many
 * blocks, drawn with replacement (bootstrap of clusters: tokens of a file are alike, so it is files that are drawn). Undefined
 * where the domain has too few.
 *
 * @param experts indices in [ΣE]
 */
export function intervals(domain: Domain, layer: number, experts: readonly number[]): Intervals | undefined {
  const { blocks } = domain;
  if (blocks.length < FEWEST_FILES || !isEnough(domain, layer)) return undefined;
  const random = randomNumbers(RESAMPLES);
  const draws = experts.map(() => new Float64Array(RESAMPLES));
  const times = new Uint16Array(blocks.length);
  for (let r = 0; r < RESAMPLES; r++) {
    times.fill(0);
    for (let b = 0; b < blocks.length; b++) times[Math.floor(random() * blocks.length)]! += 1;
    let tokens = 0;
    blocks.forEach((block, b) => (tokens += times[b]! * block.tokens[layer]!));
    experts.forEach((e, i) => {
      let slots = 0;
      for (let b = 0; b < blocks.length; b++) slots += times[b]! * blocks[b]!.counts[e]!;
      draws[i]![r] = slots / tokens;
    });
  }
  const at = (q: number): Float64Array =>
    Float64Array.from(draws, (values) => values[Math.round(q * (RESAMPLES - 1))]!);
  for (const values of draws) values.sort();
  return { low: at(0.025), high: at(0.975) };
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

export interface Specialists {
  readonly found: readonly Specialist[];
  /** Experts that were looked at closely, those of the largest differences, of how many. */
  readonly tested: number;
  readonly experts: number;
}

/** Experts looked at closely. */
const CANDIDATES = 64;

/**
 * Experts whose specialisation in one domain is above that in all others even at the ends of the intervals, by the distance
 * between these. Only domains with data enough take part. Of totals there are no intervals: then it is the largest differences.
 */
export function specialists(
  domains: readonly Domain[],
  shapes: readonly LayerShape[],
  offsets: readonly number[],
): Specialists {
  const all = shapes.flatMap((_, layer) => {
    const enough = domains.flatMap((domain, d) => (isEnough(domain, layer) ? [d] : []));
    if (enough.length < 2) return [];
    const [from, to] = [offsets[layer]!, offsets[layer + 1]!];
    const values = enough.map((d) => specialisation(domains[d]!, layer, from, to));
    return Array.from({ length: to - from }, (__, expert) => {
      const order = enough.map((d, i) => ({ d, value: values[i]![expert]! })).sort((a, b) => b.value - a.value);
      const [first, second] = [order[0]!, order[1]!];
      return { layer, expert, domain: first.d, value: first.value, next: second.d, nextValue: second.value };
    });
  });
  const candidates = all.sort((a, b) => b.value - b.nextValue - (a.value - a.nextValue)).slice(0, CANDIDATES);
  const found = candidates
    .flatMap((candidate): Specialist[] => {
      const { layer, expert, domain } = candidate;
      const at = [offsets[layer]! + expert];
      if (domains.every(isRecorded)) return [{ ...candidate, interval: undefined }];
      const own = intervals(domains[domain]!, layer, at);
      const others = domains.flatMap((other, d) => (d === domain ? [] : (intervals(other, layer, at)?.high[0] ?? [])));
      if (!own || others.length === 0) return [];
      const [low, high, othersHigh] = [own.low[0]!, own.high[0]!, Math.max(...others)];
      return low > othersHigh ? [{ ...candidate, interval: { low, high, othersHigh } }] : [];
    })
    .sort((a, b) => distance(b) - distance(a));
  return { found, tested: candidates.length, experts: all.length };
}

/** How far apart an expert's domain and the next one are, the intervals taken off. */
function distance({ value, nextValue, interval }: Specialist): number {
  return interval ? interval.low - interval.othersHigh : value - nextValue;
}

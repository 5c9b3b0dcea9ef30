/** Mutual information between a text's domain and the expert that its tokens go to: what routing knows of the kind of text. */
import type { Block, Domain } from './domains.ts';
import { randomNumbers, shuffle } from '../random.ts';

/** In bits, of the joint distribution that counts of slots give; rows are domains, [D][E]. NaN when nothing was counted. */
export function mutualInformation(counts: readonly ArrayLike<number>[]): number {
  const experts = counts[0]?.length ?? 0;
  const columns = new Float64Array(experts);
  const rows = counts.map((row) => {
    let sum = 0;
    for (let e = 0; e < experts; e++) {
      sum += row[e]!;
      columns[e]! += row[e]!;
    }
    return sum;
  });
  const total = rows.reduce((sum, row) => sum + row, 0);
  if (total === 0) return NaN;
  let bits = 0;
  counts.forEach((row, d) => {
    for (let e = 0; e < experts; e++) {
      const n = row[e]!;
      if (n > 0) bits += (n / total) * Math.log2((n * total) / (rows[d]! * columns[e]!));
    }
  });
  return Math.max(0, bits);
}

/**
 * How much the plug-in estimate exceeds the truth on average, in bits, to first order (Miller 1955, Madow):
 * (m_DE − m_D − m_E + 1) / (2·N·ln 2), with m the cells that are not empty and N independent draws. Slots of a token, and
 * tokens of a file, are not independent: it is a lower bound of the bias.
 */
export function millerMadow(counts: readonly ArrayLike<number>[]): number {
  const experts = counts[0]?.length ?? 0;
  let [total, cells] = [0, 0];
  const [rows, columns] = [new Set<number>(), new Set<number>()];
  counts.forEach((row, d) => {
    for (let e = 0; e < experts; e++) {
      if (row[e]! === 0) continue;
      total += row[e]!;
      cells += 1;
      rows.add(d);
      columns.add(e);
    }
  });
  return total === 0 ? NaN : (cells - rows.size - columns.size + 1) / (2 * total * Math.LN2);
}

export interface DomainInformation {
  /** Plug-in estimate, in bits. */
  readonly raw: number;
  /** What is taken off: the mean over shuffles, or Miller and Madow's correction where there are no files to shuffle. */
  readonly bias: number;
  /** max(0, raw − bias). */
  readonly bits: number;
  /** Share of shuffles that reach `raw`, the data counted as one; absent without files. */
  readonly p?: number;
  /** Entropy of the domain over slots: the most that there could be, in bits. */
  readonly most: number;
}

const SHUFFLES = 199;

/**
 * Of one layer, whose experts are [from, to) of [ΣE]. The bias is what is left when files are dealt to the domains at random, as
 * many to each as it has: unlike corrections that count slots, this knows that the tokens of a file are alike.
 */
export function domainInformation(domains: readonly Domain[], from: number, to: number): DomainInformation {
  const sum = (blocks: readonly Block[]): Float64Array => {
    const counts = new Float64Array(to - from);
    for (const block of blocks) for (let e = from; e < to; e++) counts[e - from]! += block.counts[e]!;
    return counts;
  };
  const counts = domains.map(({ blocks }) => sum(blocks));
  const raw = mutualInformation(counts);
  const slots = counts.map((row) => row.reduce((all, n) => all + n, 0));
  const most = entropyBits(slots);
  if (domains.some(({ blocks }) => blocks.some(({ files }) => files === 0))) {
    const bias = millerMadow(counts);
    return { raw, bias, bits: Math.max(0, raw - bias), most };
  }
  const random = randomNumbers(SHUFFLES);
  const blocks = domains.flatMap((domain) => domain.blocks);
  const order = Uint32Array.from(blocks.keys());
  let [total, reached] = [0, 0];
  for (let s = 0; s < SHUFFLES; s++) {
    shuffle(order, random);
    let at = 0;
    const dealt = domains.map((domain) =>
      sum(Array.from(order.subarray(at, (at += domain.blocks.length)), (b) => blocks[b]!)),
    );
    const value = mutualInformation(dealt);
    total += value;
    // Sums in another order may differ in their last digits.
    if (value >= raw * (1 - 1e-9)) reached += 1;
  }
  const bias = total / SHUFFLES;
  return { raw, bias, bits: Math.max(0, raw - bias), p: (reached + 1) / (SHUFFLES + 1), most };
}

function entropyBits(counts: readonly number[]): number {
  const total = counts.reduce((sum, n) => sum + n, 0);
  return counts.reduce((bits, n) => (n > 0 ? bits - (n / total) * Math.log2(n / total) : bits), 0);
}

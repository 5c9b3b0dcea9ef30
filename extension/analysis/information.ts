/**
 * How much one label of a token says about another: mutual information, in nats. Of few samples the plain figure is too high,
 * the more so the more labels there are: each label that occurs once seems to explain all. What shuffling one of the labels gives on average
 * is therefore taken off, as adjusted mutual information does (Vinh, Epps and Bailey, JMLR 11, 2010, with the
 * expectation from shuffles in place of the exact one).
 */
import { randomNumbers, shuffle } from './random.ts';

/** A label of each sample, from 0; -1 where it has none. */
export type Labels = Int32Array;

export interface Information {
  /** Samples that have both labels. */
  readonly samples: number;
  /** Entropies of either label, in nats. */
  readonly entropyA: number;
  readonly entropyB: number;
  /** I(A; B) of the samples, and what it is on average when labels B are shuffled. */
  readonly plain: number;
  readonly chance: number;
}

/** Labels made ready to be compared with many others. */
export interface PreparedLabels {
  readonly labels: Labels;
  /** Labels are under it. */
  readonly size: number;
  readonly complete: boolean;
  readonly groups: Groups;
  readonly shuffled: readonly Labels[];
}

/** Shuffles of which the mean is taken off as chance: the more, the steadier. The same ones for all labels of so many samples. */
export function prepared(labels: Labels, shuffles: number): PreparedLabels {
  const random = randomNumbers(labels.length);
  let last = labels;
  const shuffled = Array.from({ length: shuffles }, () => {
    last = last.slice();
    shuffle(last, random);
    return last;
  });
  let size = 0;
  let complete = true;
  for (const label of labels) {
    if (label >= size) size = label + 1;
    if (label < 0) complete = false;
  }
  return { labels, size, complete, groups: groupsOf(labels, size), shuffled };
}

/** Mutual information of two labels of the same samples. */
export function informationOf(a: PreparedLabels, b: PreparedLabels): Information {
  if (!a.complete || !b.complete) {
    const both = Array.from(a.labels.keys()).filter((i) => a.labels[i]! >= 0 && b.labels[i]! >= 0);
    const common = ({ labels, shuffled }: PreparedLabels): PreparedLabels =>
      prepared(
        Int32Array.from(both, (i) => labels[i]!),
        shuffled.length,
      );
    return informationOf(common(a), common(b));
  }
  const { entropyA, entropyB, information } = jointOf(a.groups, b.labels, b.size);
  const chance = b.shuffled.map((labels) => jointOf(a.groups, labels, b.size).information);
  return {
    samples: a.labels.length,
    entropyA,
    entropyB,
    plain: information,
    chance: chance.length === 0 ? 0 : chance.reduce((sum, value) => sum + value, 0) / chance.length,
  };
}

/** Share of B's entropy that A explains beyond chance: 0 for nothing, 1 for all of it. NaN where there is nothing to explain. */
export function explainedShare({ entropyB, plain, chance }: Information): number {
  return shareOf(plain - chance, entropyB - chance);
}

/** Adjusted mutual information, the entropies averaged: 1 when both divide the samples alike, 0 when no more than by chance. */
export function adjustedInformation({ entropyA, entropyB, plain, chance }: Information): number {
  return shareOf(plain - chance, (entropyA + entropyB) / 2 - chance);
}

function shareOf(more: number, most: number): number {
  // Rounding alone is no entropy.
  return most > 1e-9 ? Math.max(0, Math.min(1, more / most)) : NaN;
}

/** Samples in the order of their labels; those of label l stand in [starts[l], starts[l + 1]). */
interface Groups {
  readonly order: Uint32Array;
  readonly starts: Uint32Array;
}

function groupsOf(labels: Labels, size: number): Groups {
  const starts = new Uint32Array(size + 1);
  for (const label of labels) if (label >= 0) starts[label + 1]! += 1;
  for (let l = 1; l <= size; l++) starts[l]! += starts[l - 1]!;
  const next = starts.slice();
  const order = new Uint32Array(starts[size]!);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label >= 0) order[next[label]!++] = i;
  }
  return { order, starts };
}

function jointOf(
  { order, starts }: Groups,
  b: Labels,
  size: number,
): { readonly information: number; readonly entropyA: number; readonly entropyB: number } {
  const n = order.length;
  const all = new Uint32Array(size);
  const here = new Uint32Array(size);
  // Σ m·ln m over the sizes m of groups: entropy is ln n − that / n.
  let groups = 0;
  let joint = 0;
  let others = 0;
  for (let l = 0; l + 1 < starts.length; l++) {
    const from = starts[l]!;
    const to = starts[l + 1]!;
    groups += mLogM(to - from);
    for (let i = from; i < to; i++) here[b[order[i]!]!]! += 1;
    for (let i = from; i < to; i++) {
      const label = b[order[i]!]!;
      const m = here[label]!;
      if (m === 0) continue;
      joint += mLogM(m);
      all[label]! += m;
      here[label] = 0;
    }
  }
  for (const m of all) others += mLogM(m);
  const entropy = (sum: number): number => (n === 0 ? NaN : Math.log(n) - sum / n);
  const entropyA = entropy(groups);
  const entropyB = entropy(others);
  return { information: entropyA + entropyB - entropy(joint), entropyA, entropyB };
}

const M_LOG_M = new Float64Array(4096).map((_, m) => (m > 1 ? m * Math.log(m) : 0));

function mLogM(m: number): number {
  return m < M_LOG_M.length ? M_LOG_M[m]! : m * Math.log(m);
}

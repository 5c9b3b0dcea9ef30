/** How much the kind of a text tells of the expert that its tokens go to. */

/**
 * I(D; E) in nats of a table of slots by domain and expert, less what chance alone makes of so few: (D − 1)·(E − 1) / 2N (Miller,
 * 1955; Roulston, Physica D 125, 1999), D and E being those that occur. Never below 0; NaN without slots. At most the entropy of the domains.
 *
 * @param counts by domain, slots of each expert of a layer
 */
export function mutualInformation(counts: readonly Float64Array[]): number {
  const domains = counts.map(sum);
  const total = domains.reduce((all, n) => all + n, 0);
  const experts = counts[0]?.map((_, e) => counts.reduce((all, of) => all + of[e]!, 0)) ?? new Float64Array();
  let information = 0;
  counts.forEach((of, d) => {
    of.forEach((n, e) => {
      if (n > 0) information += (n / total) * Math.log((n * total) / (domains[d]! * experts[e]!));
    });
  });
  const occurring = (of: Iterable<number>): number => Array.from(of).filter((n) => n > 0).length;
  const chance = ((occurring(domains) - 1) * (occurring(experts) - 1)) / (2 * total);
  return total > 0 ? Math.max(0, information - chance) : NaN;
}

/** Entropy in nats of shares in proportion to the values. */
export function entropyOf(values: readonly number[]): number {
  const total = values.reduce((all, n) => all + n, 0);
  return values.reduce((h, n) => (n > 0 ? h - (n / total) * Math.log(n / total) : h), 0);
}

function sum(values: Float64Array): number {
  return values.reduce((all, n) => all + n, 0);
}

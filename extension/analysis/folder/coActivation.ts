/** Experts that are chosen for the same token. */

/** An expert in relation to another. */
export interface Partner {
  readonly expert: number;
  /** Tokens that both were chosen for, N_ij. */
  readonly tokens: number;
  /** N_ij / N_i: how often the other is there when this one is (OLMoE, arXiv 2409.02060, section 5). */
  readonly share: number;
  /** N_ij as a multiple of what chance would make it. */
  readonly lift: number;
}

/**
 * The experts chosen with expert i, the one that is there most often first.
 *
 * @param pairs N_ij, [E·E]
 * @param chosen N_i, [E]
 */
export function partners(pairs: Uint32Array, chosen: Float64Array, i: number): Partner[] {
  const experts = chosen.length;
  const a = chanceFactors(pairs, experts);
  return Array.from(chosen.keys())
    .filter((j) => j !== i && pairs[i * experts + j]! > 0)
    .map((j) => {
      const tokens = pairs[i * experts + j]!;
      return { expert: j, tokens, share: tokens / chosen[i]!, lift: tokens / (a[i]! * a[j]!) };
    })
    .sort((x, y) => y.share - x.share);
}

const MOST_ROUNDS = 1000;

/**
 * a, such that by chance N_ij would be a_i·a_j: where experts care for nothing but their load, so that only the sums of rows
 * are kept, Σ_{j≠i} a_i·a_j = Σ_{j≠i} N_ij. A token's experts differ, which makes this less than N_i·N_j / N: of an even load
 * with two of 16 a token, 0.53 of it. Quasi-independence: Goodman, JASA 63, 1968. [E]
 */
function chanceFactors(pairs: Uint32Array, experts: number): Float64Array {
  const rows = Float64Array.from({ length: experts }, (_, i) =>
    pairs.subarray(i * experts, (i + 1) * experts).reduce((sum, n) => sum + n, 0),
  );
  const all = rows.reduce((sum, row) => sum + row, 0);
  let a = rows.map((row) => row / Math.sqrt(all || 1));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const sum = a.reduce((total, value) => total + value, 0);
    // Half of a step of proportional fitting: a whole one would swing to and fro.
    const next = a.map((value, i) => (rows[i] === 0 ? 0 : Math.sqrt((value * rows[i]!) / (sum - value))));
    const settled = next.every((value, i) => Math.abs(value - a[i]!) <= 1e-9 * value);
    a = next;
    if (settled) break;
  }
  return a;
}

export interface Pair {
  readonly i: number;
  readonly j: number;
  /** N_ij. */
  readonly tokens: number;
  /** N_ij / min(N_i, N_j): how often the rarer one is there with the other. */
  readonly strength: number;
  /** N_ij as a multiple of what chance would make it. */
  readonly lift: number;
}

/** Unordered pairs of experts that were chosen for enough tokens each, the most inseparable first. */
export function strongestPairs(pairs: Uint32Array, chosen: Float64Array, fewest: number): Pair[] {
  const experts = chosen.length;
  const a = chanceFactors(pairs, experts);
  const found: Pair[] = [];
  for (let i = 0; i < experts; i++) {
    for (let j = i + 1; j < experts; j++) {
      const tokens = pairs[i * experts + j]!;
      const least = Math.min(chosen[i]!, chosen[j]!);
      if (tokens === 0 || least < fewest) continue;
      found.push({ i, j, tokens, strength: tokens / least, lift: tokens / (a[i]! * a[j]!) });
    }
  }
  return found.sort((a, b) => b.strength - a.strength || b.tokens - a.tokens);
}

/**
 * The experts that keep company like expert i's, the most alike first: the cosine of their rows of N_ij, leaving out what the two
 * have with each other. Experts that one layer uses in place of each other are near, though they never meet.
 */
export function neighbours(
  pairs: Uint32Array,
  experts: number,
  i: number,
): { readonly expert: number; readonly cosine: number }[] {
  const found: { expert: number; cosine: number }[] = [];
  for (let j = 0; j < experts; j++) {
    if (j === i) continue;
    let [dot, own, other] = [0, 0, 0];
    for (let m = 0; m < experts; m++) {
      if (m === i || m === j) continue;
      const [a, b] = [pairs[i * experts + m]!, pairs[j * experts + m]!];
      dot += a * b;
      own += a * a;
      other += b * b;
    }
    if (own > 0 && other > 0) found.push({ expert: j, cosine: dot / Math.sqrt(own * other) });
  }
  return found.sort((a, b) => b.cosine - a.cosine);
}

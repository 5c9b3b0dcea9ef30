/** Experts that are chosen for the same token. */

/** An expert in relation to another. */
export interface Partner {
  readonly expert: number;
  /** Tokens that both were chosen for, N_ij. */
  readonly tokens: number;
  /** N_ij / N_i: how often the other is there when this one is (OLMoE, arXiv 2409.02060, section 5). */
  readonly share: number;
  /** The share as a multiple of N_j / N: how often the other is there anyway. */
  readonly lift: number;
}

/**
 * The experts chosen with expert i, the one that is there most often first.
 *
 * @param pairs N_ij, [E·E]
 * @param chosen N_i, [E]
 * @param tokens N, of the layer
 */
export function partners(pairs: Uint32Array, chosen: Float64Array, tokens: number, i: number): Partner[] {
  const experts = chosen.length;
  return Array.from(chosen.keys())
    .filter((j) => j !== i && pairs[i * experts + j]! > 0)
    .map((j) => partnerOf(pairs, chosen, tokens, i, j))
    .sort((a, b) => b.share - a.share);
}

export interface Pair {
  readonly i: number;
  readonly j: number;
  /** N_ij. */
  readonly tokens: number;
  /** N_ij / min(N_i, N_j): how often the rarer one is there with the other. */
  readonly strength: number;
}

/** Unordered pairs of experts that were chosen for enough tokens each, the most inseparable first. */
export function strongestPairs(pairs: Uint32Array, chosen: Float64Array, fewest: number): Pair[] {
  const experts = chosen.length;
  const found: Pair[] = [];
  for (let i = 0; i < experts; i++) {
    for (let j = i + 1; j < experts; j++) {
      const tokens = pairs[i * experts + j]!;
      const least = Math.min(chosen[i]!, chosen[j]!);
      if (tokens > 0 && least >= fewest) found.push({ i, j, tokens, strength: tokens / least });
    }
  }
  return found.sort((a, b) => b.strength - a.strength || b.tokens - a.tokens);
}

export function partnerOf(pairs: Uint32Array, chosen: Float64Array, tokens: number, i: number, j: number): Partner {
  const together = pairs[i * chosen.length + j]!;
  const share = together / chosen[i]!;
  return { expert: j, tokens: together, share, lift: (share * tokens) / chosen[j]! };
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

/**
 * Vocabulary specialisation: how much a token id belongs to one expert. Of an id x it is max_e N_{x,e} / N_x, with N_{x,e} the
 * times that e came first for x, as in OLMoE (arXiv 2409.02060, section 5) and the script published with it.
 */
import type { Vocabulary } from './vocabulary.ts';

/** Occurrences from which an id is listed, as in OLMoE's script. */
export const LISTED_FROM = 10;

export interface VocabularyFigures {
  /** Mean over ids, those met once included, as OLMoE's script has it; NaN without any. */
  readonly mean: number;
  /** Mean over ids met often enough to be listed: those met once count for 1 whatever the router does. */
  readonly meanListed: number;
  readonly ids: number;
  readonly listedIds: number;
}

/** Of a layer whose experts are [from, to) of [ΣE]. */
export function vocabularyFigures({ entries }: Vocabulary, from: number, to: number): VocabularyFigures {
  let [sum, ids, sumListed, listedIds] = [0, 0, 0, 0];
  for (const { counts } of entries.values()) {
    const { total, most } = spread(counts, from, to);
    if (total === 0) continue;
    sum += most / total;
    ids += 1;
    if (total < LISTED_FROM) continue;
    sumListed += most / total;
    listedIds += 1;
  }
  return { mean: sum / ids, meanListed: sumListed / listedIds, ids, listedIds };
}

/** An id that an expert comes first for. */
export interface Word {
  readonly id: number;
  readonly text: string;
  /** N_{x,e} / N_x. */
  readonly share: number;
  /** N_x. */
  readonly met: number;
}

/** The ids that each expert of a layer owns (it comes first for them more often than any other), the surest first; [E]. */
export function wordsByExpert({ entries }: Vocabulary, from: number, to: number): Word[][] {
  const words = Array.from({ length: to - from }, (): Word[] => []);
  for (const [id, { text, counts }] of entries) {
    const { total, most, expert } = spread(counts, from, to);
    if (total >= LISTED_FROM) words[expert]!.push({ id, text, share: most / total, met: total });
  }
  for (const own of words) own.sort((a, b) => b.share - a.share || b.met - a.met);
  return words;
}

function spread(counts: Uint32Array, from: number, to: number): { total: number; most: number; expert: number } {
  let [total, most, expert] = [0, 0, 0];
  for (let e = from; e < to; e++) {
    const n = counts[e]!;
    total += n;
    if (n <= most) continue;
    most = n;
    expert = e - from;
  }
  return { total, most, expert };
}

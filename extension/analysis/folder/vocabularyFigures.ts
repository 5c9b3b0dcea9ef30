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

/** By MoE layer; the experts of layer i are [offsets[i], offsets[i + 1]) of [ΣE]. */
export function vocabularyFigures(vocabulary: Vocabulary, offsets: readonly number[]): VocabularyFigures[] {
  const { ids: all, total, most } = owners(vocabulary, offsets);
  return Array.from({ length: offsets.length - 1 }, (_, layer) => {
    let [sum, ids, sumListed, listedIds] = [0, 0, 0, 0];
    for (let i = layer * all.length; i < (layer + 1) * all.length; i++) {
      if (total[i] === 0) continue;
      const share = most[i]! / total[i]!;
      sum += share;
      ids += 1;
      if (total[i]! < LISTED_FROM) continue;
      sumListed += share;
      listedIds += 1;
    }
    return { mean: sum / ids, meanListed: sumListed / listedIds, ids, listedIds };
  });
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

/**
 * The ids that each expert of a layer owns (it comes first for them more often than any other), the surest first; [E].
 *
 * @param from where the layer's experts begin in [ΣE], and where they end
 */
export function wordsByExpert(vocabulary: Vocabulary, from: number, to: number): Word[][] {
  const words = Array.from({ length: to - from }, (): Word[] => []);
  const { ids, total, most, expert } = owners(vocabulary, [from, to]);
  ids.forEach((id, i) => {
    if (total[i]! < LISTED_FROM) return;
    const { text } = vocabulary.words.get(id)!;
    words[expert[i]!]!.push({ id, text, share: most[i]! / total[i]!, met: total[i]! });
  });
  for (const own of words) own.sort((a, b) => b.share - a.share || b.met - a.met || a.id - b.id);
  return words;
}

/** How often each id was met at each layer, and by which expert most; at [layer · ids + index of the id]. */
interface Owners {
  readonly ids: readonly number[];
  readonly total: Uint32Array;
  readonly most: Uint32Array;
  /** Within its layer; of several with as many the first. */
  readonly expert: Uint16Array;
}

function owners({ counts, slots, words }: Vocabulary, offsets: readonly number[]): Owners {
  const layers = offsets.length - 1;
  const layerOf = new Int32Array(slots).fill(-1);
  for (let i = 0; i < layers; i++) layerOf.fill(i, offsets[i], offsets[i + 1]);
  const ids = [...words.keys()];
  const indexOf = new Map(ids.map((id, i) => [id, i]));
  const cells = layers * ids.length;
  const [total, most, expert] = [new Uint32Array(cells), new Uint32Array(cells), new Uint16Array(cells)];
  const { keys, counts: met } = counts;
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at]!;
    if (key === 0) continue;
    const slot = (key - 1) % slots;
    const layer = layerOf[slot]!;
    if (layer < 0) continue;
    const cell = layer * ids.length + indexOf.get((key - 1 - slot) / slots)!;
    const n = met[at]!;
    const own = slot - offsets[layer]!;
    total[cell]! += n;
    if (n < most[cell]! || (n === most[cell]! && own > expert[cell]!)) continue;
    most[cell] = n;
    expert[cell] = own;
  }
  return { ids, total, most, expert };
}

/**
 * Which expert comes first for which token id: vocabulary specialisation, of the token itself or of the one that follows it.
 * Ids that are met often are what it speaks of, so that memory is bounded: when there is no room for more, the quarter of ids that
 * was met least is forgotten.
 */
import { NO_EXPERT, type RoutingTrace } from '../../protocol/trace.ts';
import { addCount, emptyTable, filtered, type CountTable } from './countTable.ts';
import type { TextTokens } from './patterns.ts';

/** Most pairs of id and expert, at all layers: 25 to 50 MB. */
const MOST_ENTRIES = 1_400_000;
const LONGEST_TEXT = 32;

export interface VocabularyWord {
  /** The token as it stood where it was met first. */
  readonly text: string;
  /** Times that it was met since it came in. */
  met: number;
}

export interface Vocabulary {
  /** Experts of all layers, ΣE. */
  readonly slots: number;
  /** Most entries of `counts`. */
  readonly room: number;
  readonly words: Map<number, VocabularyWord>;
  /** Times that an expert came first for an id, by id·ΣE + the expert's place in [ΣE] + 1. */
  counts: CountTable;
  /** Ids that had to be forgotten; one may be counted more than once. */
  forgotten: number;
}

export function emptyVocabulary(slots: number, room = MOST_ENTRIES): Vocabulary {
  return { slots, room, words: new Map(), counts: emptyTable(), forgotten: 0 };
}

/** Counts each token's top experts for the token `ahead` of it in its window: 0 for itself, 1 for the one that follows. */
export function addVocabulary(
  to: Vocabulary,
  { layers, windows }: Pick<RoutingTrace, 'layers' | 'windows'>,
  { text, tokens, routed }: TextTokens,
  ahead: 0 | 1,
  offsets: readonly number[],
): void {
  const starts = new Set(windows);
  for (let t = 0; t + ahead < routed; t++) {
    const named = t + ahead;
    if (ahead === 1 && starts.has(named)) continue;
    const id = tokens.ids[named]!;
    // A recording may not know its tokens.
    if (id < 0) continue;
    const word = to.words.get(id);
    if (word) word.met += 1;
    else {
      const start = tokens.start[named]!;
      to.words.set(id, { text: text.slice(start, Math.min(tokens.end[named]!, start + LONGEST_TEXT)), met: 1 });
    }
    for (let i = 0; i < layers.length; i++) {
      const { chosen, candidates } = layers[i]!;
      const expert = chosen[t * candidates]!;
      if (expert !== NO_EXPERT) addCount(to.counts, id * to.slots + offsets[i]! + expert + 1);
    }
    if (to.counts.size > to.room) forget(to);
  }
}

function forget(vocabulary: Vocabulary): void {
  const { words, slots } = vocabulary;
  const rarest = [...words].sort(([, a], [, b]) => a.met - b.met).slice(0, Math.ceil(words.size / 4));
  for (const [id] of rarest) words.delete(id);
  vocabulary.counts = filtered(vocabulary.counts, (key) => words.has(Math.floor((key - 1) / slots)));
  vocabulary.forgotten += rarest.length;
}

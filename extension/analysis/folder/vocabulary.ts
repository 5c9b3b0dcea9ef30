/**
 * Which expert comes first for which token id: vocabulary specialisation, of the token itself or of the one that follows it.
 * Ids that are met often are what it speaks of, so that memory is bounded: when there is no room for another id, the quarter
 * of ids that was met least is forgotten.
 */
import { NO_EXPERT, type LayerTrace, type RoutingTrace } from '../../protocol/trace.ts';
import type { TextTokens } from './patterns.ts';

/** Counters that one vocabulary may hold: 32 MB. */
const MOST_COUNTERS = 2 ** 23;
const FEWEST_IDS = 64;
const MOST_IDS = 2 ** 16;
const LONGEST_TEXT = 32;

export interface VocabularyEntry {
  /** The token as it stood where it was met first. */
  readonly text: string;
  /** Times that it was met since it came in. */
  met: number;
  /** Times that each expert came first, layer after layer; [ΣE]. */
  readonly counts: Uint32Array;
}

export interface Vocabulary {
  /** Most ids. */
  readonly room: number;
  /** Ids that had to be forgotten; one may be counted more than once. */
  forgotten: number;
  readonly entries: Map<number, VocabularyEntry>;
}

/** @param slots experts of all layers, ΣE */
export function emptyVocabulary(slots: number): Vocabulary {
  const room = Math.min(MOST_IDS, Math.max(FEWEST_IDS, Math.floor(MOST_COUNTERS / slots)));
  return { room, forgotten: 0, entries: new Map() };
}

/** Counts each token's first experts for the token `ahead` of it in its window: 0 for itself, 1 for the one that follows. */
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
    let entry = to.entries.get(id);
    if (!entry) {
      makeRoom(to);
      const start = tokens.start[named]!;
      const shown = text.slice(start, Math.min(tokens.end[named]!, start + LONGEST_TEXT));
      entry = { text: shown, met: 0, counts: new Uint32Array(offsets.at(-1)!) };
      to.entries.set(id, entry);
    }
    entry.met += 1;
    layers.forEach((layer, i) => {
      const expert = firstExpert(layer, t);
      if (expert !== NO_EXPERT) entry.counts[offsets[i]! + expert]! += 1;
    });
  }
}

function firstExpert({ chosen, candidates }: LayerTrace, t: number): number {
  return chosen[t * candidates]!;
}

function makeRoom(vocabulary: Vocabulary): void {
  const { entries, room } = vocabulary;
  if (entries.size < room) return;
  const rarest = [...entries].sort(([, a], [, b]) => a.met - b.met).slice(0, Math.ceil(room / 4));
  for (const [id] of rarest) entries.delete(id);
  vocabulary.forgotten += rarest.length;
}

/** What kind of thing a token is, by its text. */
import type { TokenColumns } from '../protocol/trace.ts';
import type { Labels } from './information.ts';

export const TOKEN_KINDS = [
  'word',
  'rest of a word',
  'Chinese, Japanese, Korean',
  'digits',
  'punctuation',
  'blank',
  'other',
] as const;

const IDEOGRAPHS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const BEGINS_WORD = /^[^\p{L}\p{N}]/u;
const ENDS_WORD = /[\p{L}\p{N}]$/u;

/** Index in TOKEN_KINDS of a token's text, given the text in front of it. */
function tokenKind(token: string, before: string): number {
  const kind = (name: (typeof TOKEN_KINDS)[number]): number => TOKEN_KINDS.indexOf(name);
  if (token === '') return kind('other');
  if (/^\s+$/u.test(token)) return kind('blank');
  if (IDEOGRAPHS.test(token)) return kind('Chinese, Japanese, Korean');
  if (/\p{L}/u.test(token)) {
    return kind(!BEGINS_WORD.test(token) && ENDS_WORD.test(before) ? 'rest of a word' : 'word');
  }
  if (/\p{N}/u.test(token)) return kind('digits');
  return kind(/[\p{P}\p{S}]/u.test(token) ? 'punctuation' : 'other');
}

/** Whether it is known of any token where it stands in the text. */
export function hasPlaces({ start, end }: Pick<TokenColumns, 'start' | 'end'>): boolean {
  return start.some((from, t) => from < end[t]!);
}

/** The kind of each token; none where tokens stand nowhere in the text. */
export function kindLabels(text: string, { start, end }: TokenColumns): Labels {
  if (!hasPlaces({ start, end })) return new Int32Array(start.length).fill(-1);
  return Int32Array.from(start, (from, t) =>
    tokenKind(text.slice(from, end[t]), text.slice(Math.max(0, from - 2), from)),
  );
}

/** The id of each token as a label, those that occur numbered as they come; an id that is not known has none. */
export function idLabels({ ids }: TokenColumns): Labels {
  const numbers = new Map<number, number>();
  return ids.map((id) => {
    if (id < 0) return -1;
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  });
}

/** The label of the token that follows; the last one has none. */
export function nextLabels(labels: Labels): Labels {
  return labels.map((_, t) => labels[t + 1] ?? -1);
}

/** How often a label occurs among all: once, up to 3 times, up to 7, and so on; the label is the power of two. */
export function frequencyLabels(labels: Labels): Labels {
  const counts = new Uint32Array(labels.length + 1);
  for (const label of labels) if (label >= 0) counts[label]! += 1;
  return labels.map((label) => (label < 0 ? -1 : 31 - Math.clz32(counts[label]!)));
}

import type { RoutedText } from './routedText.ts';

/** Columns [from, to) of a line of the document that are drawn, without the line end, and the offset of its first unit. */
export interface Line {
  readonly line: number;
  readonly start: number;
  readonly from: number;
  readonly to: number;
}

/** An edit within a line: columns [from, to) gave way to so many others. */
export interface LineEdit {
  readonly line: number;
  readonly from: number;
  readonly to: number;
  readonly inserted: number;
}

/** What an editor shows: from the first column of a line, or of what it was wrapped into, to the last. */
interface Visible {
  readonly start: { readonly line: number; readonly character: number };
  readonly end: { readonly line: number; readonly character: number };
}

/** Columns [from, to) of a line. */
export interface Span {
  readonly line: number;
  readonly from: number;
  to: number;
}

/** VS Code draws no more of a line that it does not wrap (the default of `editor.stopRenderingLineAfter`). */
const DRAWN_COLUMNS = 10_000;
/** What is drawn of a longer line starts and ends at multiples of this. */
const BLOCK_COLUMNS = 2000;

/**
 * Which columns of a line are drawn, of so many. Where the editor begins or ends within a line, that is wrapped, and scrolled through
 * like a text.
 */
export function drawnColumns(
  line: number,
  length: number,
  { start, end }: Visible,
): { readonly from: number; readonly to: number } {
  if (length <= DRAWN_COLUMNS) return { from: 0, to: length };
  const from = line === start.line ? Math.floor(start.character / BLOCK_COLUMNS) * BLOCK_COLUMNS : 0;
  const wrapped = line === end.line && end.character < length;
  const most = wrapped ? Math.ceil(end.character / BLOCK_COLUMNS) * BLOCK_COLUMNS : 0;
  return { from, to: Math.min(length, Math.max(from + DRAWN_COLUMNS, most)) };
}

/**
 * Where the tokens of some successive lines are, by the key that `keyOf` gives them (undefined: no tint). Spans end at the
 * line's end; neighbours with equal keys are one span; a character that several tokens share counts as the first one's.
 */
export function tintSpans<K>(
  routed: RoutedText,
  lines: readonly Line[],
  keyOf: (token: number) => K | undefined,
): Map<K, Span[]> {
  const spans = new Map<K, Span[]>();
  const first = lines[0];
  const last = lines.at(-1);
  if (!first || !last) return spans;
  const own = routed.edits.ownRange(first.start + first.from, last.start + last.to);
  const tokens = routed.index.within(own.start, own.end);
  let at = 0;
  let covered = 0;
  for (let token = tokens.from; token < tokens.to; token++) {
    const place = routed.placeOf(token);
    if (!place || place.end <= covered) continue;
    const uncovered = Math.max(covered, place.start);
    covered = place.end;
    const key = keyOf(token);
    if (key === undefined) continue;
    while (at + 1 < lines.length && lines[at + 1]!.start <= uncovered) at += 1;
    for (let i = at; i < lines.length && lines[i]!.start < place.end; i++) {
      const { line, start, from, to } = lines[i]!;
      const begin = Math.max(from, uncovered - start);
      const end = Math.min(place.end - start, to);
      if (begin < end) addSpan(spans, key, line, begin, end);
    }
  }
  return spans;
}

/** The tokens among these lines at which context windows start. */
export function windowSpans(routed: RoutedText, lines: readonly Line[]): Span[] {
  return singleSpans(routed, lines, routed.windowStarts);
}

/** Those of some tokens that are among these lines, each by itself. */
export function singleSpans(routed: RoutedText, lines: readonly Line[], tokens: ReadonlySet<number>): Span[] {
  if (tokens.size === 0) return [];
  const spans = tintSpans(routed, lines, (token) => (tokens.has(token) ? token : undefined));
  return [...spans.values()].flat();
}

/** Where spans are after an edit within a line; undefined where it has touched one, which VS Code then stretches or cuts. */
export function movedSpans(spans: readonly Span[], { line, from, to, inserted }: LineEdit): Span[] | undefined {
  if (spans.some((span) => span.line === line && span.from <= to && span.to >= from)) return undefined;
  const by = inserted - (to - from);
  return spans.map((span) =>
    span.line === line && span.from > to ? { line, from: span.from + by, to: span.to + by } : span,
  );
}

function addSpan<K>(spans: Map<K, Span[]>, key: K, line: number, from: number, to: number): void {
  const list = spans.get(key);
  const previous = list?.at(-1);
  if (previous?.line === line && previous.to === from) previous.to = to;
  else if (list) list.push({ line, from, to });
  else spans.set(key, [{ line, from, to }]);
}

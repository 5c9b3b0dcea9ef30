import type { RoutedText } from './routedText.ts';

/** A line of the document: its number, the document offset of its first unit, its length without the line end. */
export interface Line {
  readonly line: number;
  readonly start: number;
  readonly length: number;
}

/** Columns [from, to) of a line. */
export interface Span {
  readonly line: number;
  readonly from: number;
  to: number;
}

/** VS Code renders no more of a line (the default of `editor.stopRenderingLineAfter`). */
const RENDERED_COLUMNS = 10_000;

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
  const own = routed.edits.ownRange(first.start, last.start + last.length);
  const { from, to } = routed.index.within(own.start, own.end);
  let at = 0;
  let covered = 0;
  for (let token = from; token < to; token++) {
    const place = routed.placeOf(token);
    if (!place || place.start < covered) continue;
    covered = place.end;
    const key = keyOf(token);
    if (key === undefined) continue;
    while (at + 1 < lines.length && lines[at + 1]!.start <= place.start) at += 1;
    for (let i = at; i < lines.length && lines[i]!.start < place.end; i++) {
      const { line, start, length } = lines[i]!;
      const begin = Math.max(0, place.start - start);
      const end = Math.min(place.end - start, length, RENDERED_COLUMNS);
      if (begin < end) addSpan(spans, key, line, begin, end);
    }
  }
  return spans;
}

/** The tokens among these lines at which context windows start. */
export function windowSpans(routed: RoutedText, lines: readonly Line[]): Span[] {
  const spans = tintSpans(routed, lines, (token) => (routed.windowStarts.has(token) ? token : undefined));
  return [...spans.values()].flat();
}

/** Those of some tokens that are among these lines, each by itself. */
export function singleSpans(routed: RoutedText, lines: readonly Line[], tokens: ReadonlySet<number>): Span[] {
  if (tokens.size === 0) return [];
  const spans = tintSpans(routed, lines, (token) => (tokens.has(token) ? token : undefined));
  return [...spans.values()].flat();
}

function addSpan<K>(spans: Map<K, Span[]>, key: K, line: number, from: number, to: number): void {
  const list = spans.get(key);
  const previous = list?.at(-1);
  if (previous?.line === line && previous.to === from) previous.to = to;
  else if (list) list.push({ line, from, to });
  else spans.set(key, [{ line, from, to }]);
}

import { EndOfLine, Position, type Range, type TextDocument, type TextEditor } from 'vscode';
import { drawnColumns, type Line } from './tintSpans.ts';

/** Lines beyond the visible ones that are tinted too, so that a scroll of a page finds its tint there already. */
const MARGIN_LINES = 40;
/** Tinted stretches start and end at multiples of this: a scroll within them changes nothing, so nothing is sent. */
const BLOCK_LINES = 32;

/**
 * What is to be tinted in an editor: the visible stretches (folding makes several) with their margins, none overlapping. A line that is
 * drawn in part ends its stretch, and so does the one before it.
 */
export function visibleLines({ document, visibleRanges }: TextEditor): Line[][] {
  const stretches: Line[][] = [];
  let next = 0;
  for (const range of visibleRanges) {
    const first = Math.max(next, Math.floor((range.start.line - MARGIN_LINES) / BLOCK_LINES) * BLOCK_LINES);
    const beyond = Math.ceil((range.end.line + MARGIN_LINES) / BLOCK_LINES) * BLOCK_LINES;
    const last = Math.min(document.lineCount, beyond) - 1;
    stretches.push(...stretchesOf(document, first, last, range));
    next = Math.max(next, last + 1);
  }
  return stretches;
}

/** Document offset of what stands in the middle of an editor: where a line begins, or within one that is wrapped. */
export function middleInSight({ document, visibleRanges }: TextEditor): number | undefined {
  const linesOf = ({ start, end }: Range): number => end.line - start.line + 1;
  let before = (visibleRanges.reduce((lines, range) => lines + linesOf(range), 0) - 1) >> 1;
  for (const range of visibleRanges) {
    if (before < linesOf(range)) return document.offsetAt(middleOf(document, range, range.start.line + before));
    before -= linesOf(range);
  }
  return undefined;
}

/** Of a line that is in sight whole, where it begins: how much of it fits beside each other is not known. */
function middleOf(document: TextDocument, { start, end }: Range, line: number): Position {
  const { length } = document.lineAt(line).text;
  const from = line === start.line ? start.character : 0;
  const to = line === end.line ? end.character : length;
  return new Position(line, from > 0 || to < length ? (from + to) >> 1 : 0);
}

/** One call to find the first line's offset; the others follow by their lengths. */
function stretchesOf(document: TextDocument, first: number, last: number, visible: Range): Line[][] {
  const stretches: Line[][] = [];
  let stretch: Line[] = [];
  const eolLength = document.eol === EndOfLine.CRLF ? 2 : 1;
  let start = first <= last ? document.offsetAt(document.lineAt(first).range.start) : 0;
  for (let line = first; line <= last; line++) {
    const { length } = document.lineAt(line).text;
    const { from, to } = drawnColumns(line, length, visible);
    if (from > 0) stretch = [];
    if (stretch.length === 0) stretches.push(stretch);
    stretch.push({ line, start, from, to });
    if (to < length) stretch = [];
    start += length + eolLength;
  }
  return stretches;
}

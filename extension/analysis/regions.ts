/** Regions of a text: equal parts of its tokens, or what headings, blank lines and definitions make of it. */
import * as l10n from '@vscode/l10n';
import type { TokenColumns } from '../protocol/trace.ts';

export const DIVISIONS = ['parts', 'paragraphs', 'headings', 'functions'] as const;
export type Division = (typeof DIVISIONS)[number];

/** More are joined with their neighbours: nobody compares more rows than that. */
export const MOST_REGIONS = 40;

const PARTS = 20;
/** Fewer tokens make no part of their own. */
const LEAST_TOKENS = 8;

/** Tokens [from, to) of a text. */
export interface Region {
  /** What it begins with, or which part it is. */
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The regions of tokens [0, routed), in order, all tokens being in one of them. A text that has none of the kind is one region.
 * Offsets of tokens are UTF-16 units of the text.
 */
export function regionsOf(text: string, tokens: TokenColumns, routed: number, division: Division): Region[] {
  if (division === 'parts') return parts(routed);
  const starts = startsOf(text, division);
  const regions: Region[] = [];
  let from = 0;
  for (const [i, start] of starts.entries()) {
    // A token that begins before and ends after belongs to the region that most begin in: the next one.
    let to = from;
    const end = starts[i + 1] ?? Infinity;
    while (to < routed && tokens.end[to]! <= end) to += 1;
    if (to > from) regions.push({ label: firstLine(text.slice(start, start + 200)), from, to });
    from = to;
  }
  return joined(regions);
}

/** The division that says most about a text: by definitions or headings where it has some. */
export function naturalDivision(text: string): Division {
  if (startsOf(text, 'functions').length > 2) return 'functions';
  if (startsOf(text, 'headings').length > 2) return 'headings';
  return startsOf(text, 'paragraphs').length > 2 ? 'paragraphs' : 'parts';
}

function parts(routed: number): Region[] {
  const count = Math.max(1, Math.min(PARTS, Math.floor(routed / LEAST_TOKENS)));
  return Array.from({ length: count }, (_, i) => ({
    label: l10n.t`part ${i + 1}`,
    from: Math.floor((i * routed) / count),
    to: Math.floor(((i + 1) * routed) / count),
  }));
}

const HEADING = /^#{1,6} \S/;
/** A definition that is not inside another: at the beginning of its line, with what languages write in front of it. */
const DEFINITION =
  /^(?:(?:export|default|declare|async|pub(?:\([^)]*\))?|public|private|protected|internal|static|abstract|final|unsafe|sealed) +)*(?:function\*?|class|def|fn|func|fun|interface|enum|struct|trait|impl|type|module|namespace|object|record|sub|proc)\b/;
const FENCE = /^\s*(?:```|~~~)/;

/** Offsets at which regions begin; the first is 0. What stands between fences is no heading and no definition. */
function startsOf(text: string, division: Exclude<Division, 'parts'>): number[] {
  const starts = [0];
  let fenced = false;
  let blank = false;
  let offset = 0;
  for (const line of text.split('\n')) {
    if (FENCE.test(line)) fenced = !fenced;
    const begins =
      division === 'paragraphs'
        ? blank && line.trim() !== ''
        : !fenced && (division === 'headings' ? HEADING : DEFINITION).test(line);
    if (begins && offset > 0) starts.push(offset);
    blank = line.trim() === '';
    offset += line.length + 1;
  }
  return starts;
}

function firstLine(text: string): string {
  const line = text.trimStart().split('\n', 1)[0]!.trimEnd();
  return line.length > 40 ? `${line.slice(0, 40)}…` : line;
}

/** As many neighbours in one as it takes to have few regions. */
function joined(regions: readonly Region[]): Region[] {
  const size = Math.ceil(regions.length / MOST_REGIONS);
  if (size <= 1) return [...regions];
  return Array.from({ length: Math.ceil(regions.length / size) }, (_, i) => {
    const group = regions.slice(i * size, (i + 1) * size);
    const first = group[0]!;
    const label = group.length > 1 ? l10n.t`${first.label} and ${group.length - 1} more` : first.label;
    return { label, from: first.from, to: group.at(-1)!.to };
  });
}

/** Which experts of a layer work together, which follow each other, and on which tokens an expert weighs most. */
import { NO_EXPERT, type LayerShape, type LayerTrace, type TokenColumns } from '../../protocol/trace.ts';

/** Typical tokens kept of an expert; each of another token id. */
export const TYPICAL_TOKENS = 8;
/** UTF-16 units of text kept on either side of a typical token. */
const CONTEXT = 32;
/** Longest text of a token that is kept. */
const LONGEST_TOKEN = 64;
/** Most entries of all layers' matrices of one kind: 64 MB of counts. Larger models go without. */
const MOST_PAIRS = 2 ** 24;

/** An occurrence of a token on which an expert weighed much. */
export interface TypicalToken {
  readonly id: number;
  readonly weight: number;
  /** Index among the files; 0 for a single text. */
  readonly file: number;
  /** UTF-16 range in the file's text. */
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly text: string;
  readonly after: string;
}

/** Counts of experts that act together. E × E, row by row. */
export interface PairCounts {
  /** Tokens for which both experts were chosen, N_ij, at [i·E + j] and at [j·E + i]. */
  readonly all: Uint32Array;
  /** The same, counting only pairs that follow each other by weight. */
  readonly adjacent: Uint32Array;
  /** Tokens whose top expert is i here and j at the next MoE layer, at [i·E' + j]; absent at the last layer. */
  readonly next?: Uint32Array;
}

/** What is known of a layer beyond its counts. */
export interface LayerPatterns {
  readonly shape: LayerShape;
  /** Tokens for which each expert was chosen, N_i, and for which it came first; [E]. */
  readonly chosen: Float64Array;
  readonly first: Float64Array;
  /** Absent where the model is too large for it. */
  readonly pairs?: PairCounts;
  /** By expert; highest weight first. */
  readonly typical: TypicalToken[][];
}

/** @param pairs whether pairs are to be counted: E² entries a matrix */
export function emptyPatterns(shape: LayerShape, next: LayerShape | undefined, pairs: boolean): LayerPatterns {
  const { experts } = shape;
  const matrix = (columns: number): Uint32Array => new Uint32Array(experts * columns);
  return {
    shape,
    chosen: new Float64Array(experts),
    first: new Float64Array(experts),
    ...(pairs
      ? { pairs: { all: matrix(experts), adjacent: matrix(experts), ...(next ? { next: matrix(next.experts) } : {}) } }
      : {}),
    typical: Array.from({ length: experts }, () => []),
  };
}

/** Whether pairs of all layers fit. */
export function pairsFit(shapes: readonly LayerShape[]): boolean {
  return shapes.reduce((sum, { experts }) => sum + experts ** 2, 0) <= MOST_PAIRS;
}

/** Tokens [0, routed) of a text, or of a file of a folder. */
export interface TextTokens {
  readonly file: number;
  readonly text: string;
  readonly tokens: TokenColumns;
  readonly routed: number;
}

/** Counts a text's tokens at a layer. `next` is the next MoE layer of the same trace. */
export function addPatterns(
  to: LayerPatterns,
  layer: LayerTrace,
  next: LayerTrace | undefined,
  text: TextTokens,
): void {
  const { experts, k, candidates, chosen, weight } = layer;
  const { pairs } = to;
  for (let t = 0; t < text.routed; t++) {
    const row = t * candidates;
    for (let j = 0; j < k; j++) {
      const e = chosen[row + j]!;
      if (e === NO_EXPERT) continue;
      to.chosen[e]! += 1;
      if (j === 0) to.first[e]! += 1;
      keep(to.typical[e]!, text, t, weight[row + j]!);
      if (!pairs) continue;
      for (let i = 0; i < j; i++) {
        const other = chosen[row + i]!;
        if (other === NO_EXPERT) continue;
        pairs.all[e * experts + other]! += 1;
        pairs.all[other * experts + e]! += 1;
        if (i < j - 1) continue;
        pairs.adjacent[e * experts + other]! += 1;
        pairs.adjacent[other * experts + e]! += 1;
      }
    }
    if (!next || !pairs?.next) continue;
    const [here, there] = [chosen[row]!, next.chosen[t * next.candidates]!];
    if (here !== NO_EXPERT && there !== NO_EXPERT) pairs.next[here * next.experts + there]! += 1;
  }
}

/** Keeps an occurrence if it is among the heaviest, each of another token id. */
function keep(typical: TypicalToken[], { file, text, tokens }: TextTokens, t: number, weight: number): void {
  const id = tokens.ids[t]!;
  // What others recorded may lack weights, or ids.
  if (Number.isNaN(weight) || id < 0) return;
  if (typical.length === TYPICAL_TOKENS && weight <= typical[TYPICAL_TOKENS - 1]!.weight) return;
  const same = typical.findIndex((token) => token.id === id);
  if (same >= 0 && typical[same]!.weight >= weight) return;
  if (same >= 0) typical.splice(same, 1);
  else if (typical.length === TYPICAL_TOKENS) typical.pop();
  const [start, end] = [tokens.start[t]!, tokens.end[t]!];
  const at = typical.findIndex((token) => token.weight < weight);
  typical.splice(at < 0 ? typical.length : at, 0, {
    ...{ id, weight, file, start, end },
    before: text.slice(Math.max(0, start - CONTEXT), start),
    text: text.slice(start, Math.min(end, start + LONGEST_TOKEN)),
    after: text.slice(end, end + CONTEXT),
  });
}

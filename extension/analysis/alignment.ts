/** Which tokens of two runs are the same piece of text: of other tokenizers, and of texts that were edited in between. */
import type { RoutingTrace, TokenColumns } from '../protocol/trace.ts';
import { commonStretches, type Stretch } from './textDiff.ts';
import { hasPlaces } from './tokenKinds.ts';

export interface AlignedText {
  /** Undefined where only offsets are known; then both texts must be the same. */
  readonly text: string | undefined;
  readonly trace: Pick<RoutingTrace, 'tokens' | 'routed'>;
}

/** Token a[i] of the one is token b[i] of the other; both rise. */
export interface Alignment {
  readonly a: Uint32Array;
  readonly b: Uint32Array;
}

/**
 * Tokens with routing that begin and end at the same characters of what the texts have in common. Where they stand nowhere in a
 * text, those from the first on whose ids are the same.
 */
export function alignTokens(a: AlignedText, b: AlignedText): Alignment {
  if (!hasPlaces(a.trace.tokens) || !hasPlaces(b.trace.tokens)) return alignIds(a.trace, b.trace);
  const whole = [{ a: 0, b: 0, length: Infinity }];
  const stretches = a.text === undefined || b.text === undefined ? whole : commonStretches(a.text, b.text);
  const pairs: { readonly a: number[]; readonly b: number[] } = { a: [], b: [] };
  let i = 0;
  let j = 0;
  for (const stretch of stretches) {
    i = firstFrom(a.trace, i, stretch.a);
    j = firstFrom(b.trace, j, stretch.b);
    [i, j] = alignStretch(a.trace, b.trace, stretch, i, j, pairs);
  }
  return { a: Uint32Array.from(pairs.a), b: Uint32Array.from(pairs.b) };
}

function alignIds(a: AlignedText['trace'], b: AlignedText['trace']): Alignment {
  const routed = Math.min(a.routed, b.routed);
  let same = 0;
  while (same < routed && a.tokens.ids[same]! >= 0 && a.tokens.ids[same] === b.tokens.ids[same]) same += 1;
  const tokens = new Uint32Array(same).map((_, t) => t);
  return { a: tokens, b: tokens };
}

function firstFrom({ tokens, routed }: AlignedText['trace'], from: number, offset: number): number {
  let token = from;
  while (token < routed && tokens.start[token]! < offset) token += 1;
  return token;
}

function alignStretch(
  a: AlignedText['trace'],
  b: AlignedText['trace'],
  stretch: Stretch,
  fromA: number,
  fromB: number,
  pairs: { readonly a: number[]; readonly b: number[] },
): [number, number] {
  let i = fromA;
  let j = fromB;
  const inside = ({ end }: TokenColumns, token: number, start: number): boolean =>
    end[token]! <= start + stretch.length;
  while (i < a.routed && j < b.routed && inside(a.tokens, i, stretch.a) && inside(b.tokens, j, stretch.b)) {
    const starts = a.tokens.start[i]! - stretch.a - (b.tokens.start[j]! - stretch.b);
    const ends = a.tokens.end[i]! - stretch.a - (b.tokens.end[j]! - stretch.b);
    if (starts === 0 && ends === 0) {
      pairs.a.push(i++);
      pairs.b.push(j++);
    } else if (ends < 0 || (ends === 0 && starts < 0)) i += 1;
    else j += 1;
  }
  return [i, j];
}

import type { TokenColumns } from '../protocol/trace.ts';

/**
 * Finds tokens by text offset in logarithmic time. Ranges mostly ascend, but need not: special tokens have empty ranges,
 * often at 0, and the bytes of one character share theirs. So the searches run over two columns that do ascend: the
 * largest end so far, and the smallest start still to come.
 */
export class TokenIndex {
  readonly #tokens: Pick<TokenColumns, 'start' | 'end'>;
  readonly #endSoFar: Uint32Array;
  readonly #startToCome: Uint32Array;

  constructor(tokens: Pick<TokenColumns, 'start' | 'end'>) {
    const { start, end } = tokens;
    const count = start.length;
    this.#tokens = tokens;
    this.#endSoFar = new Uint32Array(count);
    this.#startToCome = new Uint32Array(count);
    for (let t = 0, reach = 0; t < count; t++) {
      reach = Math.max(reach, end[t]!);
      this.#endSoFar[t] = reach;
    }
    for (let t = count - 1, next = 0xffffffff; t >= 0; t--) {
      if (end[t]! > start[t]!) next = Math.min(next, start[t]!);
      this.#startToCome[t] = next;
    }
  }

  get count(): number {
    return this.#endSoFar.length;
  }

  /** End of what the first tokens cover, so many of them. */
  endOf(tokens: number): number {
    return tokens === 0 ? 0 : this.#endSoFar[tokens - 1]!;
  }

  /** First token whose end lies after this offset; the number of tokens when there is none. */
  firstEndingAfter(offset: number): number {
    return firstAbove(this.#endSoFar, offset);
  }

  /** Tokens [from, to) outside which none touches the text [start, end). */
  within(start: number, end: number): { readonly from: number; readonly to: number } {
    const from = firstAbove(this.#endSoFar, start);
    return { from, to: Math.max(from, firstAbove(this.#startToCome, end - 1)) };
  }

  /** Tokens that cover the character at this offset, in order: more than one where a character was split into bytes. */
  at(offset: number): number[] {
    const { start, end } = this.#tokens;
    const { from, to } = this.within(offset, offset + 1);
    const found: number[] = [];
    for (let t = from; t < to; t++) if (start[t]! <= offset && offset < end[t]!) found.push(t);
    return found;
  }

  /** The token under a cursor at this offset: the one that follows it, or else the one that it stands behind. */
  underCursor(offset: number): number | undefined {
    return this.at(offset)[0] ?? (offset > 0 ? this.at(offset - 1)[0] : undefined);
  }
}

/** Index of the first value above the limit in an ascending column. */
function firstAbove(ascending: Uint32Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

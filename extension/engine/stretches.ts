import { LINE_BEGINNING } from '../formats/tokenizerCuts.ts';
import type { TokenRanges } from '../protocol/engine.ts';

/** What is kept, and at most as much of what was before. A program of 40,000 lines takes all of it. */
const KEPT_BYTES = 24e6;
/** Of a stretch: what arrays and an entry take besides what is in them, and its UTF-16 units with their tokens. */
const STRETCH_BYTES = 400;
const UNIT_BYTES = 6;

/**
 * Tokens of texts that are being edited, for tokenizers that `cutsAtLines`: of a text that differs little from the last ones only
 * the stretches that are new are encoded. A stretch goes from the beginning of a line to that of another.
 */
export class Stretches {
  readonly #encode: (text: string) => Promise<TokenRanges>;
  #known = new Map<string, TokenRanges>();
  /** Those of before, until as much text has come again. */
  #older = new Map<string, TokenRanges>();
  #bytes = 0;

  /** @param encode gives a text's tokens without special ones */
  constructor(encode: (text: string) => Promise<TokenRanges>) {
    this.#encode = encode;
  }

  /** The same as of `encode`. */
  async encode(text: string): Promise<TokenRanges> {
    const stretches = text.split(LINE_BEGINNING);
    if (STRETCH_BYTES * stretches.length + UNIT_BYTES * text.length > KEPT_BYTES) return this.#encode(text);
    const parts = stretches.map((stretch) => this.#known.get(stretch) ?? this.#older.get(stretch));
    for (let i = 0; i < stretches.length; i++) {
      if (parts[i]) continue;
      // All in a row that are new go together.
      let next = i + 1;
      while (next < stretches.length && !parts[next]) next += 1;
      const row = stretches.slice(i, next);
      for (const part of cut(await this.#encode(row.join('')), row)) parts[i++] = part;
    }
    for (const [i, stretch] of stretches.entries()) this.#keep(stretch, parts[i]!);
    return joined(
      parts as TokenRanges[],
      stretches.map(({ length }) => length),
    );
  }

  #keep(stretch: string, tokens: TokenRanges): void {
    if (this.#known.has(stretch)) return;
    // A part of a string keeps the whole string in memory, here each text that there ever was: a copy does not.
    this.#known.set(Buffer.from(stretch, 'utf16le').toString('utf16le'), tokens);
    this.#bytes += STRETCH_BYTES + UNIT_BYTES * stretch.length;
    if (this.#bytes <= KEPT_BYTES) return;
    this.#older = this.#known;
    this.#known = new Map();
    this.#bytes = 0;
  }
}

/** The tokens of each of the stretches that a text consists of, ranges from the stretch's own beginning on. */
function cut({ ids, start, end }: TokenRanges, stretches: readonly string[]): TokenRanges[] {
  let [token, at] = [0, 0];
  return stretches.map((stretch) => {
    const [first, from] = [token, at];
    at += stretch.length;
    while (token < ids.length && start[token]! < at) token += 1;
    const own = (units: Uint32Array): Uint32Array => units.slice(first, token).map((unit) => unit - from);
    return { ids: ids.slice(first, token), start: own(start), end: own(end) };
  });
}

/** @param units how far the ranges of what follows each part move on */
export function joined(parts: readonly TokenRanges[], units: readonly number[]): TokenRanges {
  const tokens = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  const all = { ids: new Int32Array(tokens), start: new Uint32Array(tokens), end: new Uint32Array(tokens) };
  let [token, at] = [0, 0];
  for (const [i, { ids, start, end }] of parts.entries()) {
    all.ids.set(ids, token);
    for (let t = 0; t < ids.length; t++) {
      all.start[token + t] = at + start[t]!;
      all.end[token + t] = at + end[t]!;
    }
    token += ids.length;
    at += units[i]!;
  }
  return all;
}

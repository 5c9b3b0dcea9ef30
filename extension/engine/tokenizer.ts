import * as l10n from '@vscode/l10n';
import { join } from 'node:path';
import type { Tokenizer as NativeTokenizer } from 'tokenizers';
import { visibleText } from '../analysis/tokenText.ts';
import type { Continuation, TokenRanges } from '../protocol/engine.ts';
import { messageOf, UserError } from '../protocol/errors.ts';
import { openTokenizer, type OpenTokenizer } from './openTokenizers.ts';
import { joined, Stretches } from './stretches.ts';

/** Tokens before others that are decoded with them: some decoders drop a space at the beginning. */
const CONTEXT_TOKENS = 8;
/** What decoders put where a character is not complete. */
export const INCOMPLETE = '\ufffd';
/** A character has 4 bytes at most. */
const MOST_BYTES = 4;

/** A checkpoint's tokenizer.json, read by Hugging Face's own implementation. */
export class Tokenizer {
  readonly #native: NativeTokenizer;
  readonly #vocabulary: number;
  /** Of texts that are being edited; undefined where the tokenizer does not allow it. */
  readonly #stretches: Stretches | undefined;
  /** Special tokens around each text; undefined where that cannot be told. */
  #around: Promise<readonly [before: TokenRanges, after: TokenRanges] | undefined> | undefined;

  private constructor({ native, cutsAtLines }: OpenTokenizer, vocabulary: number) {
    this.#native = native;
    this.#vocabulary = vocabulary;
    if (cutsAtLines) this.#stretches = new Stretches((text) => this.#encode(text, false));
  }

  /**
   * @param vocabulary rows of the model's embedding: an id beyond them belongs to another model
   * @throws UserError `tokenizer-missing`, `tokenizer-invalid`
   */
  static async open(folder: string, vocabulary: number): Promise<Tokenizer> {
    return new Tokenizer(await openTokenizer(join(folder, 'tokenizer.json')), vocabulary);
  }

  /** Encodes a text with the special tokens that the tokenizer adds. Throws UserError `tokenizer-invalid`. */
  encode(text: string): Promise<TokenRanges> {
    return this.#encode(text, true);
  }

  /** The same, for a text that is being edited: what others like it have had is not encoded again. Throws as that does. */
  async encodeEdited(text: string): Promise<TokenRanges> {
    if (!this.#stretches) return this.encode(text);
    this.#around ??= this.#specialTokens();
    const around = await this.#around;
    if (!around) return this.encode(text);
    const [before, after] = around;
    const own = await this.#stretches.encode(text);
    if (before.ids.length + after.ids.length === 0) return own;
    // Special tokens stand for no text.
    return joined([before, own, after], [0, 0, 0]);
  }

  async #encode(text: string, addSpecialTokens: boolean): Promise<TokenRanges> {
    let ids: number[];
    let offsets: number[][];
    try {
      const encoding = await this.#native.encode(text, null, { addSpecialTokens });
      ids = encoding.getIds();
      offsets = encoding.getOffsets();
    } catch (error) {
      throw new UserError('tokenizer-invalid', l10n.t`The tokenizer failed on this text: ${messageOf(error)}.`, {
        cause: error,
      });
    }
    const foreign = ids.find((id) => id >= this.#vocabulary);
    if (foreign !== undefined) {
      const token = visibleText(this.#native.idToToken(foreign) ?? '');
      throw new UserError(
        'tokenizer-invalid',
        l10n.t`The tokenizer gives ${token} the id ${foreign}, but the model has only ${this.#vocabulary}: tokenizer.json is of another model, or the token was added to it and not to the model.`,
      );
    }
    const toUtf16 = utf16Offsets(text);
    const [start, end] = [new Uint32Array(ids.length), new Uint32Array(ids.length)];
    // `from` with a function takes twenty times as long.
    for (let token = 0; token < ids.length; token++) {
      const [from, to] = offsets[token] as [number, number];
      start[token] = toUtf16(from);
      end[token] = toUtf16(to);
    }
    takeIn(text, start, end);
    return { ids: Int32Array.from(ids), start, end };
  }

  async #specialTokens(): Promise<readonly [TokenRanges, TokenRanges] | undefined> {
    const { ids, start, end } = await this.#encode('a', true);
    const { ids: bare } = await this.#encode('a', false);
    if (bare.length === 0) return undefined;
    const part = (from: number, to?: number): TokenRanges => {
      return { ids: ids.slice(from, to), start: start.slice(from, to), end: end.slice(from, to) };
    };
    const before = end.findIndex((unit) => unit > 0);
    return [part(0, before), part(before + bare.length)];
  }

  /** Tells the text that tokens add to that of others, special ones included. */
  async adding(before: Int32Array | readonly number[]): Promise<(ids: readonly number[]) => Promise<string>> {
    let context: number[];
    let known: string;
    // Some decoders take bytes in a row for no text at all where the row begins within a character.
    let tokens = CONTEXT_TOKENS;
    do {
      context = Array.from(before.slice(-tokens));
      known = await this.#native.decode(context, false);
      tokens += 1;
    } while (known.startsWith(INCOMPLETE) && tokens < CONTEXT_TOKENS + MOST_BYTES);
    return async (ids) => {
      const all = await this.#native.decode([...context, ...ids], false);
      // Bytes of a character that begins before the new tokens and ends in them show up in neither.
      let same = 0;
      while (same < known.length && known[same] === all[same]) same += 1;
      // A row that ends within a character is no text either, nor what was known of it.
      const spoilt = all[same] === INCOMPLETE && same < known.length && known[same] !== INCOMPLETE;
      return spoilt ? this.#native.decode([...ids], false) : all.slice(same);
    };
  }

  /** Whether a token stands for no text: the end of one, say. */
  async isSpecial(id: number): Promise<boolean> {
    return (await this.#native.decode([id], true)) === '' && (await this.#native.decode([id], false)) !== '';
  }

  /**
   * The text of generated tokens, which follows one of `offset` UTF-16 units. Each token of a character has all of it, as where a
   * text is encoded.
   *
   * @param before tokens that they go on from
   */
  async decode(ids: readonly number[], offset: number, before: Int32Array | readonly number[]): Promise<Continuation> {
    const addedText = await this.adding(before);
    const longer: string[] = [];
    for (let i = 0; i < ids.length; i++) longer.push(await addedText(ids.slice(0, i + 1)));
    const text = longer.at(-1) ?? '';
    const start = new Uint32Array(ids.length);
    const end = new Uint32Array(ids.length);
    let complete = 0;
    for (const [i, own] of longer.entries()) {
      start[i] = offset + Math.min(complete, text.length);
      let to = own.length;
      while (own[to - 1] === INCOMPLETE) to -= 1;
      complete = Math.max(complete, to);
      const [next = ''] = to < own.length ? text.slice(complete, complete + 2) : '';
      end[i] = offset + Math.min(complete + next.length, text.length);
    }
    return { text, start, end };
  }
}

/** What is put together with the character before it: marks, the later letters of Hangul syllables, those of voice. */
const MARKS = /[\p{M}\u1160-\u11ff\uff9e\uff9f]+/uy;

/** Lengthens ranges by the marks after them that are in no range, as those are that a normalizer puts together with the character before. */
function takeIn(text: string, start: Uint32Array, end: Uint32Array): void {
  let [next, own, whole] = [text.length, 0, 0];
  for (let token = end.length - 1; token >= 0; token--) {
    if (start[token] === end[token]) continue;
    if (end[token] !== own) {
      own = whole = end[token]!;
      MARKS.lastIndex = own;
      if (own < next && MARKS.test(text)) whole = Math.min(MARKS.lastIndex, next);
    }
    end[token] = whole;
    next = Math.min(next, start[token]!);
  }
}

/** Turns offsets in code points, as the tokenizer counts, into UTF-16 units, as JavaScript does. */
export function utf16Offsets(text: string): (codePoint: number) => number {
  // Index, in code points, of each character that takes two units.
  const wide: number[] = [];
  let codePoints = 0;
  // Not by codePointAt: optimized by V8 13.6 it looks beyond the end of a string that is a part of another.
  for (const character of text) {
    if (character.length > 1) wide.push(codePoints);
    codePoints += 1;
  }
  if (wide.length === 0) return (codePoint) => codePoint;
  return (codePoint) => {
    let low = 0;
    let high = wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (wide[middle]! < codePoint) low = middle + 1;
      else high = middle;
    }
    return codePoint + low;
  };
}

import * as l10n from '@vscode/l10n';
import { join } from 'node:path';
import type { Tokenizer as NativeTokenizer } from 'tokenizers';
import type { Continuation, TokenRanges } from '../protocol/engine.ts';
import { messageOf, UserError } from '../protocol/errors.ts';
import { openTokenizer } from './openTokenizers.ts';

/** A checkpoint's tokenizer.json, read by Hugging Face's own implementation. */
export class Tokenizer {
  readonly #native: NativeTokenizer;
  readonly #vocabulary: number;

  private constructor(native: NativeTokenizer, vocabulary: number) {
    this.#native = native;
    this.#vocabulary = vocabulary;
  }

  /**
   * @param vocabulary rows of the model's embedding: an id beyond them belongs to another model
   * @throws UserError `tokenizer-missing`, `tokenizer-invalid`
   */
  static async open(folder: string, vocabulary: number): Promise<Tokenizer> {
    return new Tokenizer(await openTokenizer(join(folder, 'tokenizer.json')), vocabulary);
  }

  /** Encodes a text with the special tokens that the tokenizer adds. Throws UserError `tokenizer-invalid`. */
  async encode(text: string): Promise<TokenRanges> {
    let ids: number[];
    let offsets: number[][];
    try {
      const encoding = await this.#native.encode(text);
      ids = encoding.getIds();
      offsets = encoding.getOffsets();
    } catch (error) {
      throw new UserError('tokenizer-invalid', l10n.t`The tokenizer failed on this text: ${messageOf(error)}.`, {
        cause: error,
      });
    }
    const foreign = ids.find((id) => id >= this.#vocabulary);
    if (foreign !== undefined) {
      throw new UserError(
        'tokenizer-invalid',
        l10n.t`The tokenizer gives the token id ${foreign}, but the model has only ${this.#vocabulary}: tokenizer.json is of another model.`,
      );
    }
    const toUtf16 = utf16Offsets(text);
    const [start, end] = [new Uint32Array(ids.length), new Uint32Array(ids.length)];
    // Live does this with the whole text on every key; `from` with a function takes twenty times as long.
    for (let token = 0; token < ids.length; token++) {
      const [from, to] = offsets[token] as [number, number];
      start[token] = toUtf16(from);
      end[token] = toUtf16(to);
    }
    return { ids: Int32Array.from(ids), start, end };
  }

  /** The text of tokens, special ones included. */
  textOf(ids: readonly number[]): Promise<string> {
    return this.#native.decode([...ids], false);
  }

  /** Whether a token stands for no text: the end of one, say. */
  async isSpecial(id: number): Promise<boolean> {
    return (await this.#native.decode([id], true)) === '' && (await this.#native.decode([id], false)) !== '';
  }

  /**
   * The text of generated tokens, which follows one of `offset` UTF-16 units. A token that ends inside a character gets the
   * range up to there; the one that completes it, the character.
   */
  async decode(ids: readonly number[], offset: number): Promise<Continuation> {
    const start = new Uint32Array(ids.length);
    const end = new Uint32Array(ids.length);
    let text = '';
    for (let i = 0; i < ids.length; i++) {
      const longer = await this.#native.decode(ids.slice(0, i + 1), false);
      start[i] = offset + Math.min(text.length, longer.length);
      end[i] = offset + longer.length;
      text = longer;
    }
    return { text, start, end };
  }
}

/** Turns offsets in code points, as the tokenizer counts, into UTF-16 units, as JavaScript does. */
export function utf16Offsets(text: string): (codePoint: number) => number {
  // Index, in code points, of each character that takes two units.
  const wide: number[] = [];
  let codePoints = 0;
  for (let i = 0; i < text.length; i++, codePoints++) {
    if ((text.codePointAt(i) ?? 0) > 0xffff) {
      wide.push(codePoints);
      i++;
    }
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

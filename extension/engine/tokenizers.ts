import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenizeParams, TokenRanges } from '../protocol/engine.ts';
import { Tokenizer } from './tokenizer.ts';

/** Tokenizers without models. The one used last stays open: reading a large one takes a second. */
export class Tokenizers {
  #last: { readonly key: string; readonly tokenizer: Tokenizer } | undefined;

  /** Throws UserError `tokenizer-missing`, `tokenizer-invalid`. */
  async encode({ folder, vocabulary, text }: TokenizeParams): Promise<TokenRanges> {
    const file = await stat(join(folder, 'tokenizer.json')).catch(() => undefined);
    const key = JSON.stringify([folder, vocabulary, file?.mtimeMs, file?.size]);
    if (this.#last?.key !== key) this.#last = { key, tokenizer: await Tokenizer.open(folder, vocabulary) };
    return this.#last.tokenizer.encode(text);
  }
}

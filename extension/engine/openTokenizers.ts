import * as l10n from '@vscode/l10n';
import { stat } from 'node:fs/promises';
import { Tokenizer } from 'tokenizers';
import { readJsonObject } from '../formats/json.ts';
import { cutsAtLines } from '../formats/tokenizerCuts.ts';
import { refuseFatal } from '../formats/tokenizerJson.ts';
import { messageOf, UserError } from '../protocol/errors.ts';

/** The largest known tokenizer.json has some 40 MB. */
const MOST_BYTES = 200_000_000;
/** Bytes of the files whose tokenizers stay open; the one used last stays, whatever its size. */
const KEPT_BYTES = 32_000_000;

export interface OpenTokenizer {
  readonly native: Tokenizer;
  readonly cutsAtLines: boolean;
}

/**
 * By file and its state, the one used last at the end. To read a large one takes a second. And of each tokenizer that was ever
 * used, each thread of the library keeps up to 10,000 words that it has met, even when the tokenizer has gone: opened anew with
 * each model, they would grow without end.
 */
const open = new Map<string, { readonly tokenizer: OpenTokenizer; readonly bytes: number }>();

/** The tokenizer of a file, which others may use as well. Throws UserError `tokenizer-missing`, `tokenizer-invalid`. */
export async function openTokenizer(path: string): Promise<OpenTokenizer> {
  const file = await stat(path).catch(() => undefined);
  const key = JSON.stringify([path, file?.mtimeMs, file?.size]);
  const known = open.get(key) ?? { tokenizer: await read(path), bytes: file?.size ?? 0 };
  open.delete(key);
  open.set(key, known);
  let bytes = [...open.values()].reduce((sum, each) => sum + each.bytes, 0);
  for (const [oldest, each] of open) {
    if (bytes <= KEPT_BYTES || oldest === key) break;
    open.delete(oldest);
    bytes -= each.bytes;
  }
  return known.tokenizer;
}

async function read(path: string): Promise<OpenTokenizer> {
  const codes = { missing: 'tokenizer-missing', invalid: 'tokenizer-invalid' } as const;
  const json = await readJsonObject(path, MOST_BYTES, codes);
  refuseFatal(json);
  try {
    const native = Tokenizer.fromFile(path);
    // A tokenizer.json may ask for cut or padded texts; transformers ignores that, too.
    native.disableTruncation();
    native.disablePadding();
    return { native, cutsAtLines: cutsAtLines(json) };
  } catch (error) {
    throw new UserError('tokenizer-invalid', l10n.t`${path} cannot be understood: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

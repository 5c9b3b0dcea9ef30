import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { readJsonObject, type JsonObject } from '../formats/json.ts';
import { cutsAtLines } from '../formats/tokenizerCuts.ts';
import { refuseFatal } from '../formats/tokenizerJson.ts';
import { isUserError, messageOf, UserError } from '../protocol/errors.ts';

/** The largest known tokenizer.json has some 40 MB. */
const MOST_BYTES = 200_000_000;
/** Bytes of the files whose tokenizers stay open; the one used last stays, whatever its size. */
const KEPT_BYTES = 32_000_000;

/** Files that models came with before tokenizer.json, or instead: of SentencePiece, tiktoken, Mistral and GPT-2. */
const OTHER_FORM = /^(.+\.(model|tiktoken)|tekken\.json|vocab\.json)$/;

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
  const json = await readJsonObject(path, MOST_BYTES, codes).catch(async (error: unknown) => {
    throw isUserError(error, 'tokenizer-missing') ? ((await inAnotherForm(dirname(path))) ?? error) : error;
  });
  refuseFatal(json);
  try {
    const whole = untrimmed(json);
    const native = whole === json ? Tokenizer.fromFile(path) : Tokenizer.fromString(JSON.stringify(whole));
    // A tokenizer.json may ask for cut or padded texts; transformers ignores that, too.
    native.disableTruncation();
    native.disablePadding();
    return { native, cutsAtLines: cutsAtLines(whole) };
  } catch (error) {
    throw new UserError('tokenizer-invalid', l10n.t`${path} cannot be understood: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

/** What to do where a folder has a tokenizer, but no tokenizer.json. */
async function inAnotherForm(folder: string): Promise<UserError | undefined> {
  const names = await readdir(folder).catch(() => []);
  const other = names.find((name) => OTHER_FORM.test(name));
  if (other === undefined) return undefined;
  return new UserError(
    'tokenizer-missing',
    l10n.t`There is no tokenizer.json in ${folder}, but ${other}: Python's transformers makes one of that with AutoTokenizer.from_pretrained(folder).save_pretrained(folder).`,
  );
}

/**
 * The same tokenizer.json with ranges that have the white space which words begin with, and indentation is. Some, as OLMoE's, leave
 * it out: it would be nobody's in the editor, and tokens that are nothing else would stand nowhere.
 */
function untrimmed(tokenizer: JsonObject): JsonObject {
  const trims = JSON.stringify(tokenizer['post_processor'] ?? null);
  const keeps = trims.replaceAll('"trim_offsets":true', '"trim_offsets":false');
  return keeps === trims ? tokenizer : { ...tokenizer, post_processor: JSON.parse(keeps) as unknown };
}

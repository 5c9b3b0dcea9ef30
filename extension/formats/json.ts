import * as l10n from '@vscode/l10n';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, UserError, type ErrorCode } from '../protocol/errors.ts';
import { refuseLfsPointer } from './lfsPointer.ts';
import { isAbsent, regularFile } from './regularFile.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON file that must hold an object.
 *
 * @param limit most bytes it may have; a larger one is no file of this kind
 * @throws UserError `missing` when there is no such file, `invalid` for anything else that is wrong with it
 */
export async function readJsonObject(
  path: string,
  limit: number,
  codes: { readonly missing: ErrorCode; readonly invalid: ErrorCode },
): Promise<JsonObject> {
  const name = basename(path);
  let text: string;
  try {
    const { size } = await regularFile(path);
    if (size > limit)
      throw new UserError(codes.invalid, l10n.t`${name} has ${size} bytes, which is too large for such a file.`);
    await refuseLfsPointer(path, size, codes.invalid);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (isAbsent(error))
      throw new UserError(codes.missing, l10n.t`There is no ${name} in ${path.slice(0, -name.length - 1)}.`, {
        cause: error,
      });
    throw new UserError(codes.invalid, l10n.t`${path} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new UserError(codes.invalid, l10n.t`${path} is not valid JSON: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  if (!isJsonObject(value)) throw new UserError(codes.invalid, l10n.t`${path} does not hold a JSON object.`);
  return value;
}

/** Throws SyntaxError. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const mended = withoutBareNumbers(text);
    if (mended === text) throw error;
    return JSON.parse(mended);
  }
}

/**
 * JSON has no infinity, but Python's writer does, bare, in the configs of some models. It becomes what transformers 5 writes:
 * {"__float__": "Infinity"}.
 */
function withoutBareNumbers(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  const interesting = /"|-?Infinity|NaN/g;
  for (let found = interesting.exec(text); found; found = interesting.exec(text)) {
    if (found[0] === '"') {
      const end = endOfString(text, found.index);
      if (end < 0) break;
      interesting.lastIndex = end;
    } else {
      pieces.push(text.slice(copied, found.index), JSON.stringify({ __float__: found[0] }));
      copied = interesting.lastIndex;
    }
  }
  return pieces.join('') + text.slice(copied);
}

/** One past the closing quote of the string that begins at a place, or -1. Looks at nothing twice: a file may be all quotes. */
function endOfString(text: string, begin: number): number {
  for (let i = begin + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) return i + 1;
    if (unit === BACKSLASH) i++;
  }
  return -1;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

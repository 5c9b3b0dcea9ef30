/**
 * What tokenizer.json may say that Hugging Face's implementation does not check, and would end the process over: each is
 * refused before it is loaded.
 */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import { isJsonObject, type JsonObject } from './json.ts';

/** @throws UserError `tokenizer-invalid` naming the part at fault */
export function refuseFatal(tokenizer: JsonObject): void {
  const { model, post_processor: processor } = tokenizer;
  if (isJsonObject(model)) refuseMerges(model);
  if (isJsonObject(processor)) refuseTemplates(processor);
}

/** Merging cuts the mark of a word's inner pieces off the second piece, without looking whether it is there. */
function refuseMerges({ continuing_subword_prefix: prefix, merges }: JsonObject): void {
  if (typeof prefix !== 'string' || prefix === '' || !Array.isArray(merges)) return;
  for (const merge of merges as unknown[]) {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const second: unknown = Array.isArray(pair) ? pair[1] : undefined;
    if (typeof second !== 'string' || second.startsWith(prefix)) continue;
    throw invalid(l10n.t`it merges ${quoted(second)}, which lacks the continuing_subword_prefix ${quoted(prefix)}`);
  }
}

/** A template's special tokens are looked up, without looking whether they are there. */
function refuseTemplates(processor: JsonObject): void {
  const all = [processor];
  // It grows while it is gone through: those within others may lie thousands deep.
  for (const { single, pair, special_tokens: known, processors } of all) {
    for (const piece of [single, pair].flat().filter(isJsonObject)) {
      const special = piece['SpecialToken'];
      const id = isJsonObject(special) ? special['id'] : undefined;
      if (typeof id !== 'string' || (isJsonObject(known) && Object.hasOwn(known, id))) continue;
      throw invalid(l10n.t`its template has ${quoted(id)}, which is not among its special_tokens`);
    }
    if (Array.isArray(processors)) for (const inner of processors.filter(isJsonObject)) all.push(inner);
  }
}

function invalid(what: string): UserError {
  return new UserError('tokenizer-invalid', l10n.t`tokenizer.json cannot be used: ${what}.`);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** Whether a tokenizer treats what stands before the beginning of a line and what stands after it each as if it were alone. */
import { isJsonObject, type JsonObject } from './json.ts';

/**
 * The beginnings of lines that this is about: where text follows a line feed, after spaces or not, but for a slash, which o200k takes
 * together with line feeds before it.
 */
export const LINE_BEGINNING = /(?<=\n)(?=[ \t]*[^\s\u0085/]|[ \t]+\/)/u;

/** Takes all that is white up to the last line feed, whatever follows. */
const LINE_FEEDS = String.raw`\s*[\r\n]+`;

/**
 * Alternatives of the patterns that words are found with in models of today (cl100k and o200k, and what was made of them, as by Qwen, Meta and Mistral). None
 * reaches beyond a line feed into what LINE_BEGINNING finds after it, and of what is white none that looks ahead ends at one, as
 * LINE_FEEDS comes before.
 */
const ALTERNATIVES = new Set([
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`,
  ...[String.raw`[^\r\n\p{L}\p{N}]?\p{L}+`, String.raw`[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+`],
  ...['', "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"].flatMap((ending) => [
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+${ending}`,
    String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*${ending}`,
  ]),
  ...[String.raw`\p{N}`, String.raw`\p{N}{1,3}`],
  ...[String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`, String.raw` ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*`],
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*`,
  ...[LINE_FEEDS, String.raw`\s+(?!\S)`, String.raw`\s+`],
]);

/** @param tokenizer a tokenizer.json */
export function cutsAtLines({ normalizer, pre_tokenizer, model, post_processor, added_tokens }: JsonObject): boolean {
  if (normalizer !== null && !(isJsonObject(normalizer) && normalizer['type'] === 'NFC')) return false;
  if (!isJsonObject(model) || model['type'] !== 'BPE' || model['dropout']) return false;
  const added = Array.isArray(added_tokens) ? (added_tokens as unknown[]) : [];
  return findsWords(pre_tokenizer) && keepsRanges(post_processor) && added.every(staysInLine);
}

/** Words are found by known alternatives, which then become bytes. */
function findsWords(pre: unknown): boolean {
  const steps = isJsonObject(pre) && pre['type'] === 'Sequence' ? pre['pretokenizers'] : undefined;
  if (!Array.isArray(steps) || steps.length !== 2) return false;
  const [split, bytes] = steps as unknown[];
  if (!isJsonObject(split) || !isJsonObject(bytes)) return false;
  const pattern = isJsonObject(split['pattern']) ? split['pattern']['Regex'] : undefined;
  if (split['type'] !== 'Split' || split['behavior'] !== 'Isolated' || split['invert'] !== false) return false;
  if (bytes['type'] !== 'ByteLevel' || bytes['add_prefix_space'] !== false || bytes['use_regex'] !== false)
    return false;
  if (typeof pattern !== 'string') return false;
  const alternatives = alternativesOf(pattern);
  const feeds = alternatives.indexOf(LINE_FEEDS);
  const white = alternatives.findIndex((each) => each.startsWith(String.raw`\s+`));
  return feeds >= 0 && (white < 0 || feeds < white) && alternatives.every((each) => ALTERNATIVES.has(each));
}

/** Special tokens may come before and after a text; ranges are not changed. */
function keepsRanges(processor: unknown): boolean {
  if (processor === null) return true;
  if (!isJsonObject(processor)) return false;
  const { type, trim_offsets: trims, processors } = processor;
  if (type === 'Sequence') return Array.isArray(processors) && processors.every(keepsRanges);
  return type === 'TemplateProcessing' || (type === 'ByteLevel' && trims === false);
}

function staysInLine(token: unknown): boolean {
  if (!isJsonObject(token)) return false;
  const { content, lstrip, rstrip } = token;
  return typeof content === 'string' && !content.includes('\n') && lstrip === false && rstrip === false;
}

/** What stands between the outermost bars of a regular expression whose classes have none. */
function alternativesOf(pattern: string): string[] {
  const found: string[] = [];
  let [depth, from] = [0, 0];
  for (let i = 0; i <= pattern.length; i++) {
    if (pattern[i] === '(') depth += 1;
    if (pattern[i] === ')') depth -= 1;
    if (i < pattern.length && (pattern[i] !== '|' || depth > 0)) continue;
    found.push(pattern.slice(from, i));
    from = i + 1;
  }
  return found;
}

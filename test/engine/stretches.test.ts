/** Texts that are edited have the tokens that they have afresh, whatever the tokenizer. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Stretches } from '../../extension/engine/stretches.ts';
import { Tokenizer } from '../../extension/engine/tokenizer.ts';
import { cutsAtLines } from '../../extension/formats/tokenizerCuts.ts';
import type { JsonObject } from '../../extension/formats/json.ts';
import { EditedText } from '../support/liveText.ts';
import { ROOT } from '../support/reference.ts';

const JSON_TEXT = readFileSync(join(ROOT, 'media/demo-models/balanced/tokenizer.json'), 'utf8');
const TEXT = ['router.ts', 'capacity.py', 'essay.md']
  .map((name) => readFileSync(join(ROOT, 'media/samples', name), 'utf8'))
  .join('\n\n// \n\t/* x */\n/\n \u0085\n\ufeff\n');
const EDITS = 100;
const TEXTS = 1500;
/** What patterns treat each in its own way, line feeds above all. */
const PIECES = [
  ...[
    '\n',
    '\n',
    '\n',
    '\r\n',
    '\r',
    ' ',
    '\t',
    '\v',
    '\u0085',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\u200b',
    '/',
    '//',
    '.',
    '{',
  ],
  ...['a', 'Z9', '1', "'s", '\u0308', 'e\u0301', '专', 'ﷺ', '😀', '\ud83d', '\ude00', '<|endoftext|>'],
];

const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
const words = (Regex: string, more: JsonObject = {}): JsonObject => {
  const split = { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false, ...more };
  return { pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] } };
};
const special = { SpecialToken: { id: '<|endoftext|>', type_id: 0 } };
const template = {
  type: 'TemplateProcessing',
  single: [special, { Sequence: { id: 'A', type_id: 0 } }, special],
  pair: [],
  special_tokens: { '<|endoftext|>': { id: '<|endoftext|>', ids: [0], tokens: ['<|endoftext|>'] } },
};
const added = (more: JsonObject): JsonObject => {
  const token = { id: 0, content: '<|endoftext|>', single_word: false, lstrip: false, rstrip: false };
  return { added_tokens: [{ ...token, normalized: false, special: true, ...more }] };
};
// As published with GPT-4, GPT-4o, Qwen3.5, Mistral's tekken and GPT-2.
const CL100K = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const O200K = [
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
].join('|');
const QWEN35 = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const TEKKEN = O200K.replaceAll("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", '').replace('{1,3}', '');
const GPT2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const CUT: readonly (readonly [string, JsonObject])[] = [
  ['the bundled one', {}],
  ['cl100k', words(CL100K)],
  ['o200k', words(O200K)],
  ['Qwen3.5', words(QWEN35)],
  ['tekken', words(TEKKEN)],
  ['a normalizer', { normalizer: { type: 'NFC' } }],
  ['special tokens around', { post_processor: { type: 'Sequence', processors: [bytes, template] } }],
];
const WHOLE: readonly (readonly [string, JsonObject])[] = [
  ['white space whose last goes with the next word', words(GPT2)],
  ['another order of alternatives', words(String.raw`\s+(?!\S)|\s+|\s*[\r\n]+|\p{N}`)],
  ['an alternative that is not known', words(`${CL100K}|.+`)],
  ['words joined with what separates them', words(CL100K, { behavior: 'MergedWithNext' })],
  ['its own pattern', { pre_tokenizer: { ...bytes, use_regex: true } }],
  ['no words', { pre_tokenizer: bytes }],
  ['text changed across lines', { normalizer: { type: 'Replace', pattern: { Regex: '\\n+' }, content: ' ' } }],
  ['ranges without white space', { post_processor: { ...bytes, trim_offsets: true } }],
  ['an added token with a line feed', added({ content: '\nthe' })],
  ['an added token that takes white space', added({ lstrip: true })],
];

const scratch = mkdtempSync(join(tmpdir(), 'moescope-stretches-'));
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

async function open(change: JsonObject): Promise<{ tokenizer: Tokenizer; json: JsonObject }> {
  const json = { ...(JSON.parse(JSON_TEXT) as JsonObject), ...change };
  const folder = mkdtempSync(join(scratch, 'tokenizer-'));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  return { tokenizer: await Tokenizer.open(folder, 8192), json };
}

describe.each(CUT)('%s', (_, change) => {
  it('gives the same tokens after each edit as afresh', async () => {
    const { tokenizer, json } = await open(change);
    expect(cutsAtLines(json)).toBe(true);
    const edited = new EditedText(TEXT, 6000, 7);
    for (let i = 0; i < EDITS; i++) {
      const what = edited.edit();
      expect(await tokenizer.encodeEdited(edited.text), `${i}: ${what}`).toEqual(await tokenizer.encode(edited.text));
    }
  });

  it('gives the same tokens as afresh where lines meet', async () => {
    const { tokenizer } = await open(change);
    const texts = fc.string({ unit: fc.constantFrom(...PIECES), minLength: 4, maxLength: 16 });
    const property = fc.asyncProperty(texts, async (text) => {
      expect(await tokenizer.encodeEdited(text)).toEqual(await tokenizer.encode(text));
    });
    await fc.assert(property, { numRuns: TEXTS, seed: 7 });
  });
});

it.each(WHOLE)('does not cut: %s', async (_, change) => {
  const { tokenizer, json } = await open(change);
  expect(cutsAtLines(json)).toBe(false);
  expect(await tokenizer.encodeEdited(TEXT)).toEqual(await tokenizer.encode(TEXT));
});

it('takes a text of very many lines', async () => {
  const { tokenizer } = await open({});
  const text = 'a\n'.repeat(150_000);
  expect((await tokenizer.encodeEdited(text)).ids).toEqual((await tokenizer.encode(text)).ids);
});

it('encodes what has changed alone', async () => {
  const asked: string[] = [];
  const stretches = new Stretches((text) => {
    asked.push(text);
    const start = Uint32Array.from({ length: text.length }, (_, i) => i);
    return Promise.resolve({ ids: Int32Array.from(start), start, end: start.map((unit) => unit + 1) });
  });
  await stretches.encode('one\n  two\n\nthree\n// four\nfive');
  await stretches.encode('one\n  two!\n\nthree\n// four\nfive');
  await stretches.encode('five\nthree\n// four\none\nsix\nseven');
  await stretches.encode('one\n  two\n\nthree\n// four\nfive');
  expect(asked).toEqual(['one\n  two\n\nthree\n// four\nfive', '  two!\n\n', 'five\n', 'six\nseven']);
});

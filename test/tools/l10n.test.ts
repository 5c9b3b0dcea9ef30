/** Whatever users read is there in every language, and says as much in each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundlePath, languages, sentences, sentencesOf, sourceFiles } from '../../extension/tools/l10n.mjs';
import { readJson, root } from '../../extension/tools/project.mjs';

type Texts = Readonly<Record<string, string>>;

const file = (name: string): string => join(root, name);
/** What must be the same in every language: places for values, code and links to commands. */
const fixed = (text: string): string[] =>
  [...text.matchAll(/\{\d+\}|(?<code>`{1,2})[^`]+\k<code>|\(command:[^)]+\)/gu)].map(([part]) => part).sort();

it('sentences are found however they are written', () => {
  const source = 'l10n.t("one"); l10n.t`two ${a} and ${b.c(`x`)}`; [l10n.t`three ${l10n.t`four`}`]; other.t`five`;';
  expect(sentencesOf(source)).toEqual(['one', 'two {0} and {1}', 'three {0}', 'four']);
});

describe.each(languages)('sentences in %s', (language) => {
  const said = sentences(sourceFiles());
  const bundle = readJson(bundlePath(language)) as Texts;

  it('are there for every sentence of the sources', () => {
    expect(said.filter((sentence) => !bundle[sentence])).toEqual([]);
  });

  it('are there for no sentence that nobody says', () => {
    const known = new Set(said);
    expect(Object.keys(bundle).filter((sentence) => !known.has(sentence))).toEqual([]);
  });

  it('hold the same values and code', () => {
    const translated = Object.entries(bundle).filter(([, translation]) => translation !== '');
    for (const [sentence, translation] of translated) expect(fixed(translation), sentence).toEqual(fixed(sentence));
  });
});

it('bold text ends where Markdown takes it to, which a letter right after its last full stop or bracket is not', () => {
  const parted = languages.flatMap((language) =>
    Object.values({
      ...(readJson(bundlePath(language)) as Texts),
      ...(readJson(file(`package.nls.${language}.json`)) as Texts),
    }).filter((text) => {
      const parts = text.split('**');
      return parts.some((part, i) => i % 2 === 1 && /\p{P}$/u.test(part) && /^[\p{L}\p{N}]/u.test(parts[i + 1] ?? ''));
    }),
  );
  expect(parted).toEqual([]);
});

describe('package.json', () => {
  const english = readJson(file('package.nls.json')) as Texts;

  it('uses every text of package.nls.json, and no other', () => {
    const used = [...readFileSync(file('package.json'), 'utf8').matchAll(/"%(.+)%"/gu)].map(([, key]) => key!);
    expect(used.sort()).toEqual(Object.keys(english).sort());
  });

  it.each(languages)('has the same texts in %s', (language) => {
    const texts = readJson(file(`package.nls.${language}.json`)) as Texts;
    expect(Object.keys(texts).sort()).toEqual(Object.keys(english).sort());
    for (const [key, text] of Object.entries(texts)) {
      expect(text, key).not.toBe('');
      expect(fixed(text), key).toEqual(fixed(english[key]!));
    }
  });
});

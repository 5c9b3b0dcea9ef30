import { describe, expect, it } from 'vitest';
import {
  rangesOfCodePoints,
  rangesOfSpellings,
  rangesOfTexts,
  type Ranges,
} from '../../extension/server/textOffsets.ts';

/** What each token covers. */
function pieces(text: string, ranges: Ranges | undefined): string[] | undefined {
  return ranges && Array.from(ranges.start, (start, t) => text.slice(start, ranges.end[t]));
}

describe('spellings of a vocabulary', () => {
  it.each<[string, string, string[], string[]]>([
    ['bytes as letters', 'a b\n', ['a', 'Ġb', 'Ċ'], ['a', ' b', '\n']],
    // 专 is E4 B8 93, 🙂 F0 9F 99 82: a token of a part of a character gets all of it.
    ['parts of characters', '专 🙂!', ['ä¸', 'ĵ', 'ĠðŁ', 'Ļ', 'Ĥ', '!'], ['专', '专', ' 🙂', '🙂', '🙂', '!']],
    ['pieces with ▁ for a space', 'Hello world', ['▁Hello', '▁world'], ['Hello', ' world']],
    ['bytes in angle brackets', 'é!', ['▁', '<0xC3>', '<0xA9>', '!'], ['', 'é', 'é', '!']],
    ['a special token before the text', 'a b', ['<s>', '▁a', '▁b'], ['', 'a', ' b']],
    ['and behind it', 'a b', ['a', 'Ġb', '</s>'], ['a', ' b', '']],
    ['no text', '', ['<s>'], ['']],
  ])('%s', (_, text, spellings, wanted) => {
    expect(pieces(text, rangesOfSpellings(text, spellings))).toEqual(wanted);
  });

  it.each<[string, string, string[]]>([
    ['more text than tokens', 'abc', ['a', 'b']],
    ['other tokens than the text', 'abc', ['a', 'x', 'c']],
    ['a special token inside', 'ab', ['a', '<sep>', 'b']],
  ])('are not made to fit: %s', (_, text, spellings) => {
    expect(rangesOfSpellings(text, spellings)).toBeUndefined();
  });
});

describe('texts of tokens, each decoded alone', () => {
  it.each<[string, string, (string | null)[], string[]]>([
    ['the first unknown', 'def f', [null, ' f'], ['def', ' f']],
    ['parts of a character as U+FFFD', 'a专b', ['a', '\ufffd', '\ufffd', 'b'], ['a', '专', '专', 'b']],
    ['a character given to its last token', 'a专', ['a', '', '专'], ['a', '专', '专']],
    ['two split characters in a row', '专专!', ['\ufffd', '\ufffd', '专', '!'], ['专', '专', '专', '!']],
    ['a special token', 'ab', ['', 'ab'], ['', 'ab']],
  ])('%s', (_, text, texts, wanted) => {
    expect(pieces(text, rangesOfTexts(text, texts))).toEqual(wanted);
  });

  it('are not made to fit', () => {
    expect(rangesOfTexts('abc', ['a', 'c'])).toBeUndefined();
    expect(rangesOfTexts('abc', ['a', 'b'])).toBeUndefined();
  });

  it('are not made up where nothing is known of any, but for the only one', () => {
    expect(rangesOfTexts('a b', [null, null])).toBeUndefined();
    expect(pieces('ab', rangesOfTexts('ab', [null]))).toEqual(['ab']);
  });
});

it('code points become UTF-16 units, and what lies outside the text none', () => {
  const text = '🙂a';
  expect(
    pieces(
      text,
      rangesOfCodePoints(text, [
        [0, 1],
        [1, 2],
      ]),
    ),
  ).toEqual(['🙂', 'a']);
  expect(rangesOfCodePoints(text, [[0, 3]])).toBeUndefined();
  expect(rangesOfCodePoints(text, [[1, 0]])).toBeUndefined();
});

/** What would end the engine's process is refused with a sentence; what real tokenizers have passes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refuseFatal } from '../../extension/formats/tokenizerJson.ts';
import { TestEngine } from '../support/analyze.ts';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
import { FIXTURES } from '../support/reference.ts';

type Tokenizer = Record<string, unknown> & { model: Record<string, unknown> };
const plain = readFileSync(join(FIXTURES, 'checkpoints/mixtral/tokenizer.json'), 'utf8');
const changed = (change: (tokenizer: Tokenizer) => void): Tokenizer => {
  const tokenizer = JSON.parse(plain) as Tokenizer;
  change(tokenizer);
  return tokenizer;
};

const template = (id: string, known: string): Record<string, unknown> => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { [known]: { id: known, ids: [1], tokens: [known] } },
});

const FATAL: readonly (readonly [what: string, change: (tokenizer: Tokenizer) => void, sentence: RegExp])[] = [
  [
    'merges without the mark that merging cuts off',
    ({ model }) => (model['continuing_subword_prefix'] = 'no such mark'),
    /merges ".*", which lacks the continuing_subword_prefix "no such mark"/,
  ],
  [
    'a template of a token that it does not list',
    (tokenizer) => (tokenizer['post_processor'] = template('<s>', '</s>')),
    /template has "<s>", which is not among its special_tokens/,
  ],
  [
    'the same within a sequence, by the name of an inherited property',
    (tokenizer) => (tokenizer['post_processor'] = { type: 'Sequence', processors: [template('toString', '<s>')] }),
    /template has "toString"/,
  ],
];

it('finds a template within thousands of sequences', () => {
  let processor = template('<s>', '</s>');
  for (let depth = 0; depth < 20_000; depth++) processor = { type: 'Sequence', processors: [processor] };
  expect(() => {
    refuseFatal({ post_processor: processor });
  }).toThrow(/template has "<s>"/);
});

it.each(FATAL)('refuses %s', (_, change, sentence) => {
  expect(() => {
    refuseFatal(changed(change));
  }).toThrow(sentence);
});

it('lets what is in order pass', () => {
  refuseFatal(changed(() => undefined));
  refuseFatal(changed((tokenizer) => (tokenizer['post_processor'] = template('<s>', '<s>'))));
  refuseFatal({ model: { continuing_subword_prefix: '##', merges: ['a ##b', ['r', '##o']] } });
});

describe('in the engine', () => {
  let engine: TestEngine;
  beforeAll(() => {
    engine = new TestEngine();
  });
  afterAll(() => {
    engine.dispose();
  });

  it.each(FATAL)('%s does not end it', async (_, change, sentence) => {
    const checkpoint = new ScratchCheckpoint().write('tokenizer.json', JSON.stringify(changed(change)));
    const failure = engine.analyze(checkpoint.folder, 'route this');
    await expect(failure).rejects.toMatchObject({ code: 'tokenizer-invalid' });
    await expect(failure).rejects.toThrow(sentence);
    checkpoint.dispose();
  });
});

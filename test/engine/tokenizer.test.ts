/** Token ids and ranges are those of Hugging Face's tokenizers, in UTF-16 units, with the white space and marks that those may leave out. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer, utf16Offsets } from '../../extension/engine/tokenizer.ts';
import type { TokenRanges } from '../../extension/protocol/engine.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';
import { ScratchFolder } from '../support/scratch.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await Tokenizer.open(join(ROOT, 'media/demo-models/balanced'), 8192);
});

/** The tokens that the bundled tokenizer gives with something changed in its file. */
async function changed(change: Record<string, unknown>, text: string): Promise<TokenRanges> {
  const scratch = new ScratchFolder('checkpoints/mixtral');
  try {
    const file = readFileSync(join(ROOT, 'media/demo-models/balanced/tokenizer.json'), 'utf8');
    scratch.write('tokenizer.json', JSON.stringify({ ...(JSON.parse(file) as object), ...change }));
    return await (await Tokenizer.open(scratch.folder, 8192)).encode(text);
  } finally {
    scratch.dispose();
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('encode', () => {
  it('equals the reference on every sample', async () => {
    const expected = await Reference.read(join(FIXTURES, 'demo/balanced'));
    for (const [i, text] of expected.inputs.entries()) {
      const { ids, start, end } = await tokenizer.encode(text);
      expect([...ids]).toEqual([...expected.get(`input_ids.${i}`).data]);
      // The reference counts code points; its slice of the text must be ours.
      const points = Array.from(text);
      const offsets = expected.get(`offsets.${i}`).data;
      ids.forEach((_, t) => {
        const slice = points.slice(offsets[2 * t], offsets[2 * t + 1]).join('');
        expect(text.slice(start[t], end[t])).toBe(slice);
      });
    }
  });

  it('gives the tokens of one split character the same range', async () => {
    const { start, end } = await tokenizer.encode('a🙂b');
    const emoji = [...start].flatMap((s, t) => (s === 1 && end[t] === 3 ? [t] : []));
    expect(emoji.length).toBeGreaterThan(1);
    expect([start[0], end[0]]).toEqual([0, 1]);
    expect([start.at(-1), end.at(-1)]).toEqual([3, 4]);
  });

  it('gives white space to its tokens, where the file says to leave it out of ranges', async () => {
    // As in OLMoE's, behind another processor as in Llama's.
    const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
    const processor = { type: 'Sequence', processors: [{ ...bytes, trim_offsets: false }, bytes] };
    const text = 'def f(x):\n    return x  # the  same \n\n        y = 1\n';
    const { ids, start, end } = await changed({ post_processor: processor }, text);
    expect(Array.from(ids, (_, t) => text.slice(start[t], end[t])).join('')).toBe(text);
    expect(ids.findIndex((_, t) => start[t] === end[t])).toBe(-1);
    expect(ids).toEqual((await changed({}, text)).ids);
  });

  it('gives what a normalizer puts together to the tokens of the whole', async () => {
    const [han, geul] = ['\u1112\u1161\u11ab', '\u1100\u1173\u11af'];
    const cafe = 'cafe\u0301';
    const viet = 'Vie\u0323\u0302t';
    const text = `${han}${geul} ${cafe} ${viet} \u0301\n${cafe}`;
    const { start, end } = await changed({ normalizer: { type: 'NFC' } }, text);
    const borders = new Set([...start, ...end]);
    const inside = [han, geul, cafe, viet].flatMap((word) => {
      const at = text.indexOf(word);
      return Array.from(word.normalize('NFD').matchAll(/[\p{M}\u1160-\u11ff]/gu), ({ index }) => at + index);
    });
    // None lies within a character that was put together, and none of the text is left out.
    expect(inside.filter((unit) => borders.has(unit))).toEqual([]);
    const covered = new Set(Array.from(start, (from, t) => range(from, end[t]!)).flat());
    expect(range(0, text.length).filter((unit) => !covered.has(unit))).toEqual([]);
    const plain = await changed({}, text.normalize('NFC'));
    expect(start.length).toBe(plain.start.length);
  });

  it('takes what is no proper text', async () => {
    for (const text of [
      '\ud800 lone',
      'nul\0byte',
      '\u202eevil\u202c',
      'e\u0301\u0301\u0301',
      '\r\n\r\n',
      'x'.repeat(100_000),
    ]) {
      const { ids, start, end } = await tokenizer.encode(text);
      expect(ids.length).toBeGreaterThan(0);
      expect(start[0]).toBe(0);
      expect(end.at(-1)).toBe(text.length);
    }
  });
});

it('a file that was changed is read anew', async () => {
  const scratch = new ScratchFolder('checkpoints/mixtral');
  try {
    const text = 'Sparse layers send each token to a few experts.';
    const before = await (await Tokenizer.open(scratch.folder, 8192)).encode(text);
    scratch.write('tokenizer.json', readFileSync(join(ROOT, 'media/demo-models/balanced/tokenizer.json')));
    const after = await (await Tokenizer.open(scratch.folder, 8192)).encode(text);
    expect(after).toEqual(await tokenizer.encode(text));
    expect(after.ids).not.toEqual(before.ids);
  } finally {
    scratch.dispose();
  }
});

it('names a token that the model has not, as one that was added to the tokenizer alone', async () => {
  const token = { content: '<|extra|>', single_word: false, lstrip: false, rstrip: false, normalized: false };
  const added_tokens = [{ ...token, id: 8192, special: true }];
  expect((await changed({ added_tokens }, 'as ever')).end.at(-1)).toBe(7);
  await expect(changed({ added_tokens }, 'as <|extra|>')).rejects.toMatchObject({
    code: 'tokenizer-invalid',
    message: expect.stringMatching(/gives <\|extra\|> the id 8192, .* has only 8192:/) as string,
  });
});

it('says what writes the file that is missing, where a tokenizer lies there in another form', async () => {
  const scratch = new ScratchFolder('checkpoints/mixtral').remove('tokenizer.json');
  try {
    await expect(Tokenizer.open(scratch.folder, 8192)).rejects.toThrow(/^There is no tokenizer\.json in \S+\.$/);
    for (const name of ['vocab.json', 'tokenizer.model']) {
      scratch.write(name, '');
      const sentence = RegExp(`tokenizer\\.json.* but ${name}.*AutoTokenizer.*save_pretrained`);
      await expect(Tokenizer.open(scratch.folder, 8192)).rejects.toMatchObject({
        code: 'tokenizer-missing',
        message: expect.stringMatching(sentence) as string,
      });
      scratch.remove(name);
    }
  } finally {
    scratch.dispose();
  }
});

describe('the text of generated tokens', () => {
  const BYTES = [0xc3, 0xa9, 0xe4, 0xb8, 0xad, 0xf0, 0x9f, 0x98, 0x80];
  const byte = (value: number): string => `<0x${value.toString(16).toUpperCase()}>`;
  const VOCABULARY = Object.fromEntries(
    ['<s>', '▁hello', '▁world', 's', ...BYTES.map(byte)].map((word, id) => [word, id]),
  );
  const ZHONG = [6, 7, 8]; // 中
  const EMOJI = [9, 10, 11, 12]; // 😀
  const sentencePiece = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: { type: 'BPE', byte_fallback: true, vocab: VOCABULARY, merges: [] },
  };
  let scratch: ScratchFolder;
  let llama: Tokenizer;
  beforeAll(async () => {
    scratch = new ScratchFolder('checkpoints/mixtral');
    scratch.write('tokenizer.json', JSON.stringify(sentencePiece));
    llama = await Tokenizer.open(scratch.folder, 13);
  });
  afterAll(() => {
    scratch.dispose();
  });

  it('keeps the space between it and the text before, where decoders drop one at the beginning', async () => {
    const { text, start, end } = await llama.decode([2, 3, 1], 5, [1]);
    expect(text).toBe(' worlds hello');
    expect([...start]).toEqual([5, 11, 12]);
    expect([...end]).toEqual([11, 12, 18]);
  });

  it('has none where it begins a text of its own', async () => {
    expect((await llama.decode([2, 1], 5, [])).text).toBe('world hello');
  });

  it('gives a character to each token that has a part of it', async () => {
    const { text, start, end } = await llama.decode([2, 4, 5, ...EMOJI, 3, ...EMOJI], 5, [1]);
    expect(text).toBe(' worldé😀s😀');
    expect([...start]).toEqual([5, 11, 11, 12, 12, 12, 12, 14, 15, 15, 15, 15]);
    expect([...end]).toEqual([11, 12, 12, 14, 14, 14, 14, 15, 17, 17, 17, 17]);
  });

  it('stands where the same tokens do in a text that is encoded', async () => {
    const text = 'a 𝒳!';
    const { ids, start, end } = await tokenizer.encode(text);
    const decoded = await tokenizer.decode([...ids], 0, []);
    expect(decoded).toEqual({ text, start, end });
  });

  it('is whole, however many bytes of characters stand before it', async () => {
    for (let characters = 0; characters < 6; characters++) {
      const before = [1, ...Array.from({ length: characters }, () => ZHONG).flat()];
      expect((await llama.decode([...ZHONG, 2, ...ZHONG], 5, before)).text, `${characters}`).toBe('中 world中');
    }
  });

  it('leaves the characters before it out where bytes after them make none', async () => {
    expect((await llama.decode([4, 2], 5, [1, ...ZHONG, ...ZHONG])).text).toBe('\ufffd world');
  });
});

describe('utf16Offsets', () => {
  it('counts characters beyond the basic plane twice', () => {
    const offset = utf16Offsets('a🙂b🙃');
    expect([0, 1, 2, 3, 4].map(offset)).toEqual([0, 1, 3, 4, 6]);
  });

  // V8 13.6's optimized codePointAt looks beyond the end of a string that is a part of another.
  it('ends at the end of a text that was cut within a character, however often it is asked', () => {
    for (let i = 0; i < 5000; i++) {
      const text = `${'x'.repeat(40 + (i % 50))} ${'👩 mm '.repeat(3)}😀`.slice(0, -1);
      const codePoints = Array.from(text).length;
      expect(utf16Offsets(text)(codePoints)).toBe(text.length);
    }
  });

  it('leaves other text alone', () => {
    const offset = utf16Offsets('中文 text');
    expect([0, 3, 7].map(offset)).toEqual([0, 3, 7]);
  });
});

/** The model writes a text on: the tokens are those of greedy decoding, their routing that of the longer text. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AddedText, chooser } from '../../extension/engine/live/continuation.ts';
import type { OpenModel } from '../../extension/engine/model.ts';
import { openModel } from '../../extension/engine/open.ts';
import { prefill } from '../../extension/engine/prefill.ts';
import type { Continued, Sampling } from '../../extension/protocol/continuation.ts';
import { TestEngine } from '../support/analyze.ts';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
import { LiveText } from '../support/liveText.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';

const DEMO = join(ROOT, 'media/demo-models/balanced');
const GREEDY: Sampling = { temperature: 0, seed: 1 };

let engine: TestEngine;
beforeAll(() => {
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
});

async function write(folder: string, text: string, tokens: number, sampling = GREEDY): Promise<Continued[]> {
  const found: Continued[] = [];
  const sink = {
    progress: () => undefined,
    began: () => undefined,
    continued: (token: Continued) => found.push(token),
  };
  const what = { text, tokens, sampling, memory: 64e6 };
  const count = await engine.client.continue(engine.model(folder), what, sink, new AbortController().signal);
  expect(count).toBe(found.length);
  return found;
}

describe.each(['mixtral', 'qwen3_next', 'jamba', 'lfm2_moe'])('%s', (name) => {
  it('adds the tokens that the reference adds', async () => {
    const folder = join(FIXTURES, 'checkpoints', name);
    const expected = await Reference.read(join(folder, 'reference'));
    const i = expected.inputs.findIndex((_, input) => expected.has(`greedy.${input}`));
    const wanted = [...expected.get(`greedy.${i}`).data];
    expect((await write(folder, expected.inputs[i]!, wanted.length)).map(({ id }) => id)).toEqual(wanted);
  });
});

const SPECIAL = { SpecialToken: { id: '<|endoftext|>', type_id: 0 } };
const SEQUENCE = { Sequence: { id: 'A', type_id: 0 } };

/** A checkpoint whose tokenizer puts special tokens around each text. */
function tokenizing(single: readonly object[]): ScratchCheckpoint {
  const scratch = new ScratchCheckpoint('mixtral');
  const tokenizer = JSON.parse(readFileSync(scratch.path('tokenizer.json'), 'utf8')) as object;
  const special_tokens = { '<|endoftext|>': { id: '<|endoftext|>', ids: [0], tokens: ['<|endoftext|>'] } };
  const post_processor = { type: 'TemplateProcessing', single, pair: [], special_tokens };
  scratch.write('tokenizer.json', JSON.stringify({ ...tokenizer, post_processor }));
  return scratch;
}

it('what the tokenizer puts behind each text is not gone on from', async () => {
  const scratch = tokenizing([SEQUENCE, SPECIAL]);
  try {
    const ids = async (folder: string): Promise<number[]> =>
      (await write(folder, 'The router sends', 8)).map(({ id }) => id);
    expect(await ids(scratch.folder)).toEqual(await ids(join(FIXTURES, 'checkpoints/mixtral')));
  } finally {
    scratch.dispose();
  }
});

describe('a token that is drawn', () => {
  const draw = (logits: number[], temperature: number, draws: number): number[] => {
    const choose = chooser({ temperature, seed: 5 });
    const counts = logits.map(() => 0);
    for (let i = 0; i < draws; i++) counts[choose(Float32Array.from(logits))]! += 1;
    return counts.map((count) => count / draws);
  };

  it.each([
    [1, [0.1, 0.2, 0.3, 0.4]],
    // Squares, and what they make of the whole: 0.3.
    [0.5, [1 / 30, 4 / 30, 9 / 30, 16 / 30]],
  ])('comes as often as softmax(logits / %d) says', (temperature, expected) => {
    const logits = [...[0.1, 0.2, 0.3, 0.4].map((p) => 7 + Math.log(p)), -Infinity];
    const drawn = draw(logits, temperature, 20_000);
    // Four standard deviations of the most uncertain one.
    for (const [token, share] of [...expected, 0].entries()) {
      expect(Math.abs(drawn[token]! - share)).toBeLessThan(0.015);
    }
    expect(drawn[4]).toBe(0);
  });

  it('is the likeliest of logits as large as float32 has them', () => {
    expect(draw([-3e38, 3e38, 0], 1, 10)).toEqual([0, 1, 0]);
  });
});

describe('the demo model', () => {
  const text = 'def capacity(tokens: int, experts: int) -> int:\n    return ';

  it('gives each token the routing that it has in the longer text', async () => {
    const added = await write(DEMO, text, 12);
    expect(added).toHaveLength(12);
    const longer = await engine.analyze(DEMO, text, {}, 12);
    const from = longer.generatedFrom!;
    expect(added.map(({ id }) => id)).toEqual([...longer.tokens.ids.subarray(from)]);
    longer.layers.forEach(({ chosen, candidates }, l) => {
      added.forEach(({ layers }, t) => {
        expect([...layers[l]!.chosen]).toEqual([
          ...chosen.subarray((from + t) * candidates, (from + t + 1) * candidates),
        ]);
      });
    });
    const texts = added.map((token) => token.text);
    expect(texts.every((now, i) => i === 0 || now.startsWith(texts[i - 1]!))).toBe(true);
  });

  it('draws the same tokens for the same seed, and others for another', async () => {
    const drawn = async (seed: number): Promise<number[]> =>
      (await write(DEMO, text, 16, { temperature: 1, seed })).map(({ id }) => id);
    const first = await drawn(3);
    expect(await drawn(3)).toEqual(first);
    expect(await drawn(4)).not.toEqual(first);
  });

  it('says that an encoder does not continue', async () => {
    await expect(write(join(FIXTURES, 'checkpoints/switch_transformers'), 'a b c', 3)).rejects.toMatchObject({
      code: 'architecture-unsupported',
    });
  });

  it('puts characters together that tokens split', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'moescope-continue-'));
    try {
      const model = await openModel(
        { folder: DEMO, cache, cacheLimit: 0, threads: 0, context: 0, precision: 'float32', provider: 'cpu' },
        { importer: join(ROOT, 'dist/importer.js'), progress: () => undefined, signal: new AbortController().signal },
      );
      const [before, after] = ['so ', '🦉 ein Käuzchen'];
      const { ids } = await model.tokenizer.encode(before + after);
      const start = (await model.tokenizer.encode(before)).ids.length;
      const added = new AddedText(model.tokenizer, ids.subarray(0, start));
      const texts: string[] = [];
      for (const id of ids.subarray(start)) texts.push(await added.add(id));
      expect(texts.at(-1)).toBe((before + after).slice(before.length - (texts.at(-1)!.length - after.length)));
      expect(texts.join('')).not.toContain('\ufffd');
      await model.close();
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
  });
});

describe('a text that leaves no room in the context', () => {
  const text = 'def capacity(tokens: int, experts: int) -> int:\n    return tokens // experts\n\n'.repeat(20);
  let cache: string;
  beforeAll(() => {
    cache = mkdtempSync(join(tmpdir(), 'moescope-continue-'));
  });
  afterAll(() => {
    rmSync(cache, { recursive: true, force: true });
  });
  const open = (folder: string, context: number): Promise<OpenModel> =>
    openModel(
      { folder, cache, cacheLimit: 0, threads: 0, context, precision: 'float32', provider: 'cpu' },
      { importer: join(ROOT, 'dist/importer.js'), progress: () => undefined, signal: new AbortController().signal },
    );
  /** The ids that the model adds. */
  const added = async (model: OpenModel, ids: Int32Array, tokens: number): Promise<number[]> => {
    const found: number[] = [];
    const { router } = new LiveText(model, 64e6);
    const { signal } = new AbortController();
    for await (const { id } of router.write(ids, tokens, chooser(GREEDY), 64e6, signal)) found.push(id);
    return found;
  };
  /** Those that greedy decoding adds to this and nothing before it. */
  const greedy = async (model: OpenModel, ids: Int32Array, tokens: number): Promise<number[]> => {
    const found: number[] = [];
    for await (const part of prefill(model, ids, Uint32Array.of(0), tokens, new AbortController().signal)) {
      found.push(...(part.generated ?? []));
    }
    return found;
  };

  // 20 of 256 tokens are for what comes: 236 are left, which begin at a multiple of 32.
  const FROM = { 200: 0, 236: 0, 237: 32, 255: 32, 256: 32, 257: 32, 268: 32, 269: 64, 400: 192 };

  it('is continued from its end, by as many tokens as were asked for', async () => {
    const model = await open(DEMO, 256);
    const { ids } = await model.tokenizer.encode(text);
    for (const [length, from] of Object.entries(FROM)) {
      const own = ids.subarray(0, Number(length));
      const found = await added(model, own, 20);
      expect(found, length).toHaveLength(20);
      expect(found, length).toEqual(await greedy(model, own.subarray(from), 20));
    }
    await model.close();
  });

  it('keeps half of the context, whatever is asked for', async () => {
    const model = await open(DEMO, 24);
    const { ids } = await model.tokenizer.encode(text);
    const own = ids.subarray(0, 30);
    // 12 tokens are left, which begin at a multiple of 3.
    const found = await added(model, own, 100);
    expect(found).toEqual(await greedy(model, own.subarray(18), 12));
    expect(found).toHaveLength(12);
    await model.close();
  });

  it('begins with what its tokenizer puts before each text', async () => {
    const scratch = tokenizing([SPECIAL, SEQUENCE]);
    try {
      const model = await open(scratch.folder, 64);
      const { ids } = await model.tokenizer.encode(text);
      expect(ids[0]).toBe(0);
      // 56 tokens are left, of which one is the first; the others begin at a multiple of 8.
      const own = ids.subarray(0, 100);
      const expected = await greedy(model, Int32Array.of(0, ...own.subarray(48)), 8);
      expect(await added(model, own, 8)).toEqual(expected);
      expect(await greedy(model, own.subarray(48), 8)).not.toEqual(expected);
      await model.close();
    } finally {
      scratch.dispose();
    }
  });
});

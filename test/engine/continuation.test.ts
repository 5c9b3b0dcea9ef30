/** The model writes a text on: the tokens are those of greedy decoding, their routing that of the longer text. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AddedText, chooser } from '../../extension/engine/live/continuation.ts';
import { openModel } from '../../extension/engine/open.ts';
import type { Continued, Sampling } from '../../extension/protocol/continuation.ts';
import { TestEngine } from '../support/analyze.ts';
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

  it('stops where the context is full, and says that an encoder does not continue', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'moescope-continue-'));
    const options = {
      importer: join(ROOT, 'dist/importer.js'),
      progress: () => undefined,
      signal: new AbortController().signal,
    };
    const common = { cache, cacheLimit: 0, threads: 0, precision: 'float32', provider: 'cpu' } as const;
    try {
      const model = await openModel({ ...common, folder: DEMO, context: 23 }, options);
      const { ids } = await model.tokenizer.encode(text);
      const { router } = new LiveText(model, 64e6);
      const own = ids.subarray(0, 20);
      const windows = Uint32Array.of(0);
      let count = 0;
      for await (const { id } of router.write({ ids: own, windows }, 9, chooser(GREEDY), 64e6, options.signal)) {
        expect(id).toBeLessThan(model.info.vocabulary);
        count += 1;
      }
      expect(count).toBe(3);
      await model.close();
    } finally {
      rmSync(cache, { recursive: true, force: true });
    }
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

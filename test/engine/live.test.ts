/** Whatever is typed, and however often a run is cut off by the next: the routing is that of the text as it stands. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Marks } from '../../extension/engine/marks.ts';
import { openCheckpoint } from '../../extension/engine/openCheckpoint.ts';
import { openModel } from '../../extension/engine/open.ts';
import { passEnd } from '../../extension/engine/passes.ts';
import { EditedText, expectSame, LiveText } from '../support/liveText.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';
import { ScratchFolder } from '../support/scratch.ts';

const DEMO = join(ROOT, 'media/demo-models/balanced');
const TEXT =
  'Each token goes to two experts.\n\n  for (const e of experts) route(e); // 专家 😀\r\nDas Wetter ist schön.';
const MEMORY = 4e6;
/** Of each model, every second one compared; the bench makes more. */
const EDITS = 150;
const options = {
  importer: join(ROOT, 'dist/importer.js'),
  progress: () => undefined,
  signal: new AbortController().signal,
};

let cache: string;
beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), 'moescope-live-'));
});
afterAll(() => {
  rmSync(cache, { recursive: true, force: true });
});

const request = (folder: string, context: number) =>
  ({ folder, cache, cacheLimit: 0, threads: 0, context, precision: 'float32', provider: 'cpu' }) as const;

/** Edits a text at random, and compares. */
async function expectAsAfresh(folder: string, context: number, exact: boolean): Promise<void> {
  const model = await openModel(request(folder, context), options);
  const live = new LiveText(model, MEMORY);
  const text = new EditedText(TEXT, 200, 7);
  let before = '';
  try {
    for (let i = 0; i < EDITS; i++) {
      const kind = text.edit();
      const cut = i % 4 === 3;
      const { trace } = await live.live(text.text, cut ? 1 : Infinity);
      expect(live.router.bytes).toBeLessThanOrEqual(MEMORY);
      // What an edit spoils, the next one finds kept.
      if (i % 2 === 0) {
        before = kind;
        continue;
      }
      try {
        expectSame(trace, await live.afresh(text.text), { whole: !cut, exact });
      } catch (error) {
        throw new Error(`after ${before} and ${kind}, edit ${i}: ${JSON.stringify(text.text)}`, { cause: error });
      }
    }
  } finally {
    await model.close();
  }
}

describe.each([
  ['keys and values', DEMO, 0, true],
  ['keys and values, in several windows', DEMO, 40, true],
  ['latent keys and values', join(FIXTURES, 'checkpoints/deepseek_v3'), 0, true],
  ['a sliding window', join(FIXTURES, 'checkpoints/mixtral-window'), 0, true],
  ['attention within chunks', join(FIXTURES, 'checkpoints/llama4_text'), 0, true],
  ['angles that depend on the length', join(FIXTURES, 'checkpoints/hunyuan_v1_moe-dynamic'), 0, true],
  ['Gated DeltaNet', join(FIXTURES, 'checkpoints/qwen3_next'), 0, false],
  ['Mamba', join(FIXTURES, 'checkpoints/jamba'), 0, false],
  ['Mamba-2', join(FIXTURES, 'checkpoints/nemotron_h'), 90, false],
  ['short convolutions', join(FIXTURES, 'checkpoints/lfm2_moe'), 0, false],
  ['an encoder', join(FIXTURES, 'checkpoints/switch_transformers'), 60, false],
  ['an export whose caches grow', join(FIXTURES, 'onnx/optimum-qwen3_moe-fp32'), 0, false],
  ['an export with states', join(FIXTURES, 'onnx/onnxruntime-genai-lfm2_moe-fp32'), 0, false],
  ['an export without a cache', join(FIXTURES, 'onnx/torch-mixtral-fp32'), 50, false],
])('%s', (_, folder, context, exact) => {
  it('routes as afresh after every edit', () => expectAsAfresh(folder, context, exact));
});

describe('rows of routers that are no multiple of four long', () => {
  it.each([
    ['weights', 'qwen3_moe', { num_experts_per_tok: 5 }],
    ['weights', 'minimax_m2', { num_experts_per_tok: 6 }],
    ['scores of a sparse mixer', 'phimoe-odd', {}],
  ])('are added up alike wherever they stand: %s of %s', async (_, name, change) => {
    const scratch = new ScratchFolder(join('checkpoints', name));
    const config = JSON.parse(readFileSync(scratch.path('config.json'), 'utf8')) as object;
    scratch.write('config.json', JSON.stringify({ ...config, ...change }));
    try {
      await expectAsAfresh(scratch.folder, 0, true);
    } finally {
      scratch.dispose();
    }
  });
});

describe('the demo model', () => {
  it('runs two tokens for a letter at the end, and none for an undo or the way back to another text', async () => {
    const model = await openCheckpoint(request(DEMO, 0), options);
    const passes = vi.spyOn(model.body, 'run');
    const rows = (): number[] =>
      passes.mock.calls.map(
        ([feeds]) => (feeds as Record<string, { size: number }>)[model.graphs.body.inputs.ids]!.size,
      );
    const live = new LiveText(model, 64e6);
    const first = `${TEXT} ${TEXT}\n`;
    await live.live(first);
    passes.mockClear();

    const { trace, kept } = await live.live(`${first}a`);
    expect(kept).toBe(trace.tokens.ids.length - 1);
    expect(rows()).toEqual([2]);
    passes.mockClear();

    // A line at the beginning: everything after it is new, and the text without it stays known.
    await live.live(`// one more\n${first}`);
    expect(rows().length).toBeGreaterThan(0);
    passes.mockClear();
    await live.live(`${first}a`);
    const other = await live.live(`// one more\n${first}`);
    expect(rows()).toEqual([]);
    expectSame(other.trace, await live.afresh(`// one more\n${first}`));
    await model.close();
  });

  it('runs what stands next to an edit at once, and the rest only once nobody has typed on', async () => {
    const model = await openCheckpoint(request(DEMO, 0), options);
    const passes = vi.spyOn(model.body, 'run');
    const live = new LiveText(model, 64e6);
    const long = `${TEXT}\n`.repeat(8);
    await live.live(long);
    passes.mockClear();
    const hour = 3_600_000;
    const { trace } = await live.live(`a${long}`, 1, hour);
    expect(passes).toHaveBeenCalledTimes(1);
    expect(trace.routed).toBeGreaterThan(0);
    expect(trace.routed).toBeLessThan(trace.tokens.ids.length);
    const rested = await live.live(`ab${long}`, Infinity, 1);
    expectSame(rested.trace, await live.afresh(`ab${long}`));
    await model.close();
  });

  it('forgets the text that was left longest ago when memory is full', async () => {
    const model = await openCheckpoint(request(DEMO, 0), options);
    const passes = vi.spyOn(model.body, 'run');
    const texts = ['one', 'two', 'three'].map((word) => `${word} ${TEXT}`);
    const [one, two, three] = texts as [string, string, string];
    const all = new LiveText(model, Infinity);
    await all.live(one);
    // Room for two of three that take alike.
    const live = new LiveText(model, 2.5 * all.router.bytes);
    for (const text of [one, two, one, three]) await live.live(text);
    const cost = async (text: string): Promise<number> => {
      passes.mockClear();
      await live.live(text);
      return passes.mock.calls.length;
    };
    expect(await cost(one)).toBe(0);
    expect(await cost(three)).toBe(0);
    expect(await cost(two)).toBeGreaterThan(0);
    expect(await cost(one)).toBeGreaterThan(0);
    await model.close();
  });

  it('keeps nothing when it may not, and routes all the same', async () => {
    const model = await openModel(request(DEMO, 30), options);
    const live = new LiveText(model, 0);
    for (const text of [TEXT, `${TEXT}!`, TEXT.slice(5)]) {
      const { trace } = await live.live(text);
      expectSame(trace, await live.afresh(text));
      expect(live.router.bytes).toBe(0);
    }
    await model.close();
  });
});

describe('passes', () => {
  it('leave no row over where that can be', () => {
    for (let tokens = 2; tokens < 700; tokens++) {
      for (const most of [16, 64, 100, 512]) {
        for (let from = 0, to; from < tokens; from = to) {
          to = passEnd(from, tokens, most);
          expect(to - from).toBeLessThanOrEqual(most);
          expect((to - from) % 16, `${from} to ${to} of ${tokens}, ${most} at most`).not.toBe(1);
        }
      }
    }
  });
});

describe('marks', () => {
  it('that help least go first, and the last stays', () => {
    const marks = new Marks<string>();
    for (const at of [256, 512, 768, 784]) marks.add({ at, bytes: 10, state: `at ${at}` }, 30);
    // 768 lies between neighbours that are 272 apart; each other gap is 512.
    expect([255, 600, 783, 900].map((to) => marks.before(to)?.at)).toEqual([undefined, 512, 512, 784]);
    expect(marks.bytes).toBe(30);
    expect(marks.upTo(600).bytes).toBe(20);
    marks.add({ at: 600, bytes: 10, state: 'at 600' }, 10);
    expect([256, 512, 600, 784].map((to) => marks.before(to)?.state)).toEqual([
      undefined,
      undefined,
      'at 600',
      'at 600',
    ]);
  });
});

/** How fast the engine is: against what the machine can do, against itself without capture, and against its budgets. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { KvBuffers } from '../../extension/engine/kvBuffers.ts';
import { openCheckpoint } from '../../extension/engine/openCheckpoint.ts';
import { prefill, windowStarts } from '../../extension/engine/prefill.ts';
import { root } from '../../extension/tools/project.mjs';
import { machineRate, operations } from './rate.ts';
import { report } from './report.ts';

const MODEL = join(root, 'media/demo-models/balanced');
const TEXT = join(root, 'media/samples/essay.md');
const COUNTS = [128, 512, 2048];
const THREADS = 2;
const RUNS = 9;

const cache = mkdtempSync(join(tmpdir(), 'moescope-bench-'));
const never = new AbortController().signal;
const places = { folder: MODEL, cache, cacheLimit: 0 };
const request = { ...places, threads: THREADS, context: 0, precision: 'float32', provider: 'cpu' } as const;

async function bestOf(run: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** Takes turns, so that what else the machine does meets both alike. */
async function bestOfEach(one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<[number, number]> {
  const best: [number, number] = [Infinity, Infinity];
  for (let i = 0; i < 4 * RUNS; i++) {
    for (const [at, run] of [one, other].entries()) {
      const start = performance.now();
      await run();
      best[at] = Math.min(best[at]!, performance.now() - start);
    }
  }
  return best;
}

/** The time from asking a new engine to the first routed tokens, in milliseconds. */
async function firstTint(): Promise<{ readonly cold: number; readonly warm: number }> {
  const client = new EngineClient({ entry: join(root, 'dist/engine.js'), log: () => undefined });
  const text = readFileSync(TEXT, 'utf8').repeat(8);
  const route = async (chars: number): Promise<{ first: number; all: number }> => {
    const start = performance.now();
    let first = NaN;
    const sink = {
      progress: () => undefined,
      began: () => undefined,
      routed: () => {
        if (Number.isNaN(first)) first = performance.now() - start;
      },
    };
    await client.analyze(request, text.slice(0, chars), sink, never);
    return { first, all: performance.now() - start };
  };
  const { first } = await route(500);
  // Some 1,000 tokens.
  let warm = Infinity;
  for (let i = 0; i < RUNS; i++) warm = Math.min(warm, (await route(4000)).all);
  client.dispose();
  return { cold: first, warm };
}

const unimported = await firstTint();
report({ what: 'first tint, new engine, weights not imported', value: unimported.cold, unit: 'ms', budget: 1500 });
const imported = await firstTint();
report({ what: 'first tint, new engine', value: imported.cold, unit: 'ms', budget: 1500 });
report({ what: '1,000 tokens, running engine', value: imported.warm, unit: 'ms', budget: 300 });

const model = await openCheckpoint(request, {
  importer: join(root, 'dist/importer.js'),
  progress: () => undefined,
  signal: never,
});
const text = readFileSync(TEXT, 'utf8').repeat(20);
const { ids } = await model.tokenizer.encode(text);
const ours = new Map<number, number>();
for (const count of COUNTS) {
  const tokens = ids.subarray(0, count);
  const ms = await bestOf(async () => {
    const parts = prefill(model, tokens, windowStarts(count, model.info.context), 0, never);
    while ((await parts.next()).done !== true);
  });
  ours.set(count, ms);
  report({ what: `prefill of ${count} tokens with capture`, value: ms, unit: 'ms' });
}

// How near that is to what the machine can do at all: floating-point operations a second, against one large product.
const rate = await machineRate(THREADS);
for (const [count, ms] of ours) {
  report({
    what: `  of the machine’s float32 matrix rate, ${count} tokens`,
    value: (100 * operations(model, count)) / ms / rate,
    unit: '%',
  });
}

// The body of the graph alone, with and without what the routers hand out.
const { body } = model.graphs;
const COUNT = 512;
const feeds: Record<string, Tensor> = {
  [body.inputs.ids]: new Tensor('int32', ids.slice(0, COUNT), [COUNT]),
  [body.inputs.lastPosition]: new Tensor('int32', Int32Array.of(COUNT - 1), [1]),
  [body.inputs.total]: new Tensor('int32', Int32Array.of(COUNT), []),
  [body.inputs.positions]: new Tensor(
    'int64',
    BigInt64Array.from({ length: COUNT }, (_, i) => BigInt(i)),
    [1, COUNT],
  ),
};
for (const { rope, cos, sin } of body.ropes) {
  const shape = [COUNT, rope.dims / 2];
  feeds[cos] = new Tensor('float32', new Float32Array((COUNT * rope.dims) / 2).fill(1), shape);
  feeds[sin] = new Tensor('float32', new Float32Array((COUNT * rope.dims) / 2), shape);
}
const kv = new KvBuffers(body.caches, COUNT);
Object.assign(feeds, kv.feeds);
const taps = body.taps.flatMap((tap) => [tap.logits, tap.scores, tap.selection, tap.experts, tap.weights]);
const runFor = (names: readonly string[]) => (): Promise<unknown> =>
  model.body.run(feeds, Object.fromEntries([...names, ...kv.outputs].map((name) => [name, null])));
const [bare, tapped] = await bestOfEach(runFor([body.hidden]), runFor([body.hidden, ...taps]));
report({
  what: 'handing out the routers’ results, 512 tokens',
  value: 100 * (tapped / bare - 1),
  unit: '%',
  budget: 2,
});
await model.close();
rmSync(cache, { recursive: true, force: true });

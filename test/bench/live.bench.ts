/** How soon an edit is routed: in the engine, through both processes, and while somebody types for a minute. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { TraceBuilder } from '../../extension/client/traceBuilder.ts';
import { openModel } from '../../extension/engine/open.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import type { LiveParams } from '../../extension/protocol/engine.ts';
import { isUserError, SUPERSEDED } from '../../extension/protocol/errors.ts';
import { root } from '../../extension/tools/project.mjs';
import { EditedText, LiveText } from '../support/liveText.ts';
import { report } from './report.ts';

const MODEL = join(root, 'media/demo-models/balanced');
const TOKENS = 2000;
const MEMORY = 512e6;
const RUNS = 25;
const KEY_MS = 100;
const EDITS = 1000;

const cache = mkdtempSync(join(tmpdir(), 'moescope-bench-'));
const request = {
  folder: MODEL,
  cache,
  cacheLimit: 0,
  threads: 0,
  context: 0,
  precision: 'float32',
  provider: 'cpu',
} as const;
const options = {
  importer: join(root, 'dist/importer.js'),
  progress: () => undefined,
  signal: new AbortController().signal,
};

const samples = ['essay.md', 'capacity.py', 'router.ts'].map((file) =>
  readFileSync(join(root, 'media/samples', file), 'utf8'),
);
const model = await openModel(request, options);
const long = samples.join('\n').repeat(9);
const text = long.slice(0, (await model.tokenizer.encode(long)).end[TOKENS - 1]);

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]!;

async function times(runs: number, run: (i: number) => Promise<unknown>): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await run(i);
    found.push(performance.now() - start);
  }
  return found;
}

// The engine's part alone: tokens found, what is known looked up, two tokens run, their columns made.
const live = new LiveText(model, MEMORY);
const whole = await times(7, () => live.afresh(text));
await live.live(text);
const ends = ['', 'a', 'ab', 'ab.', 'ab'];
const tokenized = await times(RUNS, () => model.tokenizer.encode(text));
const atEnd = await times(4 * RUNS, (i) => live.live(text + ends[i % ends.length]!));
const full = quantile(whole, 0.5);
report({ what: `${TOKENS} tokens in full`, value: full, unit: 'ms' });
report({ what: '  of which finding the tokens', value: quantile(tokenized, 0.5), unit: 'ms' });
report({ what: 'a letter more or less at the end, engine alone', value: quantile(atEnd, 0.5), unit: 'ms', budget: 5 });
report({ what: '  of the full run', value: (100 * quantile(atEnd, 0.5)) / full, unit: '%', budget: 5 });
const middle = text.length >> 1;
const undone = await times(RUNS, (i) =>
  live.live(i % 2 === 0 ? text : `${text.slice(0, middle)}\n${text.slice(middle)}`),
);
report({
  what: 'a line in the middle undone and made again, engine alone',
  value: quantile(undone.slice(2), 0.5),
  unit: 'ms',
});

/** An editor's side of the engine, as the extension host is: the newest text alone is wanted. */
class Typist {
  readonly #client = new EngineClient({ entry: join(root, 'dist/engine.js'), log: () => undefined });
  #base: { readonly run: number; readonly builder: TraceBuilder } | undefined;
  #generation = 0;

  /** @returns milliseconds until the first new routing was there, and until all was; NaN when another text came before */
  async route(text: string, signal: AbortSignal): Promise<{ readonly first: number; readonly all: number }> {
    const start = performance.now();
    let first = NaN;
    let builder: TraceBuilder | undefined;
    let routed: RoutedText | undefined;
    const base = this.#base;
    const live: LiveParams = {
      memory: MEMORY,
      ...(base ? { base: { run: base.run, routed: base.builder.routed } } : {}),
    };
    const sink = {
      progress: () => undefined,
      began: (began: ConstructorParameters<typeof TraceBuilder>[0]) => {
        builder = new TraceBuilder(began, base?.builder);
        routed = new RoutedText(++this.#generation, text, new EditTracker(text, 0, true), builder.trace);
        this.#base = { run: began.run, builder };
      },
      routed: (part: Parameters<TraceBuilder['add']>[0]) => {
        if (signal.aborted || !builder) return;
        builder.add(part);
        routed?.grow(builder.trace);
        if (Number.isNaN(first)) first = performance.now() - start;
      },
    };
    try {
      await this.#client.analyze(request, text, sink, signal, 0, live);
    } catch (error) {
      if (!isUserError(error) || error.code !== 'cancelled') throw error;
      return { first, all: NaN };
    }
    return { first, all: performance.now() - start };
  }

  dispose(): void {
    this.#client.dispose();
  }
}

const typist = new Typist();
const never = new AbortController().signal;
await typist.route(text, never);
const latencies: number[] = [];
for (let i = 0; i < RUNS; i++) latencies.push((await typist.route(text + ends[i % ends.length]!, never)).first);
report({ what: 'a letter at the end, both processes', value: quantile(latencies, 0.5), unit: 'ms', budget: 50 });

// What the loop of a process that does nothing waits here: for its turn on a busy machine.
const idle = monitorEventLoopDelay({ resolution: 1 });
idle.enable();
await sleep(10_000);
idle.disable();
report({
  what: 'event loop with nothing to do, 99.9 % of delays under',
  value: idle.percentile(99.9) / 1e6,
  unit: 'ms',
});

for (const [where, at, keys] of [
  ['the end', text.length, 600],
  ['the middle', middle, 200],
] as const) {
  const firsts: number[] = [];
  let waiting = 0;
  let most = 0;
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  let typed = '';
  let abort = new AbortController();
  const runs: Promise<void>[] = [];
  for (let key = 0; key < keys; key++) {
    typed += 'the router sends it there. '[key % 27]!;
    abort.abort(SUPERSEDED);
    abort = new AbortController();
    most = Math.max(most, ++waiting);
    runs.push(
      typist.route(text.slice(0, at) + typed + text.slice(at), abort.signal).then(({ first }) => {
        waiting -= 1;
        firsts.push(first);
      }),
    );
    await sleep(KEY_MS);
  }
  await Promise.all(runs);
  loop.disable();
  const shown = firsts.filter((ms) => !Number.isNaN(ms));
  report({
    what: `typing at ${where}, 10 keys a second, p95 to the first new routing`,
    value: quantile(shown, 0.95),
    unit: 'ms',
    budget: 150,
  });
  report({ what: '  keys that were answered before the next', value: (100 * shown.length) / keys, unit: '%' });
  report({ what: '  requests under way at a time', value: most, unit: '' });
  report({
    what: '  event loop of the asking process, 99.9 % of delays under',
    value: loop.percentile(99.9) / 1e6,
    unit: 'ms',
    budget: 16,
  });
  report({ what: '  event loop of the asking process, longest', value: loop.max / 1e6, unit: 'ms' });
}
typist.dispose();

// What the tests do with hundreds of edits, with thousands, and how much of it is the same to the bit.
const edits = new EditedText(text.slice(0, 400), 900, 11);
const random = new LiveText(model, MEMORY);
let choices = 0;
let others = 0;
let worst = 0;
for (let i = 0; i < EDITS; i++) {
  edits.edit();
  const cut = i % 4 === 3 ? 1 : Infinity;
  const { trace } = await random.live(edits.text, cut);
  const fresh = await random.afresh(edits.text);
  fresh.layers.forEach(({ chosen, weight, candidates, k }, l) => {
    const other = trace.layers[l]!;
    for (let at = 0; at < trace.routed * candidates; at++) {
      if (at % candidates >= k) continue;
      choices += 1;
      if (chosen[at] !== other.chosen[at]) others += 1;
      worst = Math.max(worst, Math.abs(weight[at]! - other.weight[at]!));
    }
  });
}
report({ what: `${EDITS} random edits: choices other than afresh, of ${choices}`, value: others, unit: '', budget: 0 });
report({ what: '  largest difference in weight', value: worst, unit: '', budget: 1e-5 });
await model.close();
rmSync(cache, { recursive: true, force: true });

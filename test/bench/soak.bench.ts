/**
 * A long day: 10,000 random edits and 500 analyses over models, precisions and files, in rounds that are all alike. What each process
 * holds at the end of a round must not grow once it has warmed up.
 */
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { randomNumbers } from '../../extension/analysis/random.ts';
import { TraceBuilder } from '../../extension/client/traceBuilder.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import type { AnalyzeResult, LiveParams, ModelRequest } from '../../extension/protocol/engine.ts';
import { root } from '../../extension/tools/project.mjs';
import { TestEngine } from '../support/analyze.ts';
import { EditedText } from '../support/liveText.ts';
import { reportGrowth } from './growth.ts';
import { HostDebugger } from './hostDebugger.ts';
import { report } from './report.ts';

const ROUNDS = Number(process.argv[2] ?? 20);
const EDITS = 500;
const ANALYSES = 25;
/** Longest text that is edited, in characters. */
const LONGEST = 3000;
const MEMORY = 32e6;
/** Until what a run has left to be done is done. */
const PAUSE_MS = 1500;
const PORT = 9437;

const demo = (name: string): string => join(root, 'media/demo-models', name);
const fixture = (name: string): string => join(root, 'test/fixtures/checkpoints', name);
const sample = (name: string): string => readFileSync(join(root, 'media/samples', name), 'utf8');
const TEXTS = ['router.ts', 'poem.txt', 'capacity.py'].map(sample);
/** Caches of keys and values, recurrent states, windows, an encoder, and what rounds otherwise. */
const MODELS: readonly { readonly folder: string; readonly options: Partial<ModelRequest> }[] = [
  { folder: demo('balanced'), options: {} },
  { folder: demo('collapsed'), options: { precision: 'int8' } },
  { folder: fixture('qwen3_next'), options: {} },
  { folder: fixture('gpt_oss'), options: { context: 64 } },
  { folder: fixture('switch_transformers'), options: {} },
  { folder: demo('balanced'), options: { precision: 'int4', context: 256 } },
];

const next = randomNumbers(11);
const engine = new TestEngine(undefined, [`--inspect=127.0.0.1:${PORT}`]);
const { signal } = new AbortController();
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What a host keeps of a text that is edited. */
class Document {
  readonly #model: ModelRequest;
  readonly #edited: EditedText;
  #base: { readonly run: number; readonly builder: TraceBuilder } | undefined;
  #routed: RoutedText | undefined;
  #generation = 0;

  constructor(model: ModelRequest, text: string) {
    this.#model = model;
    this.#edited = new EditedText(text, LONGEST, Math.floor(next() * 2 ** 31));
  }

  /** Some edits are overtaken by the next one, as in an editor. */
  async edit(overtaken: boolean): Promise<void> {
    this.#edited.edit();
    const { text } = this.#edited;
    const abort = new AbortController();
    const base = this.#base;
    const live: LiveParams = {
      memory: MEMORY,
      ...(base ? { base: { run: base.run, routed: base.builder.routed } } : {}),
    };
    let builder: TraceBuilder | undefined;
    const sink = {
      progress: () => undefined,
      began: (began: ConstructorParameters<typeof TraceBuilder>[0]) => {
        builder = new TraceBuilder(began, base?.builder);
        this.#base = { run: began.run, builder };
        this.#routed = new RoutedText(++this.#generation, text, new EditTracker(text, 0, true), builder.trace);
      },
      routed: (part: Parameters<TraceBuilder['add']>[0]) => {
        builder!.add(part);
        this.#routed!.grow(builder!.trace);
        if (overtaken) abort.abort('superseded');
      },
    };
    const result = await engine.client
      .analyze(this.#model, text, sink, abort.signal, 0, live)
      .catch((error: unknown): AnalyzeResult | undefined => {
        if (!abort.signal.aborted) throw error;
        return undefined;
      });
    if (result) this.#routed!.grow(builder!.finish(result));
    this.#routed!.loads.upTo(0, this.#routed!.trace.routed);
    this.#routed!.tokenUnderCursor(text.length);
  }
}

interface Held {
  readonly engine: number;
  readonly engineHeap: number;
  readonly engineBuffers: number;
  readonly heap: number;
  readonly buffers: number;
  readonly handles: number;
}

/** Garbage, and the tensors that it holds, is collected first: when V8 does so by itself is not told by what is in use. */
async function held(): Promise<Held> {
  await sleep(PAUSE_MS);
  collectGarbage();
  for (let i = 0; i < 2; i++) await inside.send('HeapProfiler.collectGarbage');
  const { rss, heapUsed: engineHeap, arrayBuffers: engineBuffers } = await inside.run(() => process.memoryUsage());
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return {
    engine: rss / 2 ** 20,
    engineHeap: engineHeap / 2 ** 20,
    engineBuffers: engineBuffers / 2 ** 20,
    heap: heapUsed / 2 ** 20,
    buffers: arrayBuffers / 2 ** 20,
    handles: process.getActiveResourcesInfo().length + getEventListeners(signal, 'abort').length,
  };
}

// The engine starts when it is first asked.
await engine.analyze(MODELS[0]!.folder, 'once');
const inside = await HostDebugger.at(PORT);
const rounds: Held[] = [];
for (let round = 0; round < ROUNDS; round++) {
  for (const [m, { folder, options }] of MODELS.entries()) {
    const document = new Document(engine.model(folder, options), TEXTS[(round + m) % TEXTS.length]!.slice(0, 1500));
    for (let i = 0; i < Math.ceil(EDITS / MODELS.length); i++) await document.edit(next() < 0.1);
  }
  for (let i = 0; i < ANALYSES; i++) {
    const { folder, options } = MODELS[i % MODELS.length]!;
    const run = engine.client.analyze(
      engine.model(folder, options),
      TEXTS[i % TEXTS.length]!,
      { progress: () => undefined, began: () => undefined, routed: () => undefined },
      signal,
    );
    await run;
  }
  const now = await held();
  rounds.push(now);
  if (process.env['VERBOSE']) console.log(round, now);
}
inside.close();
engine.dispose();

const edits = ROUNDS * MODELS.length * Math.ceil(EDITS / MODELS.length);
report({ what: 'edits', value: edits, unit: '' });
report({ what: 'analyses besides', value: ROUNDS * ANALYSES, unit: '' });
for (const [what, of, unit] of [
  ['engine, resident', (h: Held) => h.engine, 'MB'],
  ['engine, heap', (h: Held) => h.engineHeap, 'MB'],
  ['engine, buffers', (h: Held) => h.engineBuffers, 'MB'],
  ['client, heap', (h: Held) => h.heap, 'MB'],
  ['client, buffers', (h: Held) => h.buffers, 'MB'],
  ['client, handles and listeners', (h: Held) => h.handles, ''],
] as const) {
  reportGrowth({ what, unit, values: rounds.map(of) });
}

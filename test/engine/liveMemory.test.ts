/** Where memory is short, what Live keeps gives way to what is asked for. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { traceOf } from '../../extension/client/textRouter.ts';
import { collectGarbage } from '../../extension/engine/memory.ts';
import { openCheckpoint, type CheckpointModel } from '../../extension/engine/openCheckpoint.ts';
import { neededMemory } from '../../extension/models/fitting.ts';
import type { ModelRequest } from '../../extension/protocol/engine.ts';
import { TestEngine } from '../support/analyze.ts';
import { expectSame, LiveText } from '../support/liveText.ts';
import { ROOT } from '../support/reference.ts';

const DEMO = join(ROOT, 'media/demo-models/balanced');
const LINE = 'The router sends each token to two of its experts.\n';
/** Some 700 tokens, whose keys and values take 4.7 MB, and some 1,400, whose take 9.4 MB. */
const [TEXT, LONGER] = [LINE.repeat(50), LINE.repeat(100)];

const FLOATS = { precision: 'float32', provider: 'cpu' } as const;

const machine = vi.hoisted(() => ({ memory: Infinity }));
vi.mock(import('../../extension/formats/freeMemory.ts'), async (original) => ({
  ...(await original()),
  freeMemory: () => machine.memory - process.memoryUsage().arrayBuffers,
}));

/** From now on so many bytes are free. */
function leave(bytes: number): void {
  collectGarbage();
  machine.memory = process.memoryUsage().arrayBuffers + bytes;
}

let folder: string;
let model: CheckpointModel;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-memory-'));
  model = await openCheckpoint(
    { folder: DEMO, cache: folder, cacheLimit: 0, threads: 0, context: 0, precision: 'float32', provider: 'cpu' },
    { importer: join(ROOT, 'dist/importer.js'), progress: () => undefined, signal: new AbortController().signal },
  );
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  machine.memory = Infinity;
});

it('an edited text goes on in the room of what it was', async () => {
  const live = new LiveText(model, 64e6);
  await live.live(TEXT);
  leave(1e6);
  const { trace } = await live.live(`a${TEXT}`);
  machine.memory = Infinity;
  expectSame(trace, await live.afresh(`a${TEXT}`));
});

it('a longer text takes the place of those that are kept', async () => {
  const live = new LiveText(model, 64e6);
  await live.live(TEXT);
  leave(7e6);
  const { trace, kept } = await live.live(LONGER);
  expect(kept).toBeGreaterThan(0);
  machine.memory = Infinity;
  expectSame(trace, await live.afresh(LONGER));
});

it('a model is opened as exact as what is left without garbage allows', async () => {
  let held: ArrayBuffer | undefined = new ArrayBuffer(150e6);
  expect(held.byteLength).toBe(150e6);
  // The bundled model takes some 0.2 GB in float32.
  leave(100e6);
  held = undefined;
  const opened = await openCheckpoint(
    { folder: DEMO, cache: folder, cacheLimit: 0, threads: 0, context: 0, precision: 'auto', provider: 'cpu' },
    { importer: join(ROOT, 'dist/importer.js'), progress: () => undefined, signal: new AbortController().signal },
  );
  await opened.close();
  expect(opened.info.precision).toBe('float32');
});

it('what cannot fit at all is refused', async () => {
  const live = new LiveText(model, 64e6);
  await live.live(TEXT);
  leave(-6e6);
  await expect(live.live(LONGER)).rejects.toMatchObject({ code: 'out-of-memory' });
});

/** An engine that has been told how many bytes are free, once it has been. */
class LimitedEngine extends TestEngine {
  readonly #limit: string;

  constructor() {
    const limit = join(folder, 'limit');
    const preload = join(folder, 'preload.cjs');
    writeFileSync(
      preload,
      `const os = require('node:os');
      const { existsSync, readFileSync } = require('node:fs');
      const { freemem } = os;
      require('node:v8').setFlagsFromString('--expose-gc');
      const collect = require('node:vm').runInNewContext('gc');
      let most;
      os.freemem = () => {
        if (!existsSync(${JSON.stringify(limit)})) return freemem();
        if (most === undefined) {
          // What V8 has not collected yet would come on top of what is free as soon as it does.
          collect();
          collect();
          most = process.memoryUsage().arrayBuffers + Number(readFileSync(${JSON.stringify(limit)}, 'utf8'));
        }
        return most - process.memoryUsage().arrayBuffers;
      };`,
    );
    super(undefined, ['--require', preload]);
    this.#limit = limit;
  }

  /** From the next look at it on. */
  leave(bytes: number): void {
    writeFileSync(this.#limit, String(bytes));
  }

  /** Has Live keep a text. */
  async keep(text: string): Promise<void> {
    const { signal } = new AbortController();
    await traceOf((sink) => this.client.analyze(this.request, text, sink, signal, 0, { memory: 512e6 }));
  }

  get request(): ModelRequest {
    return this.model(DEMO, FLOATS);
  }

  override dispose(): void {
    super.dispose();
    rmSync(this.#limit, { force: true });
  }
}

let engine: LimitedEngine;
beforeEach(() => {
  engine = new LimitedEngine();
});
afterEach(() => {
  engine.dispose();
});

it('a text that is analysed without Live takes the place of those that Live kept', async () => {
  await engine.keep(TEXT);
  engine.leave(3e6);
  const trace = await engine.analyze(DEMO, TEXT, FLOATS);
  expect(trace.routed).toBe(trace.tokens.ids.length);
  await expect(engine.analyze(DEMO, LONGER.repeat(2), FLOATS)).rejects.toMatchObject({ code: 'out-of-memory' });
});

const { signal } = new AbortController();
const progress = { progress: () => undefined };

describe.each([
  [
    'measured',
    (): Promise<unknown> =>
      engine.client.measure(
        engine.request,
        { text: 'a short text', interventions: [{ k: 1 }], logProb: true, routing: false },
        { ...progress, began: () => undefined, measured: () => undefined },
        signal,
      ),
  ],
  [
    'fitted',
    (): Promise<unknown> =>
      engine.client.balance(engine.request, { text: 'a short text', target: 9 }, progress, signal),
  ],
])('what is %s', (_, run) => {
  // Of some 3,900 tokens Live keeps 26 MB.
  const KEPT = LINE.repeat(280);
  const needed = (): number => neededMemory(model.graphs.plan.bytes, 'float32');

  it('takes the place of what Live kept', async () => {
    await engine.keep(KEPT);
    engine.leave(needed() - 15e6);
    await run();
  });

  it('is refused with figures that differ where there is no room without that either', async () => {
    await engine.keep(KEPT);
    engine.leave(needed() - 45e6);
    const refused: unknown = await run().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'precision-unsupported' });
    const figures = /needs ([\d.]+) GB of memory, and ([\d.]+) GB are free/.exec(String(refused))!;
    expect(Number(figures[1])).toBeGreaterThan(Number(figures[2]));
  });
});

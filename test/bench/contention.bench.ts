/**
 * An analysis beside other work: with a busy process a core, it should take some twice as long as alone, which is its fair share, and no
 * more processor time. Then it waits for no thread that spins, and none of its own takes a core to wait on.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../../extension/analysis/latency.ts';
import { openCheckpoint } from '../../extension/engine/openCheckpoint.ts';
import { prefill, windowStarts } from '../../extension/engine/prefill.ts';
import { root } from '../../extension/tools/project.mjs';
import { report } from './report.ts';

const TOKENS = 2048;
const RUNS = 7;
const FAIR_SHARE = 2;
/** How long the engine is watched when it has nothing to do. */
const IDLE_MS = 1000;

const cache = mkdtempSync(join(tmpdir(), 'moescope-contention-'));
const signal = new AbortController().signal;
const cores = availableParallelism();
const model = await openCheckpoint(
  {
    folder: process.argv[2] ?? join(root, 'media/demo-models/balanced'),
    ...{ cache, cacheLimit: 0, threads: cores, context: 0, precision: 'float32', provider: 'cpu' },
  },
  { importer: join(root, 'dist/importer.js'), progress: () => undefined, signal },
);
const { ids } = await model.tokenizer.encode(readFileSync(join(root, 'media/samples/essay.md'), 'utf8').repeat(40));

interface Run {
  readonly wall: number;
  readonly cpu: number;
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

async function runs(): Promise<Run> {
  const wall: number[] = [];
  const cpu: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const [start, before] = [performance.now(), processorTime()];
    const parts = prefill(model, ids.subarray(0, TOKENS), windowStarts(TOKENS, model.info.context), 0, signal);
    while ((await parts.next()).done !== true);
    wall.push(performance.now() - start);
    cpu.push(processorTime() - before);
  }
  return { wall: median(wall), cpu: median(cpu) };
}

await runs();
const alone = await runs();
// What the runs have left behind is collected first, once, in some 50 ms.
await sleep(IDLE_MS);
const before = processorTime();
await sleep(IDLE_MS);
report({ what: 'processor time of an idle engine, a second', value: processorTime() - before, unit: 'ms', budget: 10 });
const busy = Array.from({ length: cores }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
await sleep(200);
const beside = await runs();
for (const child of busy) child.kill();
report({ what: `${TOKENS} tokens alone`, value: alone.wall, unit: 'ms' });
report({ what: `${TOKENS} tokens beside ${cores} busy processes`, value: beside.wall, unit: 'ms' });
report({ what: 'times as long', value: beside.wall / alone.wall, unit: '×', budget: FAIR_SHARE });
report({ what: 'times the processor time', value: beside.cpu / alone.cpu, unit: '×' });
await model.close();
rmSync(cache, { recursive: true, force: true });

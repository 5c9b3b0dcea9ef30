/** The engine killed at 200 random moments: what callers were told, and whether the next analysis was right and nothing was left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { randomNumbers } from '../../extension/analysis/random.ts';
import { root } from '../../extension/tools/project.mjs';
import { TestEngine } from '../support/analyze.ts';
import { filesIn, isAlive, killAt, routeAfter, WORKS } from '../support/kills.ts';
import { report } from './report.ts';

const MODEL = join(root, 'media/demo-models/balanced');
const TEXT = 'for (const token of tokens) route(token);\n';
const KILLS = 200;

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));
const engine = new TestEngine();
const next = randomNumbers(Number(process.argv[2] ?? 1));
const wanted = await engine.analyze(MODEL, TEXT);
const files = filesIn(engine.cache).length;
const told = new Map<string, number>();
let wrong = 0;
let left = 0;
let zombies = 0;
for (let i = 0; i < KILLS; i++) {
  const killed = await killAt(engine, MODEL, WORKS[i % WORKS.length]!, Math.floor(next() * 400));
  told.set(killed.told, (told.get(killed.told) ?? 0) + 1);
  // The one that asks next asks after the kill.
  for (let wait = 0; wait < 100 && killed.pid !== undefined && isAlive(killed.pid); wait++) await sleep(20);
  if (killed.pid !== undefined && isAlive(killed.pid)) zombies += 1;
  const trace = await routeAfter(engine, MODEL, TEXT);
  const same = trace.layers.every(({ chosen }, l) =>
    chosen.every((expert, at) => expert === wanted.layers[l]!.chosen[at]),
  );
  if (!same || trace.routed !== wanted.routed) wrong += 1;
  if (filesIn(engine.cache).length !== files) left += 1;
}
for (const [code, times] of told) report({ what: `${KILLS} kills, callers told: ${code}`, value: times, unit: '' });
report({ what: 'next analyses that were wrong', value: wrong, unit: '', budget: 0 });
report({ what: 'kills that left files', value: left, unit: '', budget: 0 });
report({ what: 'processes left', value: zombies, unit: '', budget: 0 });
report({ what: 'rejections that nobody handled', value: unhandled.length, unit: '', budget: 0 });
engine.dispose();

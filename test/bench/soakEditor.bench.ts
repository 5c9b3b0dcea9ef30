/**
 * A long day in the real VS Code: with Live on, words are typed and undone in two files in turn, which are analysed, and the map and the
 * report are opened and closed. What the extension host holds at the end of a round must not grow once it has warmed up. (Heap and nodes
 * of the window do in VS Code alone, too; those of the views are soakViews'.)
 * `-- soakEditor 40` works through 40 rounds.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomNumbers } from '../../extension/analysis/random.ts';
import { here, packagePath } from '../../extension/tools/package.mjs';
import { root } from '../../extension/tools/project.mjs';
import { Workbench } from '../e2e/driver.ts';
import { reportGrowth } from './growth.ts';
import { freePort, HostDebugger } from './hostDebugger.ts';
import { QUIET } from './quietSettings.ts';
import { report } from './report.ts';

const ROUNDS = Number(process.argv[2] ?? 24);
const FILES = ['router.ts', 'essay.md'];
/** Words typed and undone in each file of a round. */
const WORDS = ['router', 'expert', 'token', 'gate', 'layer', 'load'];
const LINES = 20;
/** Until what a round has left to be done is done. */
const PAUSE_MS = 1500;

interface Held {
  readonly heap: number;
  readonly buffers: number;
  readonly handles: number;
  readonly listeners: number;
}

const inspect = await freePort();
const workbench = await Workbench.launch({
  extension: packagePath(here),
  ...{ folder: join(root, 'media/samples'), file: FILES[0]!, inspect },
  // Saved at once, editors close without a question.
  settings: { ...QUIET, 'files.autoSave': 'afterDelay', 'files.autoSaveDelay': 100 },
});
const { page } = workbench;
const session = await page.context().newCDPSession(page);
await session.send('Performance.enable');
await workbench.inspectExtensionHost(inspect);
const host = await HostDebugger.at(inspect);
const next = randomNumbers(5);
let keys = 0;

await workbench.openView('MoEScope');
await workbench.runCommand('MoEScope: Start Live Routing');
const rounds: Held[] = [];
for (let round = 0; round < ROUNDS; round++) {
  for (const file of FILES) {
    await workbench.open(file);
    await workbench.runCommand('MoEScope: Analyze Routing');
    await workbench.tinted();
    for (const word of WORDS) {
      await workbench.cursorTo(1 + Math.floor(next() * LINES), 1);
      for (const letter of word) await press(letter);
      await sleep(300);
      for (let i = 0; i < word.length; i++) await press('Backspace');
    }
  }
  for (const [command, selector] of [
    ['MoEScope: Open Routing Map', '.body canvas'],
    ['MoEScope: Open Load Report', '.verdict'],
  ] as const) {
    await workbench.runCommand(command);
    await workbench.webview(selector);
    await workbench.runCommand('View: Close Editors in Other Groups');
  }
  await workbench.runCommand('View: Close All Editors');
  const now = await held();
  rounds.push(now);
  if (process.env['VERBOSE']) console.log(round, now);
}
host.close();
const errors = workbench.logErrors();
await workbench.close();

report({ what: 'rounds', value: ROUNDS, unit: '' });
report({ what: 'keys', value: keys, unit: '' });
for (const [what, of, unit] of [
  ['extension host, heap', (h: Held) => h.heap, 'MB'],
  ['extension host, buffers', (h: Held) => h.buffers, 'MB'],
  ['extension host, handles', (h: Held) => h.handles, ''],
  ['window, listeners', (h: Held) => h.listeners, ''],
] as const) {
  reportGrowth({ what, unit, values: rounds.map(of) });
}
report({ what: 'errors in the log', value: errors.length, unit: '', budget: 0 });

async function press(key: string): Promise<void> {
  await page.keyboard.press(key);
  keys += 1;
  await sleep(60);
}

/** With all editors closed, and garbage collected. */
async function held(): Promise<Held> {
  await sleep(PAUSE_MS);
  for (let i = 0; i < 2; i++) await host.send('HeapProfiler.collectGarbage');
  const { heap, buffers, handles } = await host.run(() => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return {
      heap: heapUsed / 2 ** 20,
      buffers: arrayBuffers / 2 ** 20,
      handles: process.getActiveResourcesInfo().length,
    };
  });
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const listeners = metrics.find(({ name }) => name === 'JSEventListeners')!.value;
  return { heap, buffers, handles, listeners };
}

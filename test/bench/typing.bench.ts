/**
 * What Live costs somebody who types, in the real VS Code: from the key to the letter, from the key to the new tint, and how long
 * the extension host is busy at a stretch. `-- typing 20` types for 20 seconds each time instead of a minute.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CDPSession, Page } from 'playwright-core';
import { Tokenizer } from '../../extension/engine/tokenizer.ts';
import { here, packagePath } from '../../extension/tools/package.mjs';
import { root } from '../../extension/tools/project.mjs';
import { Workbench } from '../e2e/driver.ts';
import { freePort, HostDebugger } from './hostDebugger.ts';
import { QUIET } from './quietSettings.ts';
import { report } from './report.ts';

const SECONDS = Number(process.argv[2] ?? 60);
/** A folder with the extension, in the place of the package. */
const EXTENSION = process.argv[3] ?? packagePath(here);
const TOKENS = 2000;
const KEY_MS = 100;
/** Fewer say nothing of how they are spread. */
const KEYS_FOR_A_QUANTILE = 10;
const FILE = 'text.txt';
const WORDS = 'the router sends this token to two of its experts, ';
const VIEWS = ['no view', 'side panel', 'side panel and map'] as const;
const PLACES = ['end', 'middle'] as const;
type Place = (typeof PLACES)[number];

/** Milliseconds, one entry a key. */
interface Typed {
  readonly letters: readonly number[];
  /** Of keys after which a tint changed. */
  readonly tints: readonly number[];
}

/** Of the extension host's thread, in milliseconds. */
interface Busy {
  /** Between two turns of its event loop: 99.9 % under, and the longest. */
  readonly p999: number;
  readonly longest: number;
  /** Longest that it computed between two turns, whatever else the machine had to do. */
  readonly computed: number;
  /** All that it computed, of the time. */
  readonly share: number;
}

const text = await readText();
const middle = text.slice(0, text.length >> 1).split('\n').length;
const folder = mkdtempSync(join(tmpdir(), 'moescope-typing-'));
writeFileSync(join(folder, FILE), text);

const floor = await withEditor(undefined, async (workbench, host) => {
  const found = new Map<Place, number>();
  for (const place of PLACES)
    found.set(place, await measure(`without the extension, at the ${place}`, workbench, host, place));
  return found;
});
await withEditor(EXTENSION, async (workbench, host) => {
  await workbench.runCommand('MoEScope: Analyze Routing');
  await workbench.tinted();
  await workbench.runCommand('View: Close Editors in Other Groups');
  await workbench.runCommand('View: Close Primary Side Bar');
  for (const view of VIEWS) {
    if (view === 'side panel') await workbench.openView('MoEScope');
    if (view === 'side panel and map') await openMap(workbench);
    for (const live of ['off', 'on'] as const) {
      await workbench.runCommand(`MoEScope: ${live === 'on' ? 'Start Live' : 'Analyze'} Routing`);
      for (const place of PLACES) {
        const p50 = await measure(`Live ${live}, ${view}, at the ${place}`, workbench, host, place);
        report({ what: '  letter, p50, against VS Code alone', value: p50 / floor.get(place)!, unit: '×' });
      }
      if (live === 'on') await workbench.runCommand('MoEScope: Stop Live Routing');
    }
  }
});
rmSync(folder, { recursive: true });

async function withEditor<T>(
  extension: string | undefined,
  use: (workbench: Workbench, host: HostDebugger) => Promise<T>,
): Promise<T> {
  const inspect = await freePort();
  const workbench = await Workbench.launch({
    ...(extension === undefined ? {} : { extension }),
    ...{ folder, file: FILE, inspect },
    settings: QUIET,
  });
  try {
    await workbench.inspectExtensionHost(inspect);
    const host = await HostDebugger.at(inspect);
    await watchEditor(workbench.page);
    const found = await use(workbench, host);
    host.close();
    return found;
  } finally {
    await workbench.close();
  }
}

/** Types and says what came of it. @returns milliseconds from a key to its letter, the median */
async function measure(what: string, workbench: Workbench, host: HostDebugger, place: Place): Promise<number> {
  await workbench.cursorTo(place === 'end' ? text.split('\n').length + 1000 : middle, 1);
  await workbench.page.keyboard.press('End');
  await workbench.page.keyboard.press('Enter');
  await sleep(2000);
  await host.run(watchLoop);
  await workbench.page.evaluate(() => {
    window.typing!.start();
  });
  const session = await workbench.page.context().newCDPSession(workbench.page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const drawing = await threadMilliseconds(session);
  const start = performance.now();
  const cpu = cpuMilliseconds();
  const keys: Promise<void>[] = [];
  for (let key = 0; key < SECONDS * (1000 / KEY_MS); key++) {
    const letter = WORDS[key % WORDS.length]!;
    keys.push(workbench.page.keyboard.press(letter === ' ' && key % 60 > 50 ? 'Enter' : letter));
    await sleep(Math.max(0, start + (key + 1) * KEY_MS - performance.now()));
  }
  await Promise.all(keys);
  await sleep(1000);
  const { letters, tints }: Typed = await workbench.page.evaluate(() => window.typing!.stop());
  const busy: Busy = await host.run(endWatch);
  const drawn = (await threadMilliseconds(session)) - drawing;
  await session.detach();
  console.log(
    `\n${what}: ${letters.length} of ${keys.length} keys; the machine was busy ${percent(cpuMilliseconds() - cpu, performance.now() - start)}`,
  );
  const p50 = quantile(letters, 0.5);
  report({ what: '  from key to letter, p50', value: p50, unit: 'ms' });
  report({ what: '    p95', value: quantile(letters, 0.95), unit: 'ms' });
  report({ what: '    longest', value: quantile(letters, 1), unit: 'ms' });
  report({ what: '  the window’s thread computes a key', value: drawn / keys.length, unit: 'ms' });
  if (tints.length > KEYS_FOR_A_QUANTILE) {
    report({
      what: `  from key to new tint (${tints.length} keys), p50`,
      value: quantile(tints, 0.5),
      unit: 'ms',
      budget: 50,
    });
    report({ what: '    p95', value: quantile(tints, 0.95), unit: 'ms', budget: 150 });
    report({ what: '    longest', value: quantile(tints, 1), unit: 'ms' });
  }
  report({ what: '  extension host’s loop, 99.9 % of turns under', value: busy.p999, unit: 'ms', budget: 16 });
  report({ what: '    longest', value: busy.longest, unit: 'ms' });
  report({ what: '    longest that it computed', value: busy.computed, unit: 'ms', budget: 16 });
  report({ what: '    computing, of the time', value: 100 * busy.share, unit: '%' });
  return p50;
}

/** Opens the map beside the text, and goes back to that. */
async function openMap(workbench: Workbench): Promise<void> {
  await workbench.runCommand('MoEScope: Open Routing Map');
  await workbench.webview('.body canvas');
  await workbench.runCommand('View: Focus First Editor Group');
}

/** Processor time of the page's main thread so far. */
async function threadMilliseconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return 1000 * metrics.find(({ name }) => name === 'TaskDuration')!.value;
}

/**
 * Notes, in the page, when keys come, when a changed line has been painted, and when tints have changed in a later frame than the
 * text did. VS Code draws in animation frames: the task after one comes when its picture is done.
 */
async function watchEditor(page: Page): Promise<void> {
  await page.evaluate(() => {
    let letters: number[] = [];
    let tints: number[] = [];
    let key: number | undefined;
    let drawn: number | undefined;
    let lettering = false;
    const afterFrame = (then: (now: number) => void): void => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        then(performance.now());
        port1.close();
      };
      port2.postMessage(0);
    };
    document.addEventListener(
      'keydown',
      ({ timeStamp }) => {
        key = timeStamp;
        drawn = undefined;
      },
      true,
    );
    const editor = document.querySelector('.editor-instance .monaco-editor')!;
    const observe = (part: string, changed: () => void): void => {
      new MutationObserver(changed).observe(editor.querySelector(part)!, {
        childList: true,
        characterData: true,
        subtree: true,
      });
    };
    observe('.view-lines', () => {
      if (key === undefined) return;
      const at = key;
      key = undefined;
      drawn = at;
      // Tints of the frame that draws the letter were there before, and moved. Asking for frames would have the window draw them.
      lettering = true;
      afterFrame((now) => {
        lettering = false;
        letters.push(now - at);
      });
    });
    observe('.view-overlays', () => {
      if (drawn === undefined || lettering) return;
      const at = drawn;
      drawn = undefined;
      afterFrame((now) => tints.push(now - at));
    });
    window.typing = {
      start: () => {
        letters = [];
        tints = [];
      },
      stop: () => ({ letters, tints }),
    };
  });
}

/** Runs in the extension host. */
function watchLoop(): void {
  const { monitorEventLoopDelay } = process.getBuiltinModule('node:perf_hooks');
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const own = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  const start = performance.now();
  const computedBefore = own();
  let computed = own();
  let most = 0;
  const timer = setInterval(() => {
    const now = own();
    most = Math.max(most, now - computed);
    computed = now;
  }, 1);
  delays.enable();
  Object.assign(globalThis, {
    endWatch: (): Busy => {
      clearInterval(timer);
      delays.disable();
      return {
        p999: delays.percentile(99.9) / 1e6,
        longest: delays.max / 1e6,
        computed: most,
        share: (own() - computedBefore) / (performance.now() - start),
      };
    },
  });
}

/** Runs in the extension host. */
function endWatch(): Busy {
  return (globalThis as unknown as { endWatch: () => Busy }).endWatch();
}

declare global {
  interface Window {
    typing?: { start: () => void; stop: () => Typed };
  }
}

async function readText(): Promise<string> {
  const samples = ['essay.md', 'capacity.py', 'router.ts'].map((file) =>
    readFileSync(join(root, 'media/samples', file), 'utf8'),
  );
  const long = samples.join('\n').repeat(9);
  const tokenizer = await Tokenizer.open(join(root, 'media/demo-models/balanced'), Infinity);
  return long.slice(0, (await tokenizer.encode(long)).end[TOKENS - 1]);
}

/** What all cores have worked since the machine started, over their number. */
function cpuMilliseconds(): number {
  const cores = cpus();
  const work = cores.map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return work.reduce((a, b) => a + b, 0) / cores.length;
}

function percent(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? NaN;
}

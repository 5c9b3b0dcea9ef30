/** A tour of what routing is, on the user's own text: both bundled models route it, and each step tells what came of it. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import type { RecordedTrace } from '../formats/traceJson.ts';
import { INTERRUPTED, readOneText, readText, route } from './route.ts';
import { tourSteps } from './tourSteps.ts';
import { UsageError } from './usage.ts';
import { understood } from './values.ts';

const MEDIA = join(__dirname, '../media');
const MODELS = ['balanced', 'collapsed'] as const;

/** Shows the steps one after another; in a terminal the user turns the page. Returns the exit code; throws UserError and UsageError. */
export async function tour(args: string[]): Promise<number> {
  const { positionals: files } = understood(() => parseArgs({ args, allowPositionals: true, options: {} }));
  const text = files.length > 0 ? await readOneText(files) : await samples();
  if (text.trim() === '') throw new UsageError('There is no text to route.');
  const runs: RecordedTrace[] = [];
  for (const model of MODELS) {
    const { recorded, interrupted } = await route(text, {
      ...{ model: join(MEDIA, 'demo-models', model), generate: 0, threads: 0, context: 0 },
      ...{ precision: 'float32', provider: 'cpu' },
    });
    if (interrupted) return INTERRUPTED;
    runs.push(recorded);
  }
  const steps = tourSteps(runs[0]!, runs[1]!);
  for (const [i, { title, text: told }] of steps.entries()) {
    process.stdout.write(`${i + 1} of ${steps.length}  ${title.toUpperCase()}\n\n${told}\n`);
    if (i + 1 < steps.length && !(await turned())) return INTERRUPTED;
  }
  return 0;
}

/** The sample texts, one after another. */
async function samples(): Promise<string> {
  const folder = join(MEDIA, 'samples');
  const files = (await readdir(folder)).sort();
  const texts = await Promise.all(files.map((file) => readText(join(folder, file))));
  return texts.join('\n\n');
}

/** Waits for Enter where somebody can press it; false after Ctrl+C. */
async function turned(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return true;
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  const stop = new AbortController();
  reader.once('SIGINT', () => {
    stop.abort();
  });
  try {
    await reader.question('Enter goes on, Ctrl+C ends. ', { signal: stop.signal });
    process.stdout.write('\n');
    return true;
  } catch {
    return false;
  } finally {
    reader.close();
  }
}

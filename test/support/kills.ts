/** Kills the engine while it works, and looks at what is left. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { traceOf } from '../../extension/client/textRouter.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import type { TestEngine } from './analyze.ts';

/** What the engine is killed at. */
export const WORKS = ['start', 'import', 'prefill', 'edit', 'generation'] as const;
export type Work = (typeof WORKS)[number];

export interface Killed {
  /** The code that the caller was told; `finished` when the kill came too late, or nothing ran yet. */
  readonly told: string;
  /** The process that was killed, if one ran. */
  readonly pid: number | undefined;
}

const MEMORY = 64e6;

/** Has the engine work, and kills it after so many milliseconds. */
export async function killAt(engine: TestEngine, folder: string, work: Work, afterMs: number): Promise<Killed> {
  const text = 'The router sends each token to a few experts.\n'.repeat(work === 'prefill' ? 120 : 6);
  const model = engine.model(folder);
  const { signal } = new AbortController();
  const sink = {
    progress: () => undefined,
    began: () => undefined,
    routed: () => undefined,
    continued: () => undefined,
  };
  engine.client.resetCrashes();
  if (work === 'start' && engine.client.pid !== undefined) await kill(engine.client.pid);
  if (work === 'import') {
    await engine.client.clearCache(engine.cache);
    engine.client.resetCrashes();
  }
  const run = async (): Promise<unknown> => {
    if (work === 'generation') {
      const what = { text, tokens: 200, sampling: { temperature: 1, seed: 1 }, memory: MEMORY };
      return engine.client.continue(model, what, sink, signal);
    }
    if (work !== 'edit') return engine.client.analyze(model, text, sink, signal);
    for (let i = 0; i < 20; i++)
      await engine.client.analyze(model, text + '.'.repeat(i), sink, signal, 0, { memory: MEMORY });
    return undefined;
  };
  const told = run().then(
    () => 'finished',
    (error: unknown) => (isUserError(error) && error.message.trim() !== '' ? error.code : `a bug: ${String(error)}`),
  );
  await sleep(afterMs);
  const { pid } = engine.client;
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  return { told: await told, pid };
}

async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  while (isAlive(pid)) await sleep(5);
}

/** Whether a process is there, be it a zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Routes a text as an edit of nothing, once the engine that was killed may be started again. */
export function routeAfter(engine: TestEngine, folder: string, text: string): Promise<RoutingTrace> {
  engine.client.resetCrashes();
  const { signal } = new AbortController();
  return traceOf((sink) => engine.client.analyze(engine.model(folder), text, sink, signal, 0, { memory: MEMORY }));
}

/** All files below a folder, by their paths in it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();
}

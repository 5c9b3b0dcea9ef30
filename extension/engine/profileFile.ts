/** ONNX Runtime's profiles: one JSON file a session, of events with microseconds. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { OWNER_NAME, ownerLives } from './owner.ts';

const PREFIX = 'moescope-profile-';

/** Ends the name of the event that says how long a node's kernel took. */
const KERNEL = '_kernel_time';

const runEvent = v.object({
  cat: v.literal('Session'),
  name: v.literal('model_run'),
  ts: v.number(),
  dur: v.number(),
});
const kernelEvent = v.object({
  cat: v.literal('Node'),
  name: v.pipe(v.string(), v.endsWith(KERNEL)),
  ts: v.number(),
  dur: v.number(),
  args: v.object({ op_name: v.string() }),
});

/** Operators that run other nodes, each of which has an event of its own. */
const CONTAINERS = new Set(['If', 'Loop', 'Scan']);

export interface KernelTime {
  readonly name: string;
  readonly operator: string;
  /** In milliseconds, all runs together. */
  readonly milliseconds: number;
}

/** What the paths of this engine's profiles begin with. Those of engines that were ended before they could remove them go. */
export async function profilePath(): Promise<string> {
  const folder = tmpdir();
  const names = await readdir(folder).catch(() => []);
  for (const path of names.filter((name) => name.startsWith(PREFIX)).map((name) => join(folder, name))) {
    if ((await ownerLives(path)) === false) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
  return join(folder, `${PREFIX}${OWNER_NAME}-`);
}

/**
 * Time of each kernel in the last of a session's runs.
 *
 * @param share of the runs that count: those before are a warm-up
 */
export async function kernelTimes(folder: string, share: number): Promise<KernelTime[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const times: KernelTime[] = [];
  for (const file of files) {
    const events: unknown = JSON.parse(await readFile(join(folder, file), 'utf8'));
    if (Array.isArray(events)) times.push(...timesOf(events, share));
  }
  return times;
}

function timesOf(events: readonly unknown[], share: number): KernelTime[] {
  const runs = events.filter((event) => v.is(runEvent, event)).toSorted((a, b) => a.ts - b.ts);
  const first = runs[runs.length - Math.round(runs.length * share)];
  if (!first) return [];
  const sums = new Map<string, { operator: string; microseconds: number }>();
  for (const event of events) {
    if (!v.is(kernelEvent, event) || event.ts < first.ts || CONTAINERS.has(event.args.op_name)) continue;
    const name = event.name.slice(0, -KERNEL.length);
    const sum = sums.get(name) ?? { operator: event.args.op_name, microseconds: 0 };
    sum.microseconds += event.dur;
    sums.set(name, sum);
  }
  return Array.from(sums, ([name, { operator, microseconds }]) => ({
    name,
    operator,
    milliseconds: microseconds / 1000,
  }));
}

import * as l10n from '@vscode/l10n';
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { profilePath } from './profileFile.ts';

/** The events of a profile that say which provider ran a node. */
const nodeEvent = v.object({
  cat: v.literal('Node'),
  name: v.string(),
  args: v.object({ op_name: v.string(), provider: v.string() }),
});

/** Kinds of operators that are named. */
const NAMED = 4;

/** A profile of a run, which tells what a provider left to the CPU. ONNX Runtime writes one file a session. */
export class Placement {
  /** What the files' paths begin with. */
  readonly prefix: string;

  private constructor(prefix: string) {
    this.prefix = prefix;
  }

  static async begin(): Promise<Placement> {
    return new Placement((await profilePath()) + randomUUID());
  }

  async files(): Promise<string[]> {
    const folder = dirname(this.prefix);
    const names = await readdir(folder).catch(() => []);
    return names.filter((name) => name.startsWith(basename(this.prefix))).map((name) => join(folder, name));
  }

  async remove(): Promise<void> {
    for (const file of await this.files()) await rm(file, { force: true });
  }
}

/** Says how many nodes ran on the CPU, and which, as a clause; empty where none did or nothing is known. */
export async function placementIn(profile: Placement): Promise<string> {
  const nodes = new Map<string, { readonly type: string; readonly onCpu: boolean }>();
  for (const file of await profile.files()) {
    const events: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (!Array.isArray(events)) continue;
    for (const event of events) {
      const read = v.safeParse(nodeEvent, event);
      if (!read.success) continue;
      const { name, args } = read.output;
      nodes.set(`${file} ${name}`, { type: args.op_name, onCpu: args.provider === 'CPUExecutionProvider' });
    }
  }
  const left = [...nodes.values()].filter(({ onCpu }) => onCpu);
  if (left.length === 0) return '';
  const counts = new Map<string, number>();
  for (const { type } of left) counts.set(type, (counts.get(type) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const named = sorted.slice(0, NAMED).map(([type, count]) => `${count} ${type}`);
  const more = sorted.length > NAMED ? ' …' : '';
  return l10n.t`; ${left.length} of ${nodes.size} nodes stay on the CPU (${named.join(', ') + more})`;
}

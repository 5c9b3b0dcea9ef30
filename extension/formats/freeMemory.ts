/** Memory that this process may still have: what the machine has free, and in a container no more than that leaves. */
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

/** Control groups, second version and first: where a process's own is, the limit, what is used, and what of that is files that can be dropped. */
const FILES = [
  { group: /^0::(.*)$/m, folder: '', limit: 'memory.max', used: 'memory.current', droppable: /^inactive_file (\d+)$/m },
  {
    group: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m,
    folder: 'memory',
    limit: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
    droppable: /^total_inactive_file (\d+)$/m,
  },
] as const;

/** Bytes that can be allocated. */
export function freeMemory(): number {
  return Math.min(freemem(), groupMemory('/sys/fs/cgroup', '/proc/self/cgroup'));
}

/**
 * Bytes that the control group of this process and those above it leave; Infinity where none limits them.
 *
 * @param root where Linux shows the groups; in a container that is mostly the process's own
 * @param own the file that says which is the process's own
 */
export function groupMemory(root: string, own: string): number {
  const groups = textOf(own) ?? '';
  let least = Infinity;
  for (const files of FILES) {
    const names = (files.group.exec(groups)?.[1] ?? '').split('/').filter((name) => name !== '' && name !== '..');
    for (let depth = names.length; depth >= 0; depth--) {
      least = Math.min(least, leftBy(join(root, files.folder, ...names.slice(0, depth)), files));
    }
  }
  return least;
}

function leftBy(group: string, { limit, used, droppable }: (typeof FILES)[number]): number {
  const most = Number(textOf(join(group, limit)) ?? Infinity);
  // "max", or the largest number of pages; or not this version, or no Linux.
  if (!Number.isFinite(most) || most >= Number.MAX_SAFE_INTEGER) return Infinity;
  const files = Number(droppable.exec(textOf(join(group, 'memory.stat')) ?? '')?.[1] ?? 0);
  return Math.max(0, most - Number(textOf(join(group, used)) ?? 0) + files);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

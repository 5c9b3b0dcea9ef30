/** Memory that this process may still have: what the machine has free, and in a container no more than that leaves. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

/**
 * Control groups, second version and first: where a process's own is, the limit, what is used, and what of that is files that can be
 * dropped.
 */
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
  if (process.platform === 'darwin') return availableOnMac() ?? freemem();
  return Math.min(freemem(), groupMemory('/sys/fs/cgroup', '/proc/self/cgroup'));
}

/** macOS uses what is free for files, so that Node finds next to nothing free on a Mac that has been on for a while. */
function availableOnMac(): number | undefined {
  try {
    return availablePages(execFileSync('/usr/bin/vm_stat', { encoding: 'utf8', timeout: 2000 }));
  } catch {
    return undefined;
  }
}

/** Bytes of the pages that macOS hands out before it takes any that are in use; undefined where `vm_stat` does not say. */
export function availablePages(vmStat: string): number | undefined {
  const pages = (kind: string): number => Number(new RegExp(`^Pages ${kind}: +(\\d+)\\.`, 'm').exec(vmStat)?.[1]);
  const size = Number(/page size of (\d+) bytes/.exec(vmStat)?.[1]);
  const bytes = size * (pages('free') + pages('speculative') + pages('inactive'));
  return Number.isNaN(bytes) ? undefined : bytes;
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

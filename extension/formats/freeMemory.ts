/** Memory that this process may still have: what the machine has free, and in a container no more than that leaves. */
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';

/** Names of control groups, second version and first: the limit, what is used, and what of that is files that can be dropped. */
const FILES = [
  { folder: '', limit: 'memory.max', used: 'memory.current', droppable: /^inactive_file (\d+)$/m },
  {
    folder: 'memory',
    limit: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
    droppable: /^total_inactive_file (\d+)$/m,
  },
] as const;

/** Bytes that can be allocated. */
export function freeMemory(): number {
  return Math.min(freemem(), groupMemory('/sys/fs/cgroup'));
}

/**
 * Bytes that the control group of a container leaves; Infinity where none limits them.
 *
 * @param root where Linux shows the process's own group, as it does in a container
 */
export function groupMemory(root: string): number {
  for (const { folder, limit, used, droppable } of FILES) {
    try {
      const read = (name: string): string => readFileSync(join(root, folder, name), 'utf8').trim();
      const most = Number(read(limit));
      // "max", or the largest number of pages.
      if (!Number.isFinite(most) || most >= Number.MAX_SAFE_INTEGER) return Infinity;
      const files = Number(droppable.exec(read('memory.stat'))?.[1] ?? 0);
      return Math.max(0, most - Number(read(used)) + files);
    } catch {
      // Not this version, or no Linux.
    }
  }
  return Infinity;
}

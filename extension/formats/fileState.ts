import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** What changes when a file does. */
export async function fileState(path: string): Promise<string> {
  return stateIn(await stat(path, { bigint: true }));
}

export function stateIn({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs} ${dev} ${ctimeNs}`;
}

/** The part of a state to remember: a device has another number when it is mounted anew, and a new name or mode is no new content. */
export function lasting(state: string): string {
  return state.split(' ', 3).join(' ');
}

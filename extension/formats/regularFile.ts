import * as l10n from '@vscode/l10n';
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * What there is to know of a file, before it is opened: a pipe would keep us waiting, a device never ends. Throws Error when it
 * is one of these or a folder.
 */
export async function regularFile(path: string): Promise<Stats> {
  const stats = await stat(path);
  if (!stats.isFile()) throw new Error(l10n.t`it is no file`);
  return stats;
}

/** Whether there is a file of the name, and no folder, pipe or device. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Whether an error of the file system says that nothing of the name is there. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

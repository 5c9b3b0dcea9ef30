import * as l10n from '@vscode/l10n';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { UserError, type ErrorCode } from '../protocol/errors.ts';

/** How the text begins that a clone without Git LFS has in place of a file, and the size that none of them reaches. */
const BEGIN = 'version https://git-lfs.github.com/spec/';
const MAX_BYTES = 1024;

/** Throws UserError with a code when a file of that size only says where Git LFS keeps the real one. */
export async function refuseLfsPointer(path: string, size: number, code: ErrorCode): Promise<void> {
  if (size >= MAX_BYTES || !(await readFile(path, 'latin1')).startsWith(BEGIN)) return;
  throw new UserError(
    code,
    l10n.t`${basename(path)} is only a Git LFS pointer: run "git lfs pull" in ${dirname(path)}.`,
  );
}

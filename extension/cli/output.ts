import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../protocol/errors.ts';
import { UsageError } from './usage.ts';

/** Writes a file piece by piece; "-" is standard output. Throws UsageError. */
export async function writeOut(out: string, pieces: Iterable<string>): Promise<void> {
  const target = out === '-' ? process.stdout : createWriteStream(out);
  try {
    await pipeline(Readable.from(pieces), target, { end: out !== '-' });
  } catch (error) {
    throw new UsageError(`${out} cannot be written: ${messageOf(error)}.`, { cause: error });
  }
}

/** Writes files into a folder, which is made if there is none; paths have "/" between folders. Throws UsageError. */
export async function writeFolder(
  folder: string,
  files: readonly { readonly path: string; readonly text: string }[],
): Promise<void> {
  try {
    for (const { path, text } of files) {
      const place = join(folder, ...path.split('/'));
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, text);
    }
  } catch (error) {
    throw new UsageError(`${folder} cannot be written: ${messageOf(error)}.`, { cause: error });
  }
}

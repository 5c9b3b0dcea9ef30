import { constants, createWriteStream } from 'node:fs';
import { access, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../protocol/errors.ts';
import { UsageError } from './usage.ts';

/** Where a command writes: files, of which "-" is standard output, and folders. */
export interface Outputs {
  readonly json?: string | undefined;
  readonly html?: string | undefined;
  readonly out?: string | undefined;
  readonly csv?: string | undefined;
  readonly svg?: string | undefined;
}

/** Looks before the work whether its results can be written; leaves what is there as it is. Throws UsageError. */
export async function checkOutputs({ json, html, out, csv, svg }: Outputs): Promise<void> {
  if (html === '-' && json === '-') throw new UsageError('Standard output takes one of --html and --json.');
  for (const file of [json, html, out]) if (file !== undefined && file !== '-') await check(file, checkFile);
  for (const folder of [csv, svg]) if (folder !== undefined) await check(folder, checkFolder);
}

async function check(out: string, by: (path: string) => Promise<void>): Promise<void> {
  try {
    await by(out);
  } catch (error) {
    throw new UsageError(`${out} cannot be written: ${messageOf(error)}.`, { cause: error });
  }
}

async function checkFile(path: string): Promise<void> {
  if (await exists(path)) {
    if ((await stat(path)).isDirectory()) throw new Error('it is a folder');
    return access(path, constants.W_OK);
  }
  const folder = dirname(path);
  if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`);
  return access(folder, constants.W_OK);
}

/** A folder that is not there is made in the nearest that is. */
async function checkFolder(path: string): Promise<void> {
  if (!(await exists(path)) && dirname(path) !== path) return checkFolder(dirname(path));
  if (!(await stat(path)).isDirectory()) throw new Error(`${path} is no folder`);
  return access(path, constants.W_OK);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

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

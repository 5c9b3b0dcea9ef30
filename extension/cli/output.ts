import { constants } from 'node:fs';
import { access, mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { modelFiles } from '../formats/filesStamp.ts';
import { messageOf } from '../protocol/errors.ts';
import { isModel, modelPath } from './route.ts';
import { UsageError } from './usage.ts';

/** Where a command writes: files, of which "-" is standard output, and folders. */
export interface Outputs {
  readonly json?: string | undefined;
  readonly html?: string | undefined;
  readonly out?: string | undefined;
  readonly csv?: string | undefined;
  readonly svg?: string | undefined;
}

/** What a command reads. */
export interface Inputs {
  /** Files, of which "-" is standard input. */
  readonly files?: readonly string[];
  readonly trace?: readonly string[];
  /** A file, or a model. */
  readonly against?: string | undefined;
  readonly model?: string | undefined;
  /** All that lies in them may be read. */
  readonly folders?: readonly string[];
}

/**
 * Looks before the work whether its results can be written, and would take the place of nothing that is read or written besides;
 * leaves what is there as it is. Throws UsageError.
 */
export async function checkOutputs(options: Outputs & Inputs): Promise<void> {
  const { json, html, out, csv, svg } = options;
  if (html === '-' && json === '-') throw new UsageError('Standard output takes one of --html and --json.');
  const taken = await takenPlaces(options);
  for (const [option, file] of Object.entries({ json, html, out })) {
    if (file === undefined || file === '-') continue;
    await check(file, checkFile);
    const place = await placeOf(file);
    if (place === undefined) continue;
    const use = taken.get(place) ?? (await isRead(file, options));
    if (use !== undefined) throw new UsageError(`${file} ${use}, and --${option} would overwrite it.`);
    taken.set(place, `is what --${option} writes`);
  }
  for (const folder of [csv, svg]) if (folder !== undefined) await check(folder, checkFolder);
}

/** What is done with the files that are named. */
async function takenPlaces({ files = [], trace = [], against }: Inputs): Promise<Map<string, string>> {
  const named = [...files, ...trace, ...(against === undefined ? [] : [against])].filter((file) => file !== '-');
  const places = await Promise.all(named.map(placeOf));
  return new Map(places.flatMap((place) => (place === undefined ? [] : [[place, 'is what is read']])));
}

/** What is done with a file of the model or of a folder; nothing with what an earlier run wrote there. */
async function isRead(file: string, { model, against, folders = [] }: Inputs): Promise<string | undefined> {
  if (!(await exists(file)) || (await isOurs(file))) return undefined;
  const place = await placeOf(file);
  for (const named of [model, against]) {
    if (named === undefined || !(await isModel(named))) continue;
    for (const [folder, names] of await modelFiles(modelPath(named))) {
      for (const name of names) if ((await placeOf(join(folder, name))) === place) return 'belongs to the model';
    }
  }
  const real = await realpath(file);
  for (const folder of folders) {
    const inside = relative(await realpath(folder).catch(() => folder), real);
    if (!inside.startsWith('..') && !isAbsolute(inside)) return `is a file of ${folder}`;
  }
  return undefined;
}

/**
 * The same for two paths of one file, also where links lead to it; undefined for what is no file: devices take any number of
 * results.
 */
async function placeOf(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    return found.isFile() ? `${found.dev}:${found.ino}` : undefined;
  } catch {
    return join(await realpath(dirname(path)).catch(() => resolve(dirname(path))), basename(path));
  }
}

/** What stands at the beginning of files that commands write. */
const OURS = /"format": ?"moescope-|– MoEScope<\/title>/u;
const HEAD_BYTES = 4096;

async function isOurs(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  try {
    const { buffer, bytesRead } = (await file?.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)) ?? {};
    return buffer !== undefined && OURS.test(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await file?.close();
  }
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
  try {
    if (out === '-') await pipeline(Readable.from(pieces), process.stdout, { end: false });
    else await writeOrRemove(out, pieces);
  } catch (error) {
    throw new UsageError(`${out} cannot be written: ${messageOf(error)}.`, { cause: error });
  }
}

/** Leaves no part of a file, which could be taken for all of it. Throws what the disk says. */
export async function writeOrRemove(path: string, pieces: Iterable<string | Uint8Array>): Promise<void> {
  const file = await open(path, 'w');
  const isFile = (await file.stat()).isFile();
  try {
    await pipeline(Readable.from(pieces), file.createWriteStream());
  } catch (error) {
    if (isFile) await rm(await realpath(path), { force: true });
    throw error;
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
      await writeOrRemove(place, [text]);
    }
  } catch (error) {
    throw new UsageError(`${folder} cannot be written: ${messageOf(error)}.`, { cause: error });
  }
}

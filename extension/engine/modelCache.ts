/**
 * The folder that models are kept in. <id>/weights.bin is a model, its time of change that of its last use;
 * <id>/in-use-<owner> says that this engine has it open; see owner.ts. known/<key> has the id that a set of files has;
 * unfinished-<owner>-… is just being written or deleted by that engine, and interrupted-<key> waits for an engine that imports the
 * same: see unfinishedImport.ts. Any of it may be deleted at any time.
 */
import * as l10n from '@vscode/l10n';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent } from '../formats/regularFile.ts';
import { WEIGHT_FILE } from '../models/decoder.ts';
import type { CachedModel, ClearedCache } from '../protocol/engine.ts';
import { messageOf, UserError } from '../protocol/errors.ts';
import { OWNER_NAME, ownerLives } from './owner.ts';

/** Ids and keys are SHA-256. */
const KEY_DIGITS = 64;
const ID = /^[0-9a-f]{64}$/;
/** In which files are told to take room on a disk. */
const BLOCK_BYTES = 512;
const UNFINISHED = 'unfinished-';
const INTERRUPTED = 'interrupted-';
const IN_USE = 'in-use-';
/** Machines that see no processes here go by the time of a mark: see owner.ts. */
const MARKED_EVERY_MS = 60 * 60 * 1000;

/** Where ids are remembered. */
export const KNOWN = 'known';

/** A model that no engine deletes from the cache until it is released. */
export interface HeldModel {
  readonly folder: string;
  readonly release: () => Promise<void>;
}

/**
 * A name for a folder of this process that is not a model yet, or no longer.
 *
 * @param key of the files that it is made from, if another engine may go on with it
 */
export function unfinishedName(key = ''): string {
  return `${UNFINISHED}${OWNER_NAME}-${randomUUID()}${key && `-${key}`}`;
}

/** The name of what was left of an import of the files with that key. */
export function interruptedName(key: string): string {
  return `${INTERRUPTED}${key}`;
}

/** Marks a folder as one that this process uses. Where nothing can be written, nobody deletes either. */
export async function mark(folder: string): Promise<void> {
  // An empty file would not get a new time everywhere.
  await writeFile(markIn(folder), OWNER_NAME).catch(() => undefined);
}

function markIn(folder: string): string {
  return join(folder, `${IN_USE}${OWNER_NAME}`);
}

/** Holds the model with this id, which is now the one used last. Undefined when it is not there with so many bytes. */
export async function hold(cache: string, id: string, bytes: number): Promise<HeldModel | undefined> {
  if (!ID.test(id)) return undefined;
  const folder = join(cache, id);
  const atExit = (): void => {
    rmSync(markIn(folder), { force: true });
  };
  // Marked before it is looked at: what is there then stays.
  await mark(folder);
  process.once('exit', atExit);
  const marking = setInterval(() => void mark(folder), MARKED_EVERY_MS).unref();
  const release = async (): Promise<void> => {
    clearInterval(marking);
    process.off('exit', atExit);
    // Where it stays, it counts no longer when this process has ended.
    await rm(markIn(folder), { force: true }).catch(() => undefined);
  };
  if ((await weightBytes(folder)) !== bytes) {
    await release();
    return undefined;
  }
  const now = new Date();
  await utimes(join(folder, WEIGHT_FILE), now, now).catch(() => undefined);
  return { folder, release };
}

/** Bytes of a model's weight file; undefined when there is none. */
export async function weightBytes(folder: string): Promise<number | undefined> {
  return stat(join(folder, WEIGHT_FILE)).then(
    ({ size }) => size,
    () => undefined,
  );
}

/**
 * The models of a cache and what was left of imports, the one used last first.
 *
 * @throws UserError `cache-unwritable` when the folder cannot be read
 */
export async function cachedModels(cache: string): Promise<CachedModel[]> {
  await sortAbandoned(cache);
  const models: CachedModel[] = [];
  for (const id of await namesIn(cache)) {
    if (!ID.test(id)) continue;
    const folder = join(cache, id);
    const weights = await stat(join(folder, WEIGHT_FILE)).catch(() => undefined);
    models.push({ id, bytes: weights?.size ?? 0, lastUsed: weights?.mtimeMs ?? 0, open: await isInUse(folder) });
  }
  for (const name of await namesIn(cache)) {
    const id = keyIn(name, INTERRUPTED);
    if (id === undefined) continue;
    const weights = await stat(join(cache, name, WEIGHT_FILE)).catch(() => undefined);
    // The file has all of its size from the start, but takes no more than what is written.
    const bytes = weights ? Math.min(weights.size, weights.blocks * BLOCK_BYTES) : 0;
    models.push({ id, bytes, lastUsed: weights?.mtimeMs ?? 0, open: false, unfinished: true });
  }
  return models.sort((a, b) => b.lastUsed - a.lastUsed);
}

/**
 * Deletes the models that were used longest ago until the others take no more than so many bytes, or are all in use.
 * Returns the bytes that were freed.
 *
 * @throws UserError `cache-unwritable` when the folder cannot be read
 */
export async function keepUnder(cache: string, limit: number): Promise<number> {
  const models = await cachedModels(cache);
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  let freed = 0;
  for (const model of models.reverse()) {
    if (total - freed <= limit) break;
    if (!model.open && (await remove(cache, folderOf(model)).catch(() => false))) freed += model.bytes;
  }
  if (freed > 0) await forgetRemoved(cache);
  return freed;
}

/**
 * Deletes all models of a cache but those that an engine has open or is just writing.
 *
 * @throws UserError `cache-unwritable` when the folder cannot be read, or what nobody has open cannot be deleted
 */
export async function clearCache(cache: string): Promise<ClearedCache> {
  let freed = 0;
  let kept = 0;
  let failure: unknown;
  for (const model of await cachedModels(cache)) {
    try {
      if (!model.open && (await remove(cache, folderOf(model)))) freed += model.bytes;
      else kept += 1;
    } catch (error) {
      failure = error;
    }
  }
  await forgetRemoved(cache);
  if (failure !== undefined) throw unwritable(cache, failure);
  return { freed, kept };
}

/** Sorts what engines that are gone have left half written: into what another may go on with, and what is removed. */
export async function sortAbandoned(cache: string): Promise<void> {
  for (const name of await namesIn(cache)) {
    const folder = join(cache, name);
    if (!name.startsWith(UNFINISHED) || (await ownerLives(folder)) !== false) continue;
    const key = keyIn(name, UNFINISHED);
    const kept = key !== undefined && (await moved(folder, join(cache, interruptedName(key))));
    if (!kept) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** What was left of imports: folders in the cache. */
export async function interruptedImports(cache: string): Promise<string[]> {
  return (await namesIn(cache))
    .filter((name) => keyIn(name, INTERRUPTED) !== undefined)
    .map((name) => join(cache, name));
}

/** Gives a folder another name. Returns whether it was there and the name was free. */
export async function moved(from: string, to: string): Promise<boolean> {
  return rename(from, to).then(
    () => true,
    () => false,
  );
}

function folderOf({ id, unfinished }: CachedModel): string {
  return unfinished === true ? interruptedName(id) : id;
}

/** Returns whether it is gone; false where an engine has it open. Throws what the file system says. */
async function remove(cache: string, name: string): Promise<boolean> {
  const folder = join(cache, name);
  const doomed = join(cache, unfinishedName());
  try {
    // Moved first: from now on no other engine can take it into use.
    await rename(folder, doomed);
    if (await isInUse(doomed)) {
      // One did since it was looked at.
      await rename(doomed, folder);
      return false;
    }
    await rm(doomed, { recursive: true });
    return true;
  } catch (error) {
    if (isAbsent(error)) return true;
    // It does not let go of what a process has open.
    if (process.platform === 'win32') return false;
    throw error;
  }
}

/** Whether a living engine has a model open; removes the marks of the others. */
async function isInUse(folder: string): Promise<boolean> {
  let used = false;
  for (const name of await readdir(folder).catch(() => [])) {
    const mark = join(folder, name);
    const lives = name.startsWith(IN_USE) ? await ownerLives(mark) : undefined;
    if (lives === true) used = true;
    if (lives === false) await rm(mark, { force: true }).catch(() => undefined);
  }
  return used;
}

/** Removes remembered ids of models that are gone. */
async function forgetRemoved(cache: string): Promise<void> {
  const folder = join(cache, KNOWN);
  const models = new Set(await namesIn(cache));
  for (const key of await readdir(folder).catch(() => [])) {
    const id = await readFile(join(folder, key), 'utf8').catch(() => '');
    if (!models.has(id)) await rm(join(folder, key), { force: true }).catch(() => undefined);
  }
  // Only when it is empty.
  await rmdir(folder).catch(() => undefined);
}

async function namesIn(cache: string): Promise<string[]> {
  return readdir(cache).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw new UserError('cache-unwritable', l10n.t`The model cache in ${cache} cannot be read: ${messageOf(error)}.`);
  });
}

export function unwritable(cache: string, error: unknown): UserError {
  const message = l10n.t`The model cache in ${cache} cannot be written: ${messageOf(error)}.`;
  // Of what a thread met, the sentence is all that comes.
  const code = messageOf(error).startsWith('ENOSPC') ? 'cache-full' : 'cache-unwritable';
  return new UserError(code, message, { cause: error });
}

/** The key of files that a name ends with. */
function keyIn(name: string, prefix: string): string | undefined {
  const key = name.startsWith(prefix) ? name.slice(-KEY_DIGITS) : '';
  return ID.test(key) ? key : undefined;
}

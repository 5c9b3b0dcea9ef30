/**
 * An import under way, in a folder of its own: the weight file, and a journal of the weights that are in it. The journal's first
 * line says from what state of which files; each other one has the index of a weight and the hash of what it is. A weight is
 * entered when it is on the disk, so that what the journal says holds after a crash of the machine, too.
 */
import { appendFile, mkdir, open, readFile, rm, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { fileState, lasting } from '../formats/fileState.ts';
import { WEIGHT_FILE } from '../models/decoder.ts';
import {
  interruptedImports,
  interruptedName,
  moved,
  sortAbandoned,
  unfinishedName,
  weightBytes,
} from './modelCache.ts';

const JOURNAL = 'journal';

/** Bytes that are written before they are entered: what an import that is ended loses at most, and the weight at work. */
const ENTERED_BYTES = 64 * 2 ** 20;

/** Files by path, with what changes when they do. */
export type FileStates = ReadonlyMap<string, string>;

export class UnfinishedImport {
  /** Hashes of the weights that are in the file, by index. */
  readonly finished: Map<number, string>;
  readonly folder: string;
  readonly #interrupted: string;
  readonly #file: FileHandle;
  /** Finished weights that may not be on the disk yet. */
  #pending: string[] = [];
  #pendingBytes = 0;
  #entering: Promise<void> | undefined;
  /** Why some of it did not come to the disk: the system says so once, and of no matter which weights. */
  #lost: Error | undefined;

  private constructor(folder: string, interrupted: string, file: FileHandle, finished: Map<number, string>) {
    this.folder = folder;
    this.#interrupted = interrupted;
    this.#file = file;
    this.finished = finished;
  }

  get path(): string {
    return join(this.folder, WEIGHT_FILE);
  }

  /**
   * Goes on with an import of the same that was interrupted, or begins. What was left of files that have changed is removed.
   *
   * @param key names the plan and the states of its files: nothing else is gone on with
   * @param bytes size of the weight file
   */
  static async begin(cache: string, key: string, files: FileStates, bytes: number): Promise<UnfinishedImport> {
    await mkdir(cache, { recursive: true });
    await sortAbandoned(cache);
    await removeStale(cache);
    const folder = join(cache, unfinishedName(key));
    const interrupted = join(cache, interruptedName(key));
    // Of several engines one gets it; the others begin.
    const found = await moved(interrupted, folder);
    if (found) await touch(folder);
    const finished = found ? await entered(folder, bytes) : undefined;
    if (found && !finished) await rm(folder, { recursive: true, force: true });
    const file = finished ? await open(join(folder, WEIGHT_FILE), 'r+') : await newFile(folder, files, bytes);
    return new UnfinishedImport(folder, interrupted, file, finished ?? new Map<number, string>());
  }

  /** Takes note of a weight that is written, of so many bytes. */
  add(index: number, hash: string, bytes: number): void {
    this.finished.set(index, hash);
    this.#pending.push(`${index} ${hash}\n`);
    this.#pendingBytes += bytes;
    if (this.#pendingBytes < ENTERED_BYTES || this.#entering) return;
    this.#entering = this.#enter().then(
      () => {
        this.#entering = undefined;
      },
      (error: unknown) => {
        this.#lost = error as Error;
      },
    );
  }

  async #enter(): Promise<void> {
    const lines = this.#pending.splice(0).join('');
    this.#pendingBytes = 0;
    await this.#file.datasync();
    await appendFile(join(this.folder, JOURNAL), lines);
    await touch(this.folder);
  }

  /** Resolves when all of it is on the disk; what stays in the folder is the weight file. */
  async finish(): Promise<void> {
    await this.#entering;
    if (this.#lost) throw this.#lost;
    await this.#file.datasync();
    await this.#file.close();
    await rm(join(this.folder, JOURNAL));
  }

  /** Leaves it to the next import of the same. Nothing may be writing any more. */
  async interrupt(): Promise<void> {
    await this.#entering;
    const kept = await this.#enter().then(
      () => true,
      () => false,
    );
    await this.#file.close();
    if (!kept || this.#lost || this.finished.size === 0 || !(await moved(this.folder, this.#interrupted))) {
      await this.discard();
    }
  }

  /** Removes it, if it is still there. */
  async discard(): Promise<void> {
    await this.#entering;
    await this.#file.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The weight file in a folder of its own, with a journal. Throws what the disk says, and leaves nothing then. */
async function newFile(folder: string, files: FileStates, bytes: number): Promise<FileHandle> {
  const states = Array.from(files, ([path, state]) => [path, lasting(state)]);
  let file: FileHandle | undefined;
  try {
    await mkdir(folder);
    await appendFile(join(folder, JOURNAL), `${JSON.stringify(states)}\n`);
    file = await open(join(folder, WEIGHT_FILE), 'w');
    await file.truncate(bytes);
    return file;
  } catch (error) {
    await file?.close();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Machines that do not see this process go by it. */
async function touch(folder: string): Promise<void> {
  const now = new Date();
  await utimes(folder, now, now).catch(() => undefined);
}

/** The weights that a journal has, if there is the weight file to it; a line that was cut off is none. */
async function entered(folder: string, bytes: number): Promise<Map<number, string> | undefined> {
  const journal = await readFile(join(folder, JOURNAL), 'utf8').catch(() => '');
  if ((await weightBytes(folder)) !== bytes || journal === '') return undefined;
  const lines = journal.matchAll(/^(\d+) ([0-9a-f]{64})\n/gm);
  return new Map(Array.from(lines, ([, index, hash]) => [Number(index), hash!]));
}

/** Removes what was left of imports from files that have changed since or are gone. */
async function removeStale(cache: string): Promise<void> {
  for (const folder of await interruptedImports(cache)) {
    const [first] = (await readFile(join(folder, JOURNAL), 'utf8').catch(() => '')).split('\n', 1);
    if (!(await isCurrent(first ?? ''))) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isCurrent(line: string): Promise<boolean> {
  try {
    const stateOf = async (path: string): Promise<string> => lasting(await fileState(path));
    return (await changedFile(JSON.parse(line) as [path: string, state: string][], stateOf)) === undefined;
  } catch {
    return false;
  }
}

/** The first file that is no longer as it was, or is gone. */
export async function changedFile(
  files: Iterable<readonly [path: string, state: string]>,
  stateOf = fileState,
): Promise<string | undefined> {
  for (const [path, state] of files) if ((await stateOf(path).catch(() => undefined)) !== state) return path;
  return undefined;
}

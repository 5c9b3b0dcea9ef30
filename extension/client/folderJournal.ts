/** What a run over a folder has come to, on disk: it goes on from there after it was stopped, or ended with the program. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { FolderRouting } from '../analysis/folder/folderRouting.ts';
import { writeWhole } from '../formats/wholeFile.ts';
import type { Skip } from './folderRun.ts';

export interface FolderState {
  routing: FolderRouting | undefined;
  /** By path. */
  readonly done: Map<string, DoneFile>;
  cut: number;
  tokens: number;
}

export interface DoneFile {
  /** The version of the file. */
  readonly stamp: string;
  /** What it was counted to; which that is depends on all files of the run. */
  readonly domain: string;
  /** Why it was skipped, if it was; in a sentence where the model failed on it. */
  readonly skip?: Skip;
  readonly why?: string;
}

export interface FolderJournal {
  /** Undefined where there is none, or none that can be used. */
  read(): Promise<FolderState | undefined>;
  write(state: FolderState): Promise<void>;
}

/** Raised with every change of what a state holds. */
const FORMAT = 'moescope-folder-4';
const DIGEST_BYTES = 32;
/** Journals that are kept; those written longest ago go. */
const MOST_JOURNALS = 8;

/** A journal in a folder of such; files of other formats, damaged ones and those of others are as good as none. */
export class FileJournal implements FolderJournal {
  readonly #folder: string;
  readonly #key: string;

  /** @param key what the state belongs to: what was chosen, model, limits, grouping; in hexadecimal digits */
  constructor(folder: string, key: string) {
    this.#folder = folder;
    this.#key = key;
  }

  async read(): Promise<FolderState | undefined> {
    const file = await readFile(this.#path).catch(() => undefined);
    if (!file || file.length < DIGEST_BYTES) return undefined;
    const body = file.subarray(DIGEST_BYTES);
    // Only what was written here is read: what is damaged does not get as far as the reader.
    if (!this.#digest(body).equals(file.subarray(0, DIGEST_BYTES))) return undefined;
    return deserialize(body) as FolderState;
  }

  async write(state: FolderState): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const body = serialize(state);
    await writeWhole(this.#path, Buffer.concat([this.#digest(body), body]));
    await this.#clear();
  }

  get #path(): string {
    return join(this.#folder, `${this.#key}.folder`);
  }

  #digest(body: Uint8Array): Buffer {
    return createHash('sha256').update(FORMAT).update(this.#key).update(body).digest();
  }

  async #clear(): Promise<void> {
    const names = await readdir(this.#folder);
    const found = await Promise.all(
      names.map(async (name) => {
        const path = join(this.#folder, name);
        return {
          path,
          at: await stat(path).then(
            (s) => s.mtimeMs,
            () => 0,
          ),
        };
      }),
    );
    const old = found.sort((a, b) => b.at - a.at).slice(MOST_JOURNALS);
    await Promise.all(old.map(({ path }) => rm(path, { force: true })));
  }
}

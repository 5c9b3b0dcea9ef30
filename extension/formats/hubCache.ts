/**
 * The Hugging Face hub's cache: <hub>/models--<org>--<name>/snapshots/<commit>/ has links into blobs/, and refs/main names
 * the newest commit. Reading is bounded: by entries of a folder, and by what one config may weigh.
 */
import { opendir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { readConfig, weightFiles } from './checkpoint.ts';
import type { JsonObject } from './json.ts';

/** Far more than anybody's cache has; beyond them the rest is left out. */
const MAX_ENTRIES = 10_000;

export interface Snapshot {
  readonly folder: string;
  /** As the hub names it: organisation/model. */
  readonly name: string;
  readonly revision: string;
  readonly config: JsonObject;
}

/** Where the cache is, by the variables that huggingface_hub goes by, in its order; an empty one says nothing. */
export function hubFolder(env: NodeJS.ProcessEnv): string {
  const home = env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface');
  return env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(home, 'hub');
}

/**
 * Models of the cache that are whole: a config, and every weight file that it takes. That of refs/main comes first among
 * the revisions of a model. Throws the signal's reason when it is aborted.
 *
 * @param wanted whether a config is of interest
 */
export async function* hubSnapshots(
  hub: string,
  wanted: (config: JsonObject) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Snapshot> {
  for (const repository of await entries(hub)) {
    signal.throwIfAborted();
    const name = /^models--(.+)$/.exec(repository)?.[1]?.replaceAll('--', '/');
    if (name === undefined) continue;
    const root = join(hub, repository);
    const main = await mainRevision(root);
    const revisions = await entries(join(root, 'snapshots'));
    for (const revision of revisions.sort((a, b) => Number(b === main) - Number(a === main) || a.localeCompare(b))) {
      signal.throwIfAborted();
      const folder = join(root, 'snapshots', revision);
      const config = await readConfig(folder).catch(() => undefined);
      if (!config || !wanted(config) || !(await isWhole(folder))) continue;
      yield { folder, name, revision, config };
    }
  }
}

/** The folder to open for one that is named: a repository of the cache stands for the snapshot of its refs/main. */
export async function snapshotOf(folder: string): Promise<string> {
  if (!basename(folder).startsWith('models--')) return folder;
  const revision = (await mainRevision(folder)) ?? (await entries(join(folder, 'snapshots')))[0];
  return revision === undefined ? folder : join(folder, 'snapshots', revision);
}

async function mainRevision(root: string): Promise<string | undefined> {
  const path = join(root, 'refs', 'main');
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size === 0 || size > 100) return undefined;
  const revision = await readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  // It becomes a part of a path.
  return /^\w+$/.test(revision) ? revision : undefined;
}

/** Every weight file is there behind its link: a download that stopped leaves links out, or their blobs. */
async function isWhole(folder: string): Promise<boolean> {
  try {
    for (const { path } of await weightFiles(folder)) if ((await stat(path)).size === 0) return false;
    return true;
  } catch {
    return false;
  }
}

async function entries(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      names.push(name);
      if (names.length >= MAX_ENTRIES) break;
    }
  } catch {
    // No such folder, or none that we may read: nothing is in it for us.
  }
  return names.sort();
}

import { byteSize, clearedSentence } from '../analysis/sizes.ts';
import { EngineClient } from '../client/engineClient.ts';
import { CACHE_LIMIT } from '../protocol/defaults.ts';
import type { CachedModel } from '../protocol/engine.ts';
import { modelCache } from './cacheFolder.ts';
import { ENGINE } from './route.ts';
import { logProblems } from './served.ts';
import { count, table, visible } from './table.ts';

export interface CacheOptions {
  readonly clear: boolean;
}

/** Digits of an id that are shown: enough to find its folder. */
const ID_DIGITS = 12;

/** Says what the model cache holds, or empties it. Returns the exit code; throws UserError. */
export async function cache({ clear }: CacheOptions): Promise<number> {
  const folder = modelCache();
  const client = new EngineClient({
    entry: ENGINE,
    log: logProblems,
  });
  try {
    const text = clear
      ? `${clearedSentence(await client.clearCache(folder))}\n`
      : render(folder, await client.listCache(folder));
    process.stdout.write(text);
    return 0;
  } finally {
    client.dispose();
  }
}

function render(folder: string, models: readonly CachedModel[]): string {
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = models.map(({ id, bytes, lastUsed, open, unfinished }) => [
    id.slice(0, ID_DIGITS),
    byteSize(bytes),
    // 2026-11-24 08:15
    `${new Date(lastUsed).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    open ? 'open' : unfinished ? 'not finished' : '',
  ]);
  const parts = [
    `${visible(folder, Infinity)}: ${byteSize(total)} in ${count(models.length, 'model')}, of ${CACHE_LIMIT} GB at most\n`,
    ...(rows.length > 0 ? [table(['model', 'size', 'last used', ''], rows, [0, 3])] : []),
  ];
  return parts.join('\n');
}

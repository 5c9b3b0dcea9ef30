import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where models are kept that were built from checkpoints. */
export function modelCache(): string {
  return join(cacheFolder(), 'models');
}

/** Where runs over folders keep what they have come to. */
export function folderJournals(): string {
  return join(cacheFolder(), 'folders');
}

/** Where this user's programs keep what can be made again. */
function cacheFolder(): string {
  const { platform, env } = process;
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData/Local'), 'moescope');
  if (platform === 'darwin') return join(homedir(), 'Library/Caches/moescope');
  return join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'moescope');
}

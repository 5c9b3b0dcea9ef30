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

/** The variable that says where this user's programs keep what can be made again. */
const VARIABLE = process.platform === 'win32' ? 'LOCALAPPDATA' : 'XDG_CACHE_HOME';
const USUAL: Partial<Record<NodeJS.Platform, string>> = { win32: 'AppData/Local', darwin: 'Library/Caches' };

/** What to do where the cache cannot be written. */
export const CACHE_ADVICE = `${VARIABLE} names another folder for it; moescope cache --clear makes room.`;

/** A variable that is empty says nothing. */
function cacheFolder(): string {
  return join(process.env[VARIABLE] || join(homedir(), USUAL[process.platform] ?? '.cache'), 'moescope');
}

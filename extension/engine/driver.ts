import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir, release, version } from 'node:os';
import { join } from 'node:path';
import { env } from 'onnxruntime-node';

/** Raised when what is tried, or how it is judged, changes. */
const CHECK_VERSION = 1;

/** Where Vulkan looks for drivers on Linux; each is described by a file that its package replaces when it is updated. */
const DRIVER_FOLDERS = [
  ...['/etc', '/usr/share', '/usr/local/share', '/usr/local/etc', '/run/opengl-driver/share'],
  ...(process.env['XDG_DATA_DIRS']?.split(':').filter((folder) => folder !== '') ?? []),
  process.env['XDG_DATA_HOME'] || join(homedir(), '.local/share'),
].map((folder) => join(folder, 'vulkan/icd.d'));

/** Whether there is a driver for graphics cards; elsewhere than on Linux the system has one. */
export async function hasDriver(): Promise<boolean> {
  return process.platform !== 'linux' || (await driverFiles()).length > 0;
}

/**
 * Names the runtime, the system and, as far as can be seen without asking them, the graphics cards and their drivers: a string
 * that changes when results may.
 */
export async function driverKey(): Promise<string> {
  const system = [CHECK_VERSION, env.versions.node, process.platform, process.arch, release(), version()];
  return JSON.stringify(process.platform === 'linux' ? [...system, ...(await linuxDrivers())] : system);
}

async function linuxDrivers(): Promise<string[]> {
  const files = await Promise.all((await driverFiles()).map(stateOf));
  const cards = (await filesIn('/sys/class/drm')).filter((path) => /\/card\d+$/.test(path));
  const ids = cards.flatMap((card) => ['vendor', 'device'].map((part) => contentOf(join(card, 'device', part))));
  return [...files, ...(await Promise.all(ids)), await contentOf('/sys/module/nvidia/version')];
}

/** Those that variables name are all that Vulkan sees. */
async function driverFiles(): Promise<string[]> {
  const named = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].flatMap((name) => process.env[name]?.split(':') ?? []);
  return named.length > 0 ? named : (await Promise.all(DRIVER_FOLDERS.map(filesIn))).flat();
}

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort().map((name) => join(folder, name));
}

async function stateOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return `${path} ${found ? `${found.size} ${found.mtimeMs}` : 'absent'}`;
}

async function contentOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

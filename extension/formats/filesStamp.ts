/** Tells whether the files of a model are still those that were read. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { snapshotOf } from './hubCache.ts';
import { companionFolder } from './onnxFolder.ts';

/** What a checkpoint is read from. Training writes logs beside it all the time. */
const OF_CHECKPOINT = /\.safetensors(?:\.index\.json)?$|^(?:config|tokenizer)\.json$/;

/**
 * The files that a model is read from, folder by folder. Weights of an ONNX model may be called anything: of one, all files
 * beside it count.
 *
 * @param named folder of a checkpoint, an ONNX file, or a folder with one
 */
export async function modelFiles(named: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const path = await snapshotOf(named);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return filesIn([dirname(path), await companionFolder(path)]);
  const names = await readdir(path).catch((): string[] => []);
  if (names.some((name) => name.endsWith('.safetensors'))) return filesIn([path], OF_CHECKPOINT);
  return filesIn([path, join(path, 'onnx')]);
}

/** Names, sizes and times of the files that a model is read from. */
export async function filesStamp(named: string): Promise<string> {
  const stamps: string[] = [];
  for (const [folder, names] of await modelFiles(named)) {
    const states = names.map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => undefined);
      return found?.isFile() ? [`${name} ${found.size} ${found.mtimeMs}`] : [];
    });
    stamps.push(folder, ...(await Promise.all(states)).flat());
  }
  return stamps.join('\n');
}

async function filesIn(folders: readonly string[], wanted = /^/): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = new Map<string, readonly string[]>();
  for (const folder of folders) {
    const names = await readdir(folder).catch((): string[] => []);
    files.set(folder, names.filter((name) => wanted.test(name)).sort());
  }
  return files;
}

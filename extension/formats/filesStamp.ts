/** Tells whether the files of a model are still those that were read. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { snapshotOf } from './hubCache.ts';
import { companionFolder } from './onnxFolder.ts';

/** What a checkpoint is read from. Training writes logs beside it all the time. */
const OF_CHECKPOINT = /\.safetensors(?:\.index\.json)?$|^(?:config|tokenizer)\.json$/;

/**
 * Names, sizes and times of the files that a model is read from. Weights of an ONNX model may be called anything: of one, all files
 * beside it count.
 *
 * @param named folder of a checkpoint, an ONNX file, or a folder with one
 */
export async function filesStamp(named: string): Promise<string> {
  const path = await snapshotOf(named);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return stampOf([dirname(path), await companionFolder(path)]);
  const names = await readdir(path).catch((): string[] => []);
  if (names.some((name) => name.endsWith('.safetensors'))) return stampOf([path], OF_CHECKPOINT);
  return stampOf([path, join(path, 'onnx')]);
}

async function stampOf(folders: readonly string[], wanted = /^/): Promise<string> {
  const stamps: string[] = [];
  for (const folder of new Set(folders)) {
    const names = await readdir(folder).catch((): string[] => []);
    const states = names
      .filter((name) => wanted.test(name))
      .sort()
      .map(async (name) => {
        const found = await stat(join(folder, name)).catch(() => undefined);
        return found?.isFile() ? [`${name} ${found.size} ${found.mtimeMs}`] : [];
      });
    stamps.push(folder, ...(await Promise.all(states)).flat());
  }
  return stamps.join('\n');
}

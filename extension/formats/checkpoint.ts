/** A Hugging Face checkpoint folder: config.json, and safetensors in one file or in shards. */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { isJsonObject, readJsonObject, type JsonObject } from './json.ts';
import { readSafetensorsHeader, type TensorEntry } from './safetensors.ts';

/** The largest config.json on the hub has some 100 KB, the largest shard index some 20 MB. */
const MAX_CONFIG_BYTES = 5_000_000;
const MAX_INDEX_BYTES = 100_000_000;
/** No known config goes beyond 6. */
const MAX_NESTED = 100;
/** Headers read at a time. */
const MAX_OPEN_FILES = 8;

export interface Checkpoint {
  readonly folder: string;
  readonly config: JsonObject;
  /** Every tensor by name. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/**
 * Reads what a folder says of itself; no tensor's bytes.
 *
 * @throws UserError with a sentence that names the file or tensor at fault
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  await refuseGguf(folder);
  const config = await readConfig(folder);
  const tensors = new Map<string, TensorEntry>();
  const files = await weightFiles(folder);
  const headers = await inParallel(files, ({ path }) => readSafetensorsHeader(path));
  for (const [i, file] of files.entries()) {
    for (const entry of headers[i]!) {
      if (tensors.has(entry.name)) {
        throw new UserError('weights-invalid', l10n.t`The tensor ${entry.name} stands in two files of ${folder}.`);
      }
      tensors.set(entry.name, entry);
    }
    const absent = file.expected.find((name) => !tensors.has(name));
    if (absent !== undefined) {
      throw new UserError(
        'weights-invalid',
        l10n.t`${basename(file.path)} lacks the tensor ${absent} that the index places there.`,
      );
    }
  }
  return { folder, config, tensors };
}

/** Throws UserError for what only llama.cpp reads: a GGUF file, or a folder with one and without safetensors. */
export async function refuseGguf(path: string): Promise<void> {
  const isGguf = (name: string): boolean => name.toLowerCase().endsWith('.gguf');
  const names = isGguf(path) ? [basename(path)] : await readdir(path).catch((): string[] => []);
  const gguf = names.find(isGguf);
  if (gguf === undefined || names.some((name) => /\.safetensors(\.index\.json)?$/.test(name))) return;
  throw new UserError(
    'weights-missing',
    l10n.t`${gguf} is in llama.cpp's format, which MoEScope does not read; get the model as safetensors.`,
  );
}

/** config.json alone. Throws UserError. */
export async function readConfig(folder: string): Promise<JsonObject> {
  try {
    if (!(await stat(folder)).isDirectory()) throw new UserError('folder-missing', l10n.t`${folder} is not a folder.`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('folder-missing', l10n.t`The model folder ${folder} does not exist or cannot be read.`, {
      cause: error,
    });
  }
  const path = join(folder, 'config.json');
  const config = await readJsonObject(path, MAX_CONFIG_BYTES, {
    missing: 'config-missing',
    invalid: 'config-invalid',
  });
  if (!isNestedWithin(config, MAX_NESTED)) {
    throw new UserError(
      'config-invalid',
      l10n.t`${path} has objects or lists that are nested more than ${MAX_NESTED} deep.`,
    );
  }
  return config;
}

/** What is nested deeper can be read as JSON, but not be gone through or written again. */
function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isNestedWithin(inner, levels - 1));
}

/** Results in the order of the items, of which a few are worked on at a time: large models have hundreds of files. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i]!);
    }
  };
  await Promise.all(Array.from({ length: MAX_OPEN_FILES }, worker));
  return results;
}

export interface WeightFile {
  readonly path: string;
  /** Tensors that the shard index places in it. */
  readonly expected: readonly string[];
}

/** The safetensors files that a folder has, or whose absence it says. Throws UserError. */
export async function weightFiles(folder: string): Promise<WeightFile[]> {
  const names = await readdir(folder);
  if (names.includes('model.safetensors')) return [{ path: join(folder, 'model.safetensors'), expected: [] }];
  if (names.includes('model.safetensors.index.json')) return indexedFiles(folder, names);
  const pickle = names.find((name) => /^pytorch_model.*\.bin$|\.(pt|pth|ckpt)$/.test(name));
  if (pickle !== undefined) {
    throw new UserError(
      'weights-missing',
      l10n.t`${folder} has its weights only as ${pickle}, a Python pickle, which MoEScope never reads; save the model as safetensors.`,
    );
  }
  const shard = names.find((name) => /-\d+-of-\d+\.safetensors$/.test(name));
  const other = names.find((name) => name.endsWith('.safetensors'));
  throw new UserError(
    'weights-missing',
    shard !== undefined
      ? l10n.t`model.safetensors.index.json is missing beside ${shard} in ${folder}.`
      : other !== undefined
        ? l10n.t`There is no model.safetensors in ${folder}, only ${other}.`
        : l10n.t`There is no model.safetensors in ${folder}.`,
  );
}

async function indexedFiles(folder: string, names: readonly string[]): Promise<WeightFile[]> {
  const index = await readJsonObject(join(folder, 'model.safetensors.index.json'), MAX_INDEX_BYTES, {
    missing: 'weights-missing',
    invalid: 'weights-invalid',
  });
  const map = index['weight_map'];
  if (!isJsonObject(map))
    throw new UserError('weights-invalid', l10n.t`model.safetensors.index.json has no weight_map.`);
  const files = new Map<string, string[]>();
  for (const [tensor, shard] of Object.entries(map)) {
    const known = files.get(shard as string);
    if (known) {
      known.push(tensor);
      continue;
    }
    // A shard is a sibling by its plain name: an index must not lead out of the folder.
    if (typeof shard !== 'string' || shard === '' || shard !== basename(shard)) {
      throw new UserError('weights-invalid', l10n.t`model.safetensors.index.json names no proper file for ${tensor}.`);
    }
    files.set(shard, [tensor]);
  }
  const missing = [...files.keys()].filter((shard) => !names.includes(shard));
  if (missing.length > 0) {
    throw new UserError(
      'weights-missing',
      missing.length > 1
        ? l10n.t`The shard ${missing[0]!} and ${missing.length - 1} more of the checkpoint is missing in ${folder}.`
        : l10n.t`The shard ${missing[0]!} of the checkpoint is missing in ${folder}.`,
    );
  }
  return [...files].map(([shard, expected]) => ({ path: join(folder, shard), expected }));
}

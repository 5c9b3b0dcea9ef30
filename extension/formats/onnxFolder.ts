/** The folder of an ONNX model: which file is the model, and what lies beside it. */
import * as l10n from '@vscode/l10n';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { snapshotOf } from './hubCache.ts';
import { isJsonObject, readJsonObject, type JsonObject } from './json.ts';

const MAX_CONFIG_BYTES = 5_000_000;

/** Files that exporters write a decoder to, the best first: merged ones take a past or none. */
const USUAL_NAMES = ['model.onnx', 'decoder_model_merged.onnx', 'decoder_model.onnx', 'decoder_with_past_model.onnx'];

/** What the files beside an ONNX model say of it; each may be absent. */
export interface OnnxFacts {
  /** `architectures[0]` of config.json, or the model type of genai_config.json. */
  readonly architecture?: string;
  readonly context?: number;
  readonly layers?: number;
  readonly hiddenSize?: number;
  readonly headDim?: number;
  readonly vocabulary?: number;
}

/**
 * The ONNX file that a path means: itself, or one in that folder; undefined for a checkpoint, which counts more, and where
 * there is none.
 *
 * @throws UserError `weights-missing` when the folder does not tell which of several it is
 */
export async function findOnnxFile(named: string): Promise<string | undefined> {
  const path = await snapshotOf(named);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return path.toLowerCase().endsWith('.onnx') ? path : undefined;
  if (!found?.isDirectory()) return undefined;
  const names = await readdir(path).catch((): string[] => []);
  if (names.some((name) => name.endsWith('.safetensors') || name.endsWith('.safetensors.index.json'))) return undefined;
  for (const folder of [path, join(path, 'onnx')]) {
    const files = (await readdir(folder).catch((): string[] => [])).filter((name) =>
      name.toLowerCase().endsWith('.onnx'),
    );
    const name = await chosen(folder, files);
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

/** Changes when the file does. */
export async function fileVersion(file: string): Promise<string> {
  const { mtimeMs, size } = await stat(file);
  return `${mtimeMs} ${size}`;
}

async function chosen(folder: string, files: readonly string[]): Promise<string | undefined> {
  if (files.length <= 1) return files[0];
  const decoder = section(section(await readGenai(folder), 'model'), 'decoder');
  const named = [decoder['filename'], ...USUAL_NAMES].find((name) => files.includes(name as string));
  if (named !== undefined) return named as string;
  throw new UserError(
    'weights-missing',
    l10n.t`${folder} has ${files.length} ONNX files, and none is called model.onnx; choose the file itself.`,
  );
}

/** The folder of the model's tokenizer and config: its own, or the one above where that is a repository's `onnx`. */
export async function companionFolder(file: string): Promise<string> {
  const folder = dirname(file);
  if (basename(folder) !== 'onnx') return folder;
  const own = await readdir(folder).catch((): string[] => []);
  return own.includes('tokenizer.json') ? folder : dirname(folder);
}

/**
 * Reads config.json and genai_config.json where they are there.
 *
 * @throws UserError `config-invalid` for one that is there and cannot be understood
 */
export async function readOnnxFacts(folder: string): Promise<OnnxFacts> {
  const config = (await readIfThere(folder, 'config.json')) ?? {};
  const text = isJsonObject(config['text_config']) ? { ...config, ...config['text_config'] } : config;
  const genai = section(await readGenai(folder), 'model');
  const decoder = section(genai, 'decoder');
  const names: unknown = config['architectures'];
  const architecture: unknown = Array.isArray(names) ? names[0] : (config['model_type'] ?? genai['type']);
  const hiddenSize = size(decoder, 'hidden_size') ?? size(text, 'hidden_size');
  const heads = size(text, 'num_attention_heads');
  const even =
    hiddenSize !== undefined && heads !== undefined && hiddenSize % heads === 0 ? hiddenSize / heads : undefined;
  return defined({
    architecture: typeof architecture === 'string' && architecture !== '' ? architecture : undefined,
    context: size(genai, 'context_length') ?? size(text, 'max_position_embeddings'),
    layers: size(decoder, 'num_hidden_layers') ?? size(text, 'num_hidden_layers'),
    hiddenSize,
    headDim: size(decoder, 'head_size') ?? size(text, 'head_dim') ?? even,
    vocabulary: size(genai, 'vocab_size') ?? size(text, 'vocab_size'),
  });
}

async function readGenai(folder: string): Promise<JsonObject> {
  return (await readIfThere(folder, 'genai_config.json')) ?? {};
}

async function readIfThere(folder: string, name: string): Promise<JsonObject | undefined> {
  const codes = { missing: 'config-missing', invalid: 'config-invalid' } as const;
  try {
    return await readJsonObject(join(folder, name), MAX_CONFIG_BYTES, codes);
  } catch (error) {
    if (error instanceof UserError && error.code === 'config-missing') return undefined;
    throw error;
  }
}

function section(object: JsonObject, key: string): JsonObject {
  return isJsonObject(object[key]) ? object[key] : {};
}

/** A positive whole number of a sane size, if the key has one. */
function size(object: JsonObject, key: string): number | undefined {
  const value = object[key];
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31 ? value : undefined;
}

function defined(facts: { readonly [K in keyof OnnxFacts]: OnnxFacts[K] | undefined }): OnnxFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

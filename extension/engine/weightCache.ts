/**
 * Weights in the form that the graphs read, kept by content: the id of a model is a hash of what each of its weights is, so that
 * copies of a checkpoint share one. A key of unchanged files remembers the id, so that they need not be read again. See
 * modelCache.ts for the folder.
 *
 * Checkpoints that are float32 already are copied, too. ONNX Runtime could map their bytes, but a product of several projections
 * reads them stacked, and in files queries, keys and values do not follow one another. And what is mapped must not change: who
 * trains writes the next checkpoint over the last, and a running model would be a mixture of both, or end with its file. The
 * weights of ONNX models, which are exported once, are mapped where they lie.
 */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byteSize } from '../analysis/sizes.ts';
import { lasting } from '../formats/fileState.ts';
import type { TensorEntry } from '../formats/safetensors.ts';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { PlannedWeight, WeightPlan, WeightSource } from '../models/weights.ts';
import { importWeights } from './importWeights.ts';
import { isFailedAllocation } from './memory.ts';
import { hold, keepUnder, KNOWN, mark, moved, unwritable, weightBytes, type HeldModel } from './modelCache.ts';
import { changedFile, UnfinishedImport, type FileStates } from './unfinishedImport.ts';

/** Part of every key: raised when the same tensors would be written differently. */
const LAYOUT = 3;

export interface ImportOptions {
  readonly cache: string;
  /** Absolute path of the bundle that the threads of an import run. */
  readonly importer: string;
  /** Most bytes that the cache should hold; 0 for no limit. Models that are open stay all the same. */
  readonly limit: number;
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
  /** Takes a sentence on what was deleted. */
  readonly log?: ((message: string) => void) | undefined;
}

/**
 * The folder that holds a plan's weight file, written if it is not there yet. Other models go, the one used longest ago first,
 * when the cache is over its limit.
 *
 * @throws UserError `weights-invalid` when a file of the checkpoint changes or ends under the reader, `cache-unwritable`, `cache-full`, `cancelled`;
 * what failed allocations are told by
 */
export async function cachedWeights(plan: WeightPlan, options: ImportOptions): Promise<HeldModel> {
  const { cache } = options;
  const states = statesOf(plan);
  const key = keyOf(plan, states);
  try {
    const id = await readFile(join(cache, KNOWN, key), 'utf8').catch(() => '');
    const model = (await hold(cache, id, plan.bytes)) ?? (await addToCache(plan, key, states, options));
    await keepLimit(options);
    return model;
  } catch (error) {
    // What was left of the import counts.
    await keepLimit(options).catch(() => undefined);
    if (isUserError(error) || isFailedAllocation(error)) throw error;
    throw unwritable(cache, error);
  }
}

async function keepLimit({ cache, limit, log }: ImportOptions): Promise<void> {
  const freed = limit > 0 ? await keepUnder(cache, limit) : 0;
  if (freed === 0) return;
  log?.(`The model cache was over its limit of ${byteSize(limit)}: ${byteSize(freed)} are free again.`);
}

/** The states that the files which a plan reads had when their headers were read, by which it knows where tensors lie. */
function statesOf(plan: WeightPlan): FileStates {
  const entries = plan.weights.flatMap(({ sources }) => sources.flatMap(entriesOf));
  return new Map(entries.map(({ file, state }) => [file, state]));
}

/** Names a plan and the states of its files. */
function keyOf(plan: WeightPlan, states: FileStates): string {
  const hash = createHash('sha256').update(`${LAYOUT}\n`);
  for (const [file, state] of states) hash.update(`${file}\0${lasting(state)}\n`);
  for (const weight of plan.weights) hash.update(describe(weight));
  return hash.digest('hex');
}

function entriesOf({ entry, scales, exponents }: WeightSource): TensorEntry[] {
  return [entry, scales?.entry, exponents?.entry].filter((part) => part !== undefined);
}

function describe(weight: PlannedWeight): string {
  const sources = weight.sources.map(({ entry, offset, bytes, scales, exponents }) => {
    const factors = scales ? `*${scales.entry.name} ${scales.entry.dtype} [${scales.block.join()}]` : '';
    const powers = exponents ? `^${exponents.entry.name} ${exponents.offset - exponents.entry.offset}` : '';
    return `${entry.name} ${entry.dtype} [${entry.shape.join()}] ${offset - entry.offset}:${bytes}${factors}${powers}`;
  });
  const { blocks, projection } = weight;
  const form = blocks ? ` ${JSON.stringify(blocks.format)} ${projection?.transposed === true}` : '';
  return `${weight.offset}${form} ${sources.join('+')}\n`;
}

async function addToCache(
  plan: WeightPlan,
  key: string,
  states: FileStates,
  options: ImportOptions,
): Promise<HeldModel> {
  const { cache } = options;
  const id = await writeToCache(plan, key, states, options);
  await mkdir(join(cache, KNOWN), { recursive: true });
  await writeFile(join(cache, KNOWN, key), id);
  const model = await hold(cache, id, plan.bytes);
  if (!model) throw new Error('what was written is gone');
  return model;
}

/** Writes the weight file to a folder of its own and gives it its name only when it is whole. Returns its id. */
async function writeToCache(
  plan: WeightPlan,
  key: string,
  states: FileStates,
  { cache, importer, progress, signal, log }: ImportOptions,
): Promise<string> {
  const unfinished = await UnfinishedImport.begin(cache, key, states, plan.bytes);
  const { folder, path, finished } = unfinished;
  try {
    let done = [...finished.keys()].reduce((sum, index) => sum + (plan.weights[index]?.bytes ?? 0), 0);
    if (done > 0) log?.(`The import goes on where it was interrupted: ${byteSize(done)} are there.`);
    await requireRoom(cache, plan.bytes - done);
    await importWeights(plan.weights, {
      path,
      importer,
      isWritten: (index) => finished.has(index),
      progress: (bytes) => {
        done += bytes;
        progress(done, plan.bytes);
      },
      written: (index, hash) => {
        unfinished.add(index, hash, plan.weights[index]!.bytes);
      },
      signal,
    });
    const changed = await changedFile(states);
    if (changed !== undefined) throw new UserError('weights-invalid', l10n.t`${changed} changed while it was read.`);
    await unfinished.finish();
  } catch (error) {
    // What was cancelled may be wanted again; a disk that is full has better use for its room.
    if (isUserError(error, 'cancelled')) await unfinished.interrupt();
    else await unfinished.discard();
    throw error;
  }
  const hash = createHash('sha256').update(`${LAYOUT}\n`);
  plan.weights.forEach((weight, index) => hash.update(`${describe(weight)}${finished.get(index) ?? ''}\n`));
  const id = hash.digest('hex');
  const named = join(cache, id);
  // Before it has its name: nobody finds it unused.
  await mark(folder);
  if (await moved(folder, named)) return id;
  // Another engine has written the same content meanwhile, or an earlier one was damaged.
  if ((await weightBytes(named)) !== plan.bytes) {
    await rm(named, { recursive: true, force: true });
    await rename(folder, named);
  }
  await rm(folder, { recursive: true, force: true });
  return id;
}

/** Refuses what the disk has no room for before anything is written. Throws UserError `cache-full`. */
async function requireRoom(cache: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(cache);
  const free = bavail * bsize;
  if (bytes <= free) return;
  throw new UserError(
    'cache-full',
    l10n.t`The model cache in ${cache} needs ${byteSize(bytes)} more, and ${byteSize(free)} are free on its disk.`,
  );
}

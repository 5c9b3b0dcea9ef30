import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { readCheckpoint, refuseGguf, type Checkpoint } from '../formats/checkpoint.ts';
import { freeMemory } from '../formats/freeMemory.ts';
import { snapshotOf } from '../formats/hubCache.ts';
import { modelName } from '../formats/modelName.ts';
import { isFile } from '../formats/regularFile.ts';
import { planWeights } from '../models/decoder.ts';
import { bestFit, neededMemory, ON_THE_CPU } from '../models/fitting.ts';
import { footprint, type Footprint } from '../models/footprint.ts';
import { layerKinds } from '../models/layerKinds.ts';
import { familyOf, sourceOf } from '../models/registry.ts';
import { skippedParts } from '../models/skipped.ts';
import { describeCheckpoint } from '../models/tying.ts';
import type { Inspection, PrecisionBytes } from '../protocol/model.ts';
import { PRECISIONS } from '../protocol/trace.ts';

/**
 * Reads what a checkpoint says of itself: config and headers, no weights.
 *
 * @param path a checkpoint folder, a file in one, or a repository of the hub's cache
 * @throws UserError for what the engine would not open either, with its sentence
 */
export async function inspect(path: string): Promise<Inspection> {
  const folder = await folderOf(path);
  const checkpoint = await readCheckpoint(folder);
  const { config, tensors } = checkpoint;
  const spec = await describeCheckpoint(checkpoint);
  const plan = planWeights(spec, tensors);
  const { parameters, bytes } = footprint(spec, plan);
  const family = familyOf(spec.architecture)!;
  const free = freeMemory();
  const best = bestFit(bytes, free);
  return {
    folder,
    name: modelName(folder),
    architecture: spec.architecture,
    family: family.models,
    hiddenSize: spec.hiddenSize,
    vocabulary: spec.vocabulary,
    context: spec.context,
    ...layerKinds(spec),
    source: sourceOf(family),
    parameters,
    precisions: precisionsOf(bytes, free),
    memory: { free, total: totalmem() },
    ...(best ? { best } : {}),
    stored: storedOf(checkpoint),
    skipped: skippedParts(tensors, plan, spec),
    tokenizer: await isFile(join(folder, 'tokenizer.json')),
    config,
  };
}

/** The checkpoint folder that a path stands for. Throws UserError for a GGUF file, which is no part of the one beside it. */
export async function folderOf(path: string): Promise<string> {
  if (!(await isFile(path))) return snapshotOf(path);
  await refuseGguf(path);
  return dirname(path);
}

function precisionsOf(bytes: Footprint['bytes'], free: number): readonly PrecisionBytes[] {
  return PRECISIONS.map((precision) => {
    const needed = neededMemory(bytes[precision].total, precision);
    const gpuOnly = ON_THE_CPU.includes(precision) ? {} : ({ gpuOnly: true } as const);
    return { precision, ...bytes[precision], needed, fits: needed <= free, ...gpuOnly };
  });
}

function storedOf({ tensors }: Checkpoint): Inspection['stored'] {
  const files = new Set<string>();
  const dtypes = new Map<string, { tensors: number; bytes: number }>();
  let bytes = 0;
  for (const entry of tensors.values()) {
    files.add(entry.file);
    bytes += entry.bytes;
    const of = dtypes.get(entry.dtype) ?? { tensors: 0, bytes: 0 };
    of.tensors += 1;
    of.bytes += entry.bytes;
    dtypes.set(entry.dtype, of);
  }
  return {
    files: files.size,
    tensors: tensors.size,
    bytes,
    dtypes: Array.from(dtypes, ([dtype, of]) => ({ dtype, ...of })).sort((a, b) => b.bytes - a.bytes),
  };
}

/**
 * Weights in the form that the graphs read, kept by content: <cache>/<id>/weights.bin, where the id is a hash of every
 * tensor that went in. <cache>/known/<key> remembers which id a set of unchanged files has, so that they need not be read
 * again. Any of it may be deleted at any time.
 */
import { createHash, randomUUID, type Hash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../protocol/errors.ts';
import { WEIGHT_FILE } from '../models/decoder.ts';
import { MXFP4_BYTES, type PlannedWeight, type WeightPlan, type WeightSource } from '../models/weights.ts';
import { fp8ToFloat32, mxfp4ToFloat32, toFloat32, type Fp8Scales } from './toFloat32.ts';

/** Bytes read and written at a time: large enough for full disk speed, small enough to bound memory and cancel soon. */
const SLICE_BYTES = 4 * 1024 * 1024;

/** Part of every key: raised when the same tensors would be written differently. */
const LAYOUT = 1;

export interface ImportOptions {
  readonly cache: string;
  readonly progress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/**
 * The folder that holds a plan's weight file, written if it is not there yet.
 *
 * @throws UserError `weights-invalid` when a file changes or ends under the reader, `cache-unwritable`, `cancelled`
 */
export async function cachedWeights(plan: WeightPlan, options: ImportOptions): Promise<string> {
  const known = join(options.cache, 'known', await filesKey(plan));
  const id = await readFile(known, 'utf8').catch(() => undefined);
  if (id !== undefined && /^[0-9a-f]{64}$/.test(id)) {
    const folder = join(options.cache, id);
    const size = await stat(join(folder, WEIGHT_FILE)).then(
      (s) => s.size,
      () => -1,
    );
    if (size === plan.bytes) return folder;
  }
  try {
    const written = await importWeights(plan, options);
    await mkdir(join(options.cache, 'known'), { recursive: true });
    await writeFile(known, written);
    return join(options.cache, written);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      'cache-unwritable',
      `The model cache in ${options.cache} cannot be written: ${messageOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

/** Names the plan and the present state of its files. */
async function filesKey(plan: WeightPlan): Promise<string> {
  const hash = createHash('sha256').update(`${LAYOUT}\n`);
  for (const file of new Set(plan.weights.flatMap((w) => w.sources.flatMap(files)))) {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    hash.update(`${file}\0${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}\n`);
  }
  for (const weight of plan.weights) hash.update(describe(weight));
  return hash.digest('hex');
}

function files({ entry, scales, exponents }: WeightSource): string[] {
  return [entry, scales?.entry, exponents?.entry].flatMap((part) => (part ? [part.file] : []));
}

function describe(weight: PlannedWeight): string {
  const sources = weight.sources.map(({ entry, offset, bytes, scales, exponents }) => {
    const factors = scales ? `*${scales.entry.name} ${scales.entry.dtype} [${scales.block.join()}]` : '';
    const powers = exponents ? `^${exponents.entry.name} ${exponents.offset - exponents.entry.offset}` : '';
    return `${entry.name} ${entry.dtype} [${entry.shape.join()}] ${offset - entry.offset}:${bytes}${factors}${powers}`;
  });
  return `${weight.offset} ${sources.join('+')}\n`;
}

/** Writes the weight file to a folder of its own and gives it its name only when it is whole. Returns its id. */
async function importWeights(plan: WeightPlan, options: ImportOptions): Promise<string> {
  await mkdir(options.cache, { recursive: true });
  await removeAbandoned(options.cache);
  const unfinished = join(options.cache, `${UNFINISHED}${process.pid}-${randomUUID()}`);
  await mkdir(unfinished);
  try {
    const hash = createHash('sha256').update(`${LAYOUT}\n`);
    const file = await open(join(unfinished, WEIGHT_FILE), 'w');
    try {
      await copyWeights(plan, file, hash, options);
      await file.truncate(plan.bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    const id = hash.digest('hex');
    const folder = join(options.cache, id);
    await rename(unfinished, folder).catch(async (error: unknown) => {
      // Another engine has written the same content meanwhile, or an earlier one was damaged.
      const size = await stat(join(folder, WEIGHT_FILE)).then(
        (s) => s.size,
        () => -1,
      );
      if (size === plan.bytes) return;
      if (size === -1) throw error;
      await rm(folder, { recursive: true });
      await rename(unfinished, folder);
    });
    return id;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function copyWeights(plan: WeightPlan, target: FileHandle, hash: Hash, options: ImportOptions): Promise<void> {
  const sources = new Map<string, FileHandle>();
  const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES);
  const read = async (into: Buffer, file: string, position: number): Promise<Buffer> => {
    let handle = sources.get(file);
    if (!handle) sources.set(file, (handle = await open(file)));
    const { bytesRead } = await handle.read(into, 0, into.length, position);
    if (bytesRead < into.length) throw new UserError('weights-invalid', `${file} ended while it was read.`);
    hash.update(into);
    return into;
  };
  let done = 0;
  try {
    for (const weight of plan.weights) {
      hash.update(describe(weight));
      let position = weight.offset;
      for (const source of weight.sources) {
        const scales = await readScales(source, read);
        const exponents = await readExponents(source, read);
        for (let at = 0; at < source.bytes; at += SLICE_BYTES) {
          if (options.signal.aborted) throw new UserError('cancelled', 'Opening the model was cancelled.');
          const length = Math.min(SLICE_BYTES, source.bytes - at);
          const { file, dtype, offset } = source.entry;
          const slice = await read(buffer.subarray(0, length), file, source.offset + at);
          const first = source.offset + at - offset;
          const floats = scales
            ? fp8ToFloat32(slice, first, scales)
            : exponents
              ? mxfp4ToFloat32(slice, exponents.subarray(at / MXFP4_BYTES))
              : toFloat32(slice, dtype);
          await target.write(floats, 0, floats.byteLength, position);
          position += floats.byteLength;
          done += floats.byteLength;
          options.progress(done, plan.bytes);
        }
      }
    }
  } finally {
    for (const handle of sources.values()) await handle.close();
  }
}

/** The scales of an FP8 matrix; with blocks of 128 × 128 they take a 4,096th of its bytes. */
async function readScales(
  { entry, scales }: WeightSource,
  read: (into: Buffer, file: string, position: number) => Promise<Buffer>,
): Promise<Fp8Scales | undefined> {
  if (!scales) return undefined;
  const { dtype, file, offset, bytes } = scales.entry;
  const raw = await read(Buffer.allocUnsafeSlow(bytes), file, offset);
  const values = new Float32Array(toFloat32(raw, dtype).buffer);
  return { values, block: scales.block, columns: entry.shape[1]! };
}

/** The exponents of a part of an MXFP4 tensor, a 16th of its bytes. */
async function readExponents(
  { bytes, exponents }: WeightSource,
  read: (into: Buffer, file: string, position: number) => Promise<Buffer>,
): Promise<Uint8Array | undefined> {
  return exponents && read(Buffer.allocUnsafeSlow(bytes / MXFP4_BYTES), exponents.entry.file, exponents.offset);
}

const UNFINISHED = 'unfinished-';

/** Removes what engines that are gone have left half written. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const pid = name.startsWith(UNFINISHED) ? Number.parseInt(name.slice(UNFINISHED.length), 10) : NaN;
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await rm(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

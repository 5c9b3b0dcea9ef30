/** Imports that are interrupted, and those of several engines at once. */
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cachedModels, clearCache } from '../../extension/engine/modelCache.ts';
import { UnfinishedImport } from '../../extension/engine/unfinishedImport.ts';
import { cachedWeights, type ImportOptions } from '../../extension/engine/weightCache.ts';
import { readCheckpoint } from '../../extension/formats/checkpoint.ts';
import { buildDecoder } from '../../extension/models/decoder.ts';
import { describeModel } from '../../extension/models/families.ts';
import { blockFormat } from '../../extension/models/quantization.ts';
import type { TensorSpec, WeightPlan } from '../../extension/models/weights.ts';
import { REMEDIES } from '../../extension/host/remedies.ts';
import type { UserError } from '../../extension/protocol/errors.ts';
import type { Precision } from '../../extension/protocol/trace.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

let scratch: string;
let checkpoint: string;
let cache: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'moescope-import-'));
  checkpoint = join(scratch, 'checkpoint');
  cache = join(scratch, 'cache');
  cpSync(join(FIXTURES, 'checkpoints/mixtral'), checkpoint, { recursive: true });
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

async function planOf(folder: string, precision: Precision): Promise<WeightPlan> {
  const { config, tensors } = await readCheckpoint(folder);
  return buildDecoder(describeModel(config), tensors, blockFormat(precision)).plan;
}

/** Imports, and returns what the progress said. */
async function importTo(
  plan: WeightPlan,
  options: Partial<ImportOptions> = {},
): Promise<{ bytes: Buffer; told: number[] }> {
  const told: number[] = [];
  const { folder, release } = await cachedWeights(plan, {
    cache,
    importer: join(ROOT, 'dist/importer.js'),
    limit: 0,
    progress: (done) => told.push(done),
    signal: new AbortController().signal,
    ...options,
  });
  const bytes = readFileSync(join(folder, 'weights.bin'));
  expect(readdirSync(folder).sort()).toEqual([expect.stringMatching(`^in-use-${process.pid}@`), 'weights.bin']);
  await release();
  return { bytes, told };
}

/** Cancels an import when half of it is written. */
async function interrupt(plan: WeightPlan, options: Partial<ImportOptions> = {}): Promise<void> {
  const abort = new AbortController();
  const progress = (done: number, total: number): void => {
    if (done > total / 2) abort.abort();
  };
  await expect(importTo(plan, { ...options, progress, signal: abort.signal })).rejects.toMatchObject({
    code: 'cancelled',
  });
}

/** The weight file of an import that nothing came before. */
async function whole(plan: WeightPlan): Promise<Buffer> {
  return (await importTo(plan, { cache: join(scratch, 'other') })).bytes;
}

/** The folder of what was left of an import. */
function left(): string {
  const names = readdirSync(cache).filter((name) => name !== 'known');
  expect(names).toEqual([expect.stringMatching(/^interrupted-[0-9a-f]{64}$/)]);
  return join(cache, names[0]!);
}

describe.each(['float32', 'int8', 'int4'] as const)('an import to %s that is cancelled', (precision) => {
  it('leaves no model, and goes on where it was', async () => {
    const plan = await planOf(checkpoint, precision);
    await interrupt(plan);
    left();
    const log: string[] = [];
    const { bytes, told } = await importTo(plan, { log: (line) => log.push(line) });
    expect(told[0]).toBeGreaterThan(0.4 * plan.bytes);
    expect(log).toEqual([
      expect.stringMatching(/^The import goes on where it was interrupted: [\d.]+ [kM]B are there\.$/),
    ]);
    expect(bytes.equals(await whole(plan))).toBe(true);
    expect(readdirSync(cache)).toHaveLength(2);
  });
});

it('goes on with what an engine has left that was ended, but for a weight whose entry was cut off', async () => {
  const plan = await planOf(checkpoint, 'float32');
  await interrupt(plan);
  const folder = left();
  const key = folder.slice(-64);
  const journal = readFileSync(join(folder, 'journal'), 'latin1');
  writeFileSync(join(folder, 'journal'), journal.slice(0, -10));
  const entries = journal.trim().split('\n').length - 1;
  // What that weight is was not on the disk yet.
  const last = Number(/(\d+) \S+\n$/.exec(journal)![1]);
  const { offset, bytes: size } = plan.weights[last]!;
  const file = readFileSync(join(folder, 'weights.bin'));
  file.fill(0, offset, offset + size);
  writeFileSync(join(folder, 'weights.bin'), file);
  // No process has such an id.
  renameSync(folder, join(cache, `unfinished-${2 ** 30}-x-${key}`));
  const { bytes, told } = await importTo(plan);
  expect(told.length).toBeLessThanOrEqual(plan.weights.length - entries + 1);
  expect(bytes.equals(await whole(plan))).toBe(true);
});

it('begins anew when the checkpoint has changed, and removes what was left of the old one', async () => {
  await interrupt(await planOf(checkpoint, 'float32'));
  left();
  const path = join(checkpoint, 'model.safetensors');
  const bytes = readFileSync(path);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(path, bytes);
  const plan = await planOf(checkpoint, 'float32');
  const log: string[] = [];
  const imported = await importTo(plan, { log: (line) => log.push(line) });
  expect(log).toEqual([]);
  expect(imported.bytes.equals(await whole(plan))).toBe(true);
  expect(readdirSync(cache).filter((name) => name.startsWith('interrupted'))).toEqual([]);
});

describe('files whose mode and name have changed meanwhile, and nothing else', () => {
  const touch = (): void => {
    const path = join(checkpoint, 'model.safetensors');
    chmodSync(path, 0o600);
    renameSync(path, `${path}.away`);
    renameSync(`${path}.away`, path);
  };

  it('are not imported again', async () => {
    const plan = await planOf(checkpoint, 'float32');
    const { bytes, told } = await importTo(plan);
    expect(told.at(-1)).toBe(plan.bytes);
    touch();
    expect(await importTo(await planOf(checkpoint, 'float32'))).toEqual({ bytes, told: [] });
  });

  it('are gone on with', async () => {
    const plan = await planOf(checkpoint, 'float32');
    await interrupt(plan);
    touch();
    expect((await importTo(await planOf(checkpoint, 'float32'))).told[0]).toBeGreaterThan(0.4 * plan.bytes);
  });
});

it('begins anew when what was left is damaged', async () => {
  const plan = await planOf(checkpoint, 'int4');
  await interrupt(plan);
  const folder = left();
  writeFileSync(join(folder, 'weights.bin'), 'short');
  const { bytes } = await importTo(plan);
  expect(bytes.equals(await whole(plan))).toBe(true);
});

describe.each(['writeFileSync', 'rmSync'] as const)('a checkpoint that changes while it is imported: %s', (how) => {
  it('is refused, and nothing of the mixture stays', async () => {
    const path = join(checkpoint, 'model.safetensors');
    const bytes = readFileSync(path);
    const plan = await planOf(checkpoint, 'float32');
    const progress = vi.fn(() => {
      if (how === 'rmSync') rmSync(path, { force: true });
      else writeFileSync(path, bytes);
    });
    await expect(importTo(plan, { progress })).rejects.toMatchObject({
      code: 'weights-invalid',
      message: `${path} changed while it was read.`,
    });
    expect(progress).toHaveBeenCalled();
    expect(readdirSync(cache)).toEqual([]);
    writeFileSync(path, bytes);
    const again = await planOf(checkpoint, 'float32');
    expect((await importTo(again)).bytes.equals(await whole(again))).toBe(true);
  });
});

it('a checkpoint that changes after its header was read is refused, and the new one is imported as it is', async () => {
  const path = join(checkpoint, 'model.safetensors');
  const plan = await planOf(checkpoint, 'float32');
  // The same tensors, each eight bytes further on.
  const bytes = readFileSync(path);
  const header = Number(bytes.readBigUInt64LE());
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header + 8));
  const parts = [length, bytes.subarray(8, 8 + header), Buffer.alloc(8, ' '), bytes.subarray(8 + header)];
  writeFileSync(path, Buffer.concat(parts));
  await expect(importTo(plan)).rejects.toMatchObject({ message: `${path} changed while it was read.` });
  expect(readdirSync(cache)).toEqual([]);
  const next = await planOf(checkpoint, 'float32');
  expect((await importTo(next)).bytes.equals(await whole(next))).toBe(true);
});

describe('a disk that has lost what was written, which it says once', () => {
  const begin = async (): Promise<UnfinishedImport> => {
    const started = await UnfinishedImport.begin(cache, 'a'.repeat(64), new Map(), 1000);
    const file = await open(started.path);
    const handle = Object.getPrototypeOf(file) as FileHandle;
    await file.close();
    vi.spyOn(handle, 'datasync').mockRejectedValueOnce(new Error('EIO: i/o error, fdatasync'));
    // Enough to be written to the disk at once.
    started.add(0, 'b'.repeat(64), 2 ** 30);
    await setImmediate();
    return started;
  };

  it('has no model of it', async () => {
    const started = await begin();
    await expect(started.finish()).rejects.toThrow('EIO');
    await started.discard();
    expect(readdirSync(cache)).toEqual([]);
  });

  it('has nothing of it that could be gone on with', async () => {
    const started = await begin();
    started.add(1, 'c'.repeat(64), 1);
    await started.interrupt();
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe('an import that fails', () => {
  it('says so of a file of the checkpoint that is gone', async () => {
    const plan = await planOf(checkpoint, 'float32');
    const path = join(checkpoint, 'model.safetensors');
    rmSync(path);
    await expect(importTo(plan)).rejects.toMatchObject({
      code: 'weights-invalid',
      message: expect.stringContaining(`${path} cannot be read: ENOENT`) as string,
    });
  });

  it('says so of one that goes before its turn', async () => {
    const { config, tensors } = await readCheckpoint(checkpoint);
    const second = join(checkpoint, 'second.safetensors');
    cpSync(join(checkpoint, 'model.safetensors'), second);
    const inTwo = [...tensors].map(
      ([name, entry], i) => [name, i < tensors.size / 2 ? entry : { ...entry, file: second }] as const,
    );
    const { plan } = buildDecoder(describeModel(config), new Map(inTwo));
    const progress = (): void => {
      rmSync(second, { force: true });
    };
    await expect(importTo(plan, { progress })).rejects.toMatchObject({
      code: 'weights-invalid',
      message: expect.stringContaining(`${second} cannot be read: ENOENT`) as string,
    });
    expect(readdirSync(cache)).toEqual([]);
  });

  it('leaves nothing where the disk has no file of such a size', async () => {
    await expect(UnfinishedImport.begin(cache, 'a'.repeat(64), new Map(), 2 ** 53)).rejects.toThrow();
    expect(readdirSync(cache)).toEqual([]);
  });

  it('says how much room the disk lacks, and what makes some', async () => {
    const plan = await planOf(checkpoint, 'float32');
    const { bavail, bsize } = statfsSync(scratch);
    // Files with holes may be larger than the disk that they lie on.
    Object.defineProperty(plan, 'bytes', { value: bavail * bsize + 2e9 });
    const error = await importTo(plan).catch((thrown: unknown) => thrown as UserError);
    expect(error).toMatchObject({
      message: expect.stringMatching(/ needs \S+ \wB more, and \S+ \wB are free/) as string,
    });
    expect(REMEDIES[(error as UserError).code]).toEqual({
      label: 'Clear Model Cache',
      command: 'moescope.clearCache',
    });
    expect(readdirSync(cache)).toEqual([]);
  });

  it('does not blame the cache where memory was short', async () => {
    const plan = await planOf(checkpoint, 'float32');
    const progress = (): void => {
      Reflect.construct(ArrayBuffer, [2 ** 52]);
    };
    await expect(importTo(plan, { progress })).rejects.toThrow(RangeError);
  });
});

it('does not mix precisions', async () => {
  await interrupt(await planOf(checkpoint, 'int8'));
  const plan = await planOf(checkpoint, 'int4');
  const log: string[] = [];
  const { bytes } = await importTo(plan, { log: (line) => log.push(line) });
  expect(log).toEqual([]);
  expect(bytes.equals(await whole(plan))).toBe(true);
  // What was left is still current.
  expect(readdirSync(cache).filter((name) => name.startsWith('interrupted'))).toHaveLength(1);
});

it('is right in two engines at once, and leaves one model', async () => {
  const plan = await planOf(checkpoint, 'float32');
  await interrupt(plan);
  const [one, two] = await Promise.all([importTo(plan), importTo(plan)]);
  const expected = await whole(plan);
  expect(one.bytes.equals(expected)).toBe(true);
  expect(two.bytes.equals(expected)).toBe(true);
  expect(readdirSync(cache)).toHaveLength(2);
});

describe('what was left of an import', () => {
  it('counts for the limit, and goes as models do', async () => {
    await interrupt(await planOf(checkpoint, 'float32'));
    const [unfinished] = await cachedModels(cache);
    expect(unfinished).toMatchObject({ unfinished: true, open: false });
    expect(unfinished!.bytes).toBeGreaterThan(0);
    utimesSync(join(left(), 'weights.bin'), 1, 1);
    const plan = await planOf(checkpoint, 'int4');
    await importTo(plan, { limit: plan.bytes + unfinished!.bytes - 1 });
    expect(await cachedModels(cache)).toMatchObject([{ bytes: plan.bytes }]);
  });

  it('goes at once where it is over the limit by itself', async () => {
    await interrupt(await planOf(checkpoint, 'float32'), { limit: 1 });
    expect(readdirSync(cache)).toEqual([]);
  });

  it('is told of though its engine was ended', async () => {
    await interrupt(await planOf(checkpoint, 'float32'));
    const before = await cachedModels(cache);
    const folder = left();
    // No process has such an id.
    renameSync(folder, join(cache, `unfinished-${2 ** 30}-x-${folder.slice(-64)}`));
    expect(await cachedModels(cache)).toEqual(before);
  });

  it('is cleared with the cache', async () => {
    await interrupt(await planOf(checkpoint, 'float32'));
    const { bytes } = (await cachedModels(cache))[0]!;
    expect(await clearCache(cache)).toEqual({ freed: bytes, kept: 0 });
    expect(readdirSync(cache)).toEqual([]);
  });
});

it('writes the same on several threads as on one', async () => {
  const plan = await planOf(join(ROOT, 'media/demo-models/balanced'), 'float32');
  const { tensors } = await readCheckpoint(join(ROOT, 'media/demo-models/balanced'));
  // With 44 MB of the model, and 100 MB of one tensor many times over, it is enough for threads.
  for (const count of [9, 8]) plan.take(...Array<TensorSpec>(count).fill(tensors.get('model.embed_tokens.weight')!));
  const { bytes, told } = await importTo(plan);
  expect(told.at(-1)).toBeCloseTo(plan.bytes, -4);
  const files = new Map<string, Buffer>();
  // Worked out here, tensor by tensor: bfloat16 is the upper half of float32.
  for (const { offset, bytes: size, sources } of plan.weights) {
    const parts = sources.map(({ entry, offset: at, bytes: count }) => {
      const file = files.get(entry.file) ?? readFileSync(entry.file);
      files.set(entry.file, file);
      const stored = file.subarray(at, at + count);
      if (entry.dtype === 'F32') return stored;
      const wide = Buffer.alloc(2 * count);
      for (let i = 0; i < count; i += 2) wide.writeUInt16LE(stored.readUInt16LE(i), 2 * i + 2);
      return wide;
    });
    expect(bytes.subarray(offset, offset + size).equals(Buffer.concat(parts))).toBe(true);
  }
});

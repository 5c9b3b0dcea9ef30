/** What int8 and int4 do to routing, against the reference implementation's choices in float32. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { choosePrecision } from '../../extension/engine/precision.ts';
import { readSafetensorsHeader } from '../../extension/formats/safetensors.ts';
import { REMEDIES } from '../../extension/host/remedies.ts';
import type { ResidentBytes } from '../../extension/models/footprint.ts';
import type { UserError } from '../../extension/protocol/errors.ts';
import { MODEL_PARTS } from '../../extension/protocol/model.ts';
import type { Precision } from '../../extension/protocol/trace.ts';
import { TestEngine } from '../support/analyze.ts';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';

const DEMO = join(ROOT, 'media/demo-models');
const CASES = join(FIXTURES, 'checkpoints');

let engine: TestEngine;
beforeAll(() => {
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
});

/** The share of (token, slot) choices that equal the reference's, all texts and layers together. */
async function agreement(folder: string, reference: string, precision: 'int8' | 'int4'): Promise<number> {
  const expected = await Reference.read(reference);
  let same = 0;
  let all = 0;
  for (const [i, text] of expected.inputs.entries()) {
    const trace = await engine.analyze(folder, text, { precision });
    expect(trace.origin.model.precision).toBe(precision);
    for (const { layer, k, candidates, chosen } of trace.layers) {
      const wanted = expected.get(`topk_index.${i}.${layer}`).data;
      for (let t = 0; t < trace.tokens.ids.length; t++) {
        const own = new Set(chosen.subarray(t * candidates, t * candidates + k));
        for (let j = 0; j < k; j++) if (own.has(wanted[t * k + j]!)) same += 1;
        all += k;
      }
    }
  }
  return same / all;
}
describe('a trained model', () => {
  // A tenth of its margins are under 0.01: what int8 changes scores by flips few of them, what int4 does some.
  it.each(['balanced', 'collapsed'])('%s keeps its routing', async (name) => {
    const reference = join(FIXTURES, 'demo', name);
    expect(await agreement(join(DEMO, name), reference, 'int8')).toBeGreaterThan(0.98);
    expect(await agreement(join(DEMO, name), reference, 'int4')).toBeGreaterThan(0.94);
  });
});

// Random weights leave experts nearly alike, so more choices flip; a matrix that is misread brings agreement down to chance,
// the k of E that are right by themselves: 0.5 at most.
describe('every way in which checkpoints store matrices', () => {
  it.each([
    ['mixtral', 'an expert a matrix'],
    ['mixtral-odd', 'widths that blocks do not divide'],
    ['qwen3_moe', 'experts stacked'],
    ['gpt_oss', 'experts stacked and transposed, with biases'],
    ['gpt_oss-mxfp4', 'MXFP4'],
    ['llama4_text', 'gates and values transposed in one'],
    ['deepseek_v3-fp8', 'FP8, and latent attention'],
    ['deepseek_v3-odd', 'FP8 in blocks that divide nothing, embeddings tied'],
    ['granitemoehybrid', 'Mamba-2'],
    ['qwen3_5_moe_text', 'gated DeltaNet'],
  ])('%s: %s', async (name) => {
    const folder = join(CASES, name);
    expect(await agreement(folder, join(folder, 'reference'), 'int8')).toBeGreaterThan(0.93);
    expect(await agreement(folder, join(folder, 'reference'), 'int4')).toBeGreaterThan(0.7);
  });
});

it('keeps precisions apart in the cache, and float32 exact after them', async () => {
  const text = 'The router chooses.';
  const folder = join(CASES, 'mixtral');
  const logProbs = async (precision: Precision): Promise<number[]> =>
    [...(await engine.analyze(folder, text, { precision })).tokens.logProb].slice(1);
  const exact = await logProbs('float32');
  expect(await logProbs('int4')).not.toEqual(exact);
  expect(await logProbs('int8')).not.toEqual(exact);
  expect(await logProbs('float32')).toEqual(exact);
});

it('takes float32 where there is room, and says why', async () => {
  const trace = await engine.analyze(join(CASES, 'mixtral'), 'The router chooses.');
  expect(trace.origin.model.precision).toBe('float32');
  expect(engine.log.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^mixtral runs in float32: float32 needs 0\.2 GB, and [\d.]+ GB are free\.$/),
  );
});

it('refuses to quantize what is not finite, and names it', async () => {
  const checkpoint = new ScratchCheckpoint('mixtral');
  try {
    const entry = (await readSafetensorsHeader(checkpoint.path('model.safetensors'))).find(({ name }) =>
      name.endsWith('layers.1.block_sparse_moe.experts.3.w2.weight'),
    )!;
    const bytes = readFileSync(entry.file);
    // Infinity as bfloat16.
    bytes.writeUInt16LE(0x7f80, entry.offset + 10);
    checkpoint.write('model.safetensors', bytes);
    await expect(engine.analyze(checkpoint.folder, 'text', { precision: 'int4' })).rejects.toThrow(
      /layers\.1\.block_sparse_moe\.experts\.3\.w2\.weight has elements that are infinite/,
    );
  } finally {
    checkpoint.dispose();
  }
});

describe('what fits', () => {
  const size = (gigabytes: number): ResidentBytes => ({
    total: gigabytes * 1e9,
    active: 0,
    parts: Object.fromEntries(MODEL_PARTS.map((part) => [part, 0])) as ResidentBytes['parts'],
  });
  const bytes = { float32: size(28), float16: size(14), int8: size(8), int4: size(4) };

  it('is chosen, the most exact first', () => {
    expect(choosePrecision('auto', bytes, 40e9).precision).toBe('float32');
    expect(choosePrecision('auto', bytes, 20e9).precision).toBe('int8');
    expect(choosePrecision('auto', bytes, 8e9).precision).toBe('int4');
  });
  it('is named where something else was asked for', () => {
    expect(() => choosePrecision('float32', bytes, 20e9)).toThrow(
      /^This model in float32 needs [\d.]+ GB of memory, and 20\.0 GB are free\. In int8 it fits\.$/,
    );
  });
  it('is told from what is free, however little is missing', () => {
    // 1.15 · 28 GB and 150 MiB.
    expect(() => choosePrecision('float32', bytes, 32.354e9)).toThrow(
      'needs 32.36 GB of memory, and 32.35 GB are free',
    );
  });
  it('may be nothing', () => {
    expect(() => choosePrecision('auto', bytes, 3e9)).toThrow(
      /^This model does not fit: float32 needs [\d.]+ GB, int8 needs [\d.]+ GB, int4 needs [\d.]+ GB, and 3\.0 GB are free\.$/,
    );
  });
  it('is mended by another precision where one fits, else by another model, and never by less text', () => {
    const remedyOf = (wanted: 'auto' | 'float32', free: number): string | undefined => {
      try {
        choosePrecision(wanted, bytes, free);
        return undefined;
      } catch (error) {
        return REMEDIES[(error as UserError).code]?.command;
      }
    };
    expect(remedyOf('float32', 20e9)).toBe('moescope.openSettings');
    expect(remedyOf('float32', 3e9)).toBe('moescope.chooseModel');
    expect(remedyOf('auto', 3e9)).toBe('moescope.chooseModel');
  });
});

it('clears its cache of models and of nothing else, says how much that was, and opens the model again', async () => {
  const other = new TestEngine();
  try {
    const folder = join(CASES, 'mixtral');
    const first = await other.analyze(folder, 'text', { precision: 'int8', provider: 'cpu' });
    writeFileSync(join(other.cache, 'notes.txt'), 'mine');
    const [id] = readdirSync(other.cache).filter((name) => /^[0-9a-f]{64}$/.test(name));
    const { size } = statSync(join(other.cache, id!, 'weights.bin'));
    expect(await other.client.clearCache(other.cache)).toEqual({ freed: size, kept: 0 });
    expect(readdirSync(other.cache)).toEqual(['notes.txt']);
    expect(await other.client.clearCache(join(other.cache, 'nowhere'))).toEqual({ freed: 0, kept: 0 });
    const again = await other.analyze(folder, 'text', { precision: 'int8', provider: 'cpu' });
    expect(again.tokens.logProb).toEqual(first.tokens.logProb);
  } finally {
    other.dispose();
  }
});

/**
 * What the weights of a larger model cost: the time of their import against that of copying the checkpoint, and the engine's
 * memory against the weights themselves.
 */
import {
  closeSync,
  copyFileSync,
  cpSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../../extension/analysis/latency.ts';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { cachedWeights } from '../../extension/engine/weightCache.ts';
import { readCheckpoint } from '../../extension/formats/checkpoint.ts';
import { buildDecoder } from '../../extension/models/decoder.ts';
import { describeModel } from '../../extension/models/families.ts';
import { blockFormat } from '../../extension/models/quantization.ts';
import type { WeightPlan } from '../../extension/models/weights.ts';
import { root } from '../../extension/tools/project.mjs';
import { writeSparseCheckpoint } from '../support/sparseCheckpoint.ts';
import { report } from './report.ts';

const PRECISIONS = ['float32', 'int8', 'int4'] as const;
const RUNS = 3;
const TOKENS = 512;
const THREADS = 2;

/** 230 million parameters, most of them the experts': 460 MB as bfloat16. The vocabulary is that of the bundled tokenizer. */
const CONFIG = {
  architectures: ['MixtralForCausalLM'],
  model_type: 'mixtral',
  hidden_act: 'silu',
  vocab_size: 8192,
  hidden_size: 1024,
  intermediate_size: 672,
  num_hidden_layers: 6,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  num_local_experts: 16,
  num_experts_per_tok: 2,
  max_position_embeddings: 4096,
  tie_word_embeddings: false,
};
/** Four times the layers, for memory: the runtime itself takes 100 MB, of whatever model. 1.7 GB as bfloat16. */
const LARGE = { ...CONFIG, num_hidden_layers: 4 * CONFIG.num_hidden_layers };
/** Keys and values of float32 in every layer. */
const KV_BYTES = TOKENS * LARGE.num_hidden_layers * 2 * LARGE.num_key_value_heads * (1024 / 16) * 4;

const folder = mkdtempSync(join(tmpdir(), 'moescope-bench-'));
const checkpoint = join(folder, 'checkpoint');
const large = join(folder, 'large');
const weights = join(checkpoint, 'model.safetensors');
const never = new AbortController().signal;

/** Random bfloat16 elements of the size that trained weights have, in place of the holes. */
function fill(path: string): void {
  // No power of two, so that rows differ.
  const tile = new Uint16Array(1_000_003);
  const wide = new Float32Array(1);
  const bits = new Uint32Array(wide.buffer);
  for (let i = 0; i < tile.length; i++) {
    wide[0] = (Math.random() - 0.5) / 16;
    tile[i] = bits[0]! >>> 16;
  }
  const bytes = new Uint8Array(tile.buffer);
  const { size } = statSync(path);
  const file = openSync(path, 'r+');
  const prefix = Buffer.alloc(8);
  readSync(file, prefix);
  const header = 8 + Number(prefix.readBigUInt64LE());
  for (let at = header; at < size; at += bytes.length) {
    writeSync(file, bytes, 0, Math.min(bytes.length, size - at), at);
  }
  fsyncSync(file);
  closeSync(file);
}

/** Seconds of copying the checkpoint, until it is on the disk. */
function copySeconds(): number {
  const copy = join(folder, 'copy');
  const began = performance.now();
  copyFileSync(weights, copy);
  const file = openSync(copy, 'r+');
  fsyncSync(file);
  closeSync(file);
  const seconds = (performance.now() - began) / 1000;
  rmSync(copy);
  return seconds;
}

/** Seconds of an import into an empty cache, until it is on the disk. */
async function importSeconds(plan: WeightPlan): Promise<number> {
  const cache = join(folder, 'imported');
  const began = performance.now();
  const importer = join(root, 'dist/importer.js');
  await cachedWeights(plan, { cache, importer, limit: 0, progress: () => undefined, signal: never });
  const seconds = (performance.now() - began) / 1000;
  rmSync(cache, { recursive: true });
  return seconds;
}

/** Memory of a process, in bytes; the most that it has had is all of it. */
interface Memory {
  /** Its own. */
  readonly own: number;
  /** Pages of files that are mapped, which the system takes back when it needs them. */
  readonly mapped: number;
  readonly most: number;
}

/** Undefined where only Linux would tell. */
function memoryOf(pid: number): Memory | undefined {
  if (process.platform !== 'linux') return undefined;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => 1024 * Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)![1]);
  return { own: field('RssAnon'), mapped: field('RssFile'), most: field('VmHWM') };
}

/** The engine's memory when it is up, when the model is open, and after a run. */
async function memory(precision: (typeof PRECISIONS)[number], bytes: number): Promise<void> {
  const client = new EngineClient({ entry: join(root, 'dist/engine.js'), log: () => undefined });
  const cache = join(folder, 'models');
  const request = { folder: large, cache, cacheLimit: 0, threads: THREADS, context: TOKENS, precision } as const;
  const model = { ...request, provider: 'cpu' } as const;
  try {
    await client.listCache(cache);
    const empty = memoryOf(client.pid!);
    if (empty === undefined) {
      console.log('What memory the engine has is only measured on Linux.');
      return;
    }
    report({
      what: `${precision}: memory before anything is open`,
      value: (empty.own + empty.mapped) / 1e6,
      unit: 'MB',
    });
    // The process that imports has had other buffers.
    const importer = new EngineClient({ entry: join(root, 'dist/engine.js'), log: () => undefined });
    await importer.open(model, () => undefined, never);
    importer.dispose();
    await client.open(model, () => undefined, never);
    const measure = (what: string, base: number): void => {
      const { own, mapped, most } = memoryOf(client.pid!)!;
      report({ what: `${precision}: memory ${what}`, value: (own + mapped) / base, unit: '×', budget: 1.3 });
      report({ what: `${precision}: pages of files in it`, value: mapped / base, unit: '×' });
      report({ what: `${precision}: the most until then`, value: most / base, unit: '×', budget: 1.3 });
    };
    measure(`when open, of its weights' ${Math.round(bytes / 1e6)} MB`, bytes);
    const sink = { progress: () => undefined, began: () => undefined, routed: () => undefined };
    // Longer than the context.
    const words = readFileSync(join(root, 'media/samples/essay.md'), 'utf8').repeat(8);
    await client.analyze(model, words.slice(0, 2000), sink, never);
    measure(`after ${TOKENS} tokens, of these and the KV`, bytes + KV_BYTES);
  } finally {
    client.dispose();
    rmSync(cache, { recursive: true, force: true });
  }
}

/** Writes a checkpoint of random weights; the plans of its weight files at each precision. */
async function prepare(at: string, shape: typeof CONFIG): Promise<WeightPlan[]> {
  mkdirSync(at);
  writeSparseCheckpoint(at, shape, 1);
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    cpSync(join(root, 'media/demo-models/balanced', name), join(at, name));
  }
  fill(join(at, 'model.safetensors'));
  const { config, tensors } = await readCheckpoint(at);
  const spec = describeModel(config);
  return PRECISIONS.map((precision) => buildDecoder(spec, tensors, blockFormat(precision)).plan);
}

try {
  const plans = await prepare(checkpoint, CONFIG);
  const copies: number[] = [];
  const imports: number[][] = PRECISIONS.map(() => []);
  // They take turns, so that what else the machine does meets all alike.
  for (let run = 0; run < RUNS; run++) {
    copies.push(copySeconds());
    for (const [i, plan] of plans.entries()) imports[i]!.push(await importSeconds(plan));
  }
  const copy = median(copies);
  const { size } = statSync(weights);
  report({ what: `copy of ${Math.round(size / 1e6)} MB, median of ${RUNS}`, value: copy, unit: 's' });
  for (const [i, precision] of PRECISIONS.entries()) {
    const seconds = median(imports[i]!);
    report({ what: `${precision}: import, of the copy's time`, value: seconds / copy, unit: '×', budget: 2 });
    // A copy writes what it reads; float32 made of bfloat16 is twice that.
    const moved = (size + plans[i]!.bytes) / (2 * size);
    report({
      what: `${precision}: the same for each byte that is read or written`,
      value: seconds / copy / moved,
      unit: '×',
    });
  }
  rmSync(checkpoint, { recursive: true });
  const largePlans = await prepare(large, LARGE);
  for (const [i, precision] of PRECISIONS.entries()) await memory(precision, largePlans[i]!.bytes);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The inspector process on real files: what it says of checkpoints, and what it finds in a cache of the hub's layout. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InspectorClient } from '../../extension/client/inspectorClient.ts';
import { hubFolder } from '../../extension/formats/hubCache.ts';
import type { ErrorCode, UserError } from '../../extension/protocol/errors.ts';
import type { Inspection } from '../../extension/protocol/model.ts';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

const CHECKPOINTS = join(FIXTURES, 'checkpoints');
const scratch: ScratchCheckpoint[] = [];
const signal = new AbortController().signal;
let client: InspectorClient;
let hub: string;

beforeAll(() => {
  hub = mkdtempSync(join(tmpdir(), 'moescope-hub-'));
  process.env['HF_HUB_CACHE'] = hub;
  client = new InspectorClient({ entry: join(ROOT, 'dist/inspector.js'), log: () => undefined });
});
afterEach(() => {
  while (scratch.length > 0) scratch.pop()!.dispose();
});
afterAll(() => {
  delete process.env['HF_HUB_CACHE'];
  client.dispose();
  rmSync(hub, { recursive: true, force: true });
});

function copy(fixture?: string): ScratchCheckpoint {
  const checkpoint = new ScratchCheckpoint(fixture);
  scratch.push(checkpoint);
  return checkpoint;
}

function inspect(path: string): Promise<Inspection> {
  return client.inspect(path, signal);
}

async function failure(path: string): Promise<{ code: ErrorCode; message: string }> {
  return inspect(path).then(
    () => {
      throw new Error('It was not refused.');
    },
    (error: unknown) => error as UserError,
  );
}

describe('what a checkpoint says of itself', () => {
  it('is its shape, its router and its size', async () => {
    const model = await inspect(join(CHECKPOINTS, 'mixtral-odd'));
    expect(model).toMatchObject({
      name: 'mixtral-odd',
      architecture: 'MixtralForCausalLM',
      family: 'Mixtral',
      layout: 'one tensor an expert',
      source: { url: 'https://arxiv.org/abs/2401.04088' },
      tokenizer: true,
      best: 'float32',
    });
    const files = readdirSync(join(CHECKPOINTS, 'mixtral-odd')).filter((name) => name.startsWith('model-'));
    expect(model.stored.files).toBe(files.length);
    // Tensors are all of a file but its header.
    const onDisk = files.reduce((sum, name) => sum + statSync(join(CHECKPOINTS, 'mixtral-odd', name)).size, 0);
    expect(model.stored.bytes).toBeLessThan(onDisk);
    expect(model.stored.bytes).toBeGreaterThan(0.9 * onDisk - 100_000);
    expect(model.stored.dtypes.reduce((sum, { tensors }) => sum + tensors, 0)).toBe(model.stored.tensors);
    const float32 = model.precisions.find(({ precision }) => precision === 'float32')!;
    expect(float32.total).toBe(4 * model.parameters.total);
    expect(Object.values(float32.parts).reduce((a, b) => a + b)).toBe(float32.total);
    expect(float32.active).toBeLessThan(float32.total);
    expect(float32.fits).toBe(true);
    expect(model.config['num_local_experts']).toBe(model.routers[0]!.experts);
  });

  it('is the same for a file in its folder', async () => {
    const file = await inspect(join(CHECKPOINTS, 'olmoe/model.safetensors'));
    expect(file.architecture).toBe('OlmoeForCausalLM');
    expect(file.folder).toBe(join(CHECKPOINTS, 'olmoe'));
  });

  it('is not that of the folder for a GGUF file in it', async () => {
    const file = copy().write('other-Q4_K_M.gguf', 'GGUF').path('other-Q4_K_M.gguf');
    for (const asked of [inspect(file), client.shape(file, signal)]) {
      await expect(asked).rejects.toThrow(/^other-Q4_K_M\.gguf is in llama\.cpp's format/);
    }
  });

  it('has experts in one tensor where they are fused', async () => {
    expect((await inspect(join(CHECKPOINTS, 'gpt_oss'))).layout).toBe('all experts of a layer in one tensor');
  });

  it('counts both stacks of an encoder-decoder', async () => {
    const { layers } = await inspect(join(CHECKPOINTS, 'switch_transformers'));
    expect(layers.filter(({ stack }) => stack === 'encoder')).not.toHaveLength(0);
    expect(layers.filter(({ stack }) => stack === 'decoder')).not.toHaveLength(0);
    expect(layers.some(({ network }) => network === 'moe')).toBe(true);
  });

  it('tells what is skipped: towers, and layers after the last', async () => {
    const checkpoint = copy();
    const plain = await inspect(checkpoint.folder);
    expect(plain.skipped).toEqual([]);
    checkpoint.add({
      'model.visual.patch_embed.weight': [32, 64],
      'model.visual.blocks.0.norm.weight': [32, 64],
      'model.layers.4.embed_tokens.weight': [32, 64],
    });
    expect((await inspect(checkpoint.folder)).skipped).toEqual([
      { what: 'vision tower', tensors: 2, bytes: 8192 },
      { what: 'multi-token prediction', tensors: 1, bytes: 4096 },
    ]);
  });

  it('misses a tokenizer, but says the rest', async () => {
    expect((await inspect(copy().remove('tokenizer.json').folder)).tokenizer).toBe(false);
  });
});

describe('what it refuses, as the engine would', () => {
  it.each<[string, ErrorCode, RegExp, (c: ScratchCheckpoint) => ScratchCheckpoint]>([
    [
      'a dense model',
      'not-moe',
      /has no experts/,
      (c) => c.write('config.json', '{"architectures":["LlamaForCausalLM"]}'),
    ],
    ['a model without weights', 'weights-missing', /no model\.safetensors/, (c) => c.remove('model.safetensors')],
    ['another shape', 'weights-invalid', /config\.json implies/, (c) => c.config({ intermediate_size: 48 })],
  ])('%s', async (_, code, message, change) => {
    const error = await failure(change(copy()).folder);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('a folder that is not there', async () => {
    expect((await failure('/no/such/folder')).code).toBe('folder-missing');
  });
});

it('lists tensors: all words of a search have to match, layers come in the order of their numbers', async () => {
  const folder = join(CHECKPOINTS, 'mixtral');
  const all = await client.tensors({ folder, search: '', from: 0, count: 1000 }, signal);
  expect(all.matching).toBe((await inspect(folder)).stored.tensors);
  const gates = await client.tensors({ folder, search: 'GATE layers.', from: 1, count: 2 }, signal);
  expect(gates.matching).toBe(4);
  expect(gates.rows.map(({ name }) => name)).toEqual([
    'model.layers.1.block_sparse_moe.gate.weight',
    'model.layers.2.block_sparse_moe.gate.weight',
  ]);
  expect(gates.rows[0]).toMatchObject({ shape: [8, 64], file: 'model.safetensors' });
});

describe('the cache of the hub', () => {
  /** Puts a checkpoint there as huggingface_hub does: blobs, and links to them. */
  function download(
    repository: string,
    revision: string,
    fixture: string,
    options: { readonly main?: boolean } = {},
  ): string {
    const root = join(hub, `models--${repository.replace('/', '--')}`);
    const snapshot = join(root, 'snapshots', revision);
    for (const folder of [snapshot, join(root, 'blobs'), join(root, 'refs')]) mkdirSync(folder, { recursive: true });
    if (options.main === true) writeFileSync(join(root, 'refs/main'), revision);
    for (const name of readdirSync(join(CHECKPOINTS, fixture)).filter((file) => !file.startsWith('reference'))) {
      const blob = `${revision}-${name}`;
      cpSync(join(CHECKPOINTS, fixture, name), join(root, 'blobs', blob));
      symlinkSync(join('../../blobs', blob), join(snapshot, name));
    }
    return snapshot;
  }

  it('gives the MoE models that are whole, by the names of the hub', async () => {
    const olmoe = download('allenai/OLMoE-1B-7B', 'a'.repeat(40), 'olmoe', { main: true });
    const old = download('some-org/mixtral', '1'.repeat(40), 'mixtral');
    const current = download('some-org/mixtral', '2'.repeat(40), 'mixtral', { main: true });
    const half = download('org/half', '3'.repeat(40), 'mixtral-odd', { main: true });
    rmSync(join(hub, 'models--org--half/blobs', `${'3'.repeat(40)}-model-00002-of-00002.safetensors`));
    const dense = download('org/dense', '4'.repeat(40), 'mixtral', { main: true });
    rmSync(join(dense, 'config.json'));
    writeFileSync(join(dense, 'config.json'), '{"architectures":["LlamaForCausalLM"]}');
    mkdirSync(join(hub, 'datasets--org--texts'));
    writeFileSync(join(hub, 'version.txt'), '1');
    const found = await client.find(signal);
    expect(found.hub).toEqual([
      { folder: olmoe, name: 'allenai/OLMoE-1B-7B' },
      { folder: current, name: 'some-org/mixtral', revision: '22222222' },
      { folder: old, name: 'some-org/mixtral', revision: '11111111' },
    ]);
    expect(found.unavailable.map(({ name }) => name)).toEqual(['GPT-4', 'Gemini', 'GLaM']);
    expect((await failure(half)).code).toBe('weights-missing');
  });

  it('names a snapshot for its repository, and takes the repository for its newest snapshot', async () => {
    const snapshot = download('org/model', 'b'.repeat(40), 'mixtral');
    download('org/model', 'c'.repeat(40), 'olmoe', { main: true });
    expect((await inspect(snapshot)).name).toBe('org/model');
    expect((await inspect(join(hub, 'models--org--model'))).architecture).toBe('OlmoeForCausalLM');
  });

  it('takes the repository for its newest snapshot also for tensors, and for the shape that recordings and servers need', async () => {
    const snapshot = download('org/parts', 'e'.repeat(40), 'olmoe', { main: true });
    const repository = join(hub, 'models--org--parts');
    const query = { search: '', from: 0, count: 3 };
    const found = await client.tensors({ folder: repository, ...query }, signal);
    expect(found).toEqual(await client.tensors({ folder: snapshot, ...query }, signal));
    const shape = await client.shape(repository, signal);
    expect(shape).toMatchObject({ folder: snapshot, architecture: 'OlmoeForCausalLM', tokenizer: true });
  });

  it('lets no ref lead elsewhere', async () => {
    download('org/ref', 'd'.repeat(40), 'mixtral');
    writeFileSync(join(hub, 'models--org--ref/refs/main'), '../../../etc');
    expect((await inspect(join(hub, 'models--org--ref'))).name).toBe('org/ref');
  });

  it('lies where the variables of huggingface_hub say', () => {
    expect(hubFolder({ HF_HUB_CACHE: '/a', HF_HOME: '/b' })).toBe('/a');
    expect(hubFolder({ HF_HOME: '/b', XDG_CACHE_HOME: '/c' })).toBe(join('/b', 'hub'));
    expect(hubFolder({ XDG_CACHE_HOME: '/c' })).toBe(join('/c', 'huggingface', 'hub'));
    // Empty is as good as not set.
    expect(hubFolder({ HF_HUB_CACHE: '', HF_HOME: '', XDG_CACHE_HOME: '' })).toBe(hubFolder({}));
    expect(hubFolder({})).toMatch(/\.cache.huggingface.hub$/);
  });
});

it('dies of a file without taking other requests along for good', async () => {
  const dying = new InspectorClient({ entry: join(ROOT, 'package.json'), log: () => undefined });
  await expect(dying.inspect('/', signal)).rejects.toMatchObject({
    code: 'inspector-failed',
    message: expect.stringMatching(/^The inspector process did not start/) as string,
  });
  dying.dispose();
  await expect(inspect(join(CHECKPOINTS, 'mixtral'))).resolves.toBeDefined();
});

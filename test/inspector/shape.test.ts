/** What a config.json alone says of a model that others run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InspectorClient } from '../../extension/client/inspectorClient.ts';
import type { ModelShape } from '../../extension/protocol/server.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

const { signal } = new AbortController();
let client: InspectorClient;
let folder: string;
beforeAll(() => {
  client = new InspectorClient({ entry: join(ROOT, 'dist/inspector.js'), log: () => undefined });
  folder = mkdtempSync(join(tmpdir(), 'moescope-shape-'));
});
afterAll(() => {
  client.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function shapeOf(config: object): Promise<ModelShape> {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return client.shape(folder, signal);
}

/** Of a model whose architecture nobody here knows. */
const UNKNOWN = {
  architectures: ['TomorrowMoeForCausalLM'],
  num_hidden_layers: 6,
  n_routed_experts: 256,
  num_experts_per_tok: 8,
};

it('a supported model has the layers that its family gives it', async () => {
  const shape = await client.shape(join(FIXTURES, 'checkpoints/deepseek_v3'), signal);
  const { layers, routers } = await client.inspect(join(FIXTURES, 'checkpoints/deepseek_v3'), signal);
  const moe = layers.flatMap(({ router }, layer) => (router === undefined ? [] : [{ layer, router }]));
  expect(shape.layers).toBe(layers.length);
  expect(moe.length).toBeLessThan(layers.length);
  expect(shape.moeLayers).toEqual(
    moe.map(({ layer, router }) => ({ layer, experts: routers[router]!.experts, k: routers[router]!.k })),
  );
});

it.each<[string, object, number[]]>([
  ['all layers have experts', {}, [0, 1, 2, 3, 4, 5]],
  ['but the first few', { first_k_dense_replace: 3 }, [3, 4, 5]],
  ['every second one', { moe_layer_freq: 2 }, [1, 3, 5]],
  ['but those that are named', { mlp_only_layers: [0, 5] }, [1, 2, 3, 4]],
])('of an unknown one %s', async (_, more, layers) => {
  const shape = await shapeOf({ ...UNKNOWN, ...more });
  expect(shape.moeLayers).toEqual(layers.map((layer) => ({ layer, experts: 256, k: 8 })));
  expect(shape).toMatchObject({ architecture: 'TomorrowMoeForCausalLM', layers: 6, tokenizer: false });
});

it('the config of a model with a wrapper is that of its text', async () => {
  const { num_hidden_layers: layers, ...text } = UNKNOWN;
  const shape = await shapeOf({ architectures: ['WrappedMoe'], text_config: { ...text, num_hidden_layers: layers } });
  expect(shape.moeLayers).toHaveLength(6);
});

it.each<[string, object]>([
  ['of no sizes', { ...UNKNOWN, num_hidden_layers: 'many' }],
  ['of more experts a token than there are', { ...UNKNOWN, num_experts_per_tok: 300 }],
  ['of too many layers', { ...UNKNOWN, num_hidden_layers: 1e9 }],
])('a config %s is refused', async (_, config) => {
  await expect(shapeOf({ architectures: ['TomorrowMoeForCausalLM'], ...config })).rejects.toThrow(
    'does not say how many layers, experts and experts per token',
  );
});

it('a config without experts is refused as one', async () => {
  await expect(shapeOf({ architectures: ['Tomorrow'], num_hidden_layers: 4 })).rejects.toMatchObject({
    code: 'not-moe',
  });
});

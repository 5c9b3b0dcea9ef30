/** Sizes counted by hand from the configs of two fixtures. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readCheckpoint } from '../../extension/formats/checkpoint.ts';
import { buildDecoder, planWeights } from '../../extension/models/decoder.ts';
import { describeModel } from '../../extension/models/families.ts';
import { bestFit } from '../../extension/models/fitting.ts';
import { footprint, type Footprint } from '../../extension/models/footprint.ts';
import { describeCheckpoint } from '../../extension/models/tying.ts';
import { FIXTURES } from '../support/reference.ts';

async function measure(fixture: string): Promise<Footprint> {
  const { config, tensors } = await readCheckpoint(join(FIXTURES, 'checkpoints', fixture));
  const spec = describeModel(config);
  return footprint(spec, buildDecoder(spec, tensors).plan);
}

it('counts a Mixtral: 4 layers of 8 experts, 2 a token', async () => {
  const H = 64;
  const experts = 4 * 8 * (3 * 96 * H);
  const mixers = 4 * (64 * H + 2 * 32 * H + H * 64);
  const parts = {
    embeddings: 512 * H,
    mixers,
    routers: 4 * 8 * H,
    experts,
    sharedExperts: 0,
    mlps: 0,
    norms: 9 * H,
    head: 512 * H,
  };
  const total = 707_136;
  const { parameters, bytes, experts: each } = await measure('mixtral');
  expect(parameters).toEqual({ total, active: total - (6 / 8) * experts, parts });
  expect(bytes.float32).toMatchObject({ total: 4 * total, active: 4 * (total - (6 / 8) * experts) });
  expect(bytes.float16).toMatchObject({ total: 2 * total, active: 2 * (total - (6 / 8) * experts) });
  expect(bytes.float16.parts).toEqual({
    ...{ embeddings: 1024 * H, mixers: 2 * mixers, routers: 64 * H, experts: 2 * experts },
    ...{ sharedExperts: 0, mlps: 0, norms: 18 * H, head: 1024 * H },
  });
  const one = 3 * 96 * H;
  // Up and gate have 96 rows of one block each, down has 64 of two.
  const expert = { parameters: one, bytes: { float32: 4 * one, float16: 2 * one, int8: 320 * 68, int4: 320 * 36 } };
  expect(each).toEqual([expert, expert, expert, expert]);
  // Blocks of 64 with a scale of four bytes, one a row but for the experts' down projections, which are 96 wide and take two.
  const expertBlocks = 4 * 8 * (2 * 96 + 2 * H);
  const blocks = 4 * (64 + 2 * 32 + H) + 512 + expertBlocks;
  const exact = 4 * (total - mixers - experts - parts.head);
  expect(bytes.int8.total).toBe(exact + blocks * (64 + 4));
  expect(bytes.int4.total).toBe(exact + blocks * (32 + 4));
  expect(bytes.int4.active).toBe(exact + (blocks - (6 / 8) * expertBlocks) * (32 + 4));
});

it('counts a DeepSeek-V3: a dense layer, shared experts, biases, tied embeddings, widths that blocks do not divide', async () => {
  const { parameters, bytes } = await measure('deepseek_v3-odd');
  const H = 60;
  // Queries, latent and rotated key with a bias, what expands latents, output with a bias; 3 layers of 3 heads.
  const mixer = 48 * H + (26 * H + 26) + 3 * 24 * 20 + (H * 42 + H);
  const experts = 2 * 12 * 3 * 40 * H;
  const parts = {
    embeddings: 512 * H,
    mixers: 3 * mixer,
    routers: 2 * (12 * H + 12),
    experts,
    sharedExperts: 2 * 3 * 80 * H,
    mlps: 3 * 128 * H,
    norms: 7 * H + 3 * 20,
    head: 0,
  };
  expect(parameters).toEqual({ total: 282_762, active: 282_762 - (9 / 12) * experts, parts });
  // Blocks of 64 a row: one for the widths 60, 42 and 40, two for the shared experts' 80 and the dense network's 128.
  const blocks = 3 * (48 + 26 + H) + 2 * 12 * (80 + H) + 2 * (160 + 2 * H) + (256 + 2 * H);
  const quantized = 3 * (48 * H + 26 * H + H * 42) + experts + parts.sharedExperts + parts.mlps;
  expect(bytes.int8.total).toBe(blocks * (64 + 4) + 4 * (282_762 - quantized));
  expect(bytes.int4.total).toBe(blocks * (32 + 4) + 4 * (282_762 - quantized));
});

it('takes the most exact precision that fits, with what running takes beside the weights', async () => {
  const { bytes } = await measure('mixtral');
  const base = 150 * 2 ** 20;
  expect(bestFit(bytes, 1.15 * bytes.float32.total + base)).toBe('float32');
  expect(bestFit(bytes, 1.15 * bytes.float32.total + base - 1)).toBe('int8');
  expect(bestFit(bytes, 1.3 * bytes.int8.total + base - 1)).toBe('int4');
  expect(bestFit(bytes, 1.3 * bytes.int4.total + base - 1)).toBeUndefined();
});

it.each(readdirSync(join(FIXTURES, 'checkpoints')))(
  '%s: the plan without graphs is that of the graphs',
  async (name) => {
    const checkpoint = await readCheckpoint(join(FIXTURES, 'checkpoints', name));
    const spec = await describeCheckpoint(checkpoint);
    const { plan } = buildDecoder(spec, checkpoint.tensors);
    expect(planWeights(spec, checkpoint.tensors).weights).toEqual(plan.weights);
  },
);

it('measures the experts of an encoder before those of the decoder', async () => {
  const { parameters, experts } = await measure('switch_transformers');
  const { config } = await readCheckpoint(join(FIXTURES, 'checkpoints', 'switch_transformers'));
  const spec = describeModel(config);
  const moe = [...spec.encoder!.layers, ...spec.layers]
    .flat()
    .flatMap(({ mixer }) => (mixer.kind === 'moe' ? [mixer] : []));
  expect(experts).toHaveLength(moe.length);
  const all = experts.reduce((sum, { parameters: each }, i) => sum + each * moe[i]!.router.experts, 0);
  expect(all).toBe(parameters.parts.experts);
});

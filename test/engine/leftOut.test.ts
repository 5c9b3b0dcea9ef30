/** What of a checkpoint nobody reads is known and said, or refused. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestEngine } from '../support/analyze.ts';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
import { FIXTURES } from '../support/reference.ts';

let engine: TestEngine;
const scratch: ScratchCheckpoint[] = [];

beforeAll(() => {
  engine = new TestEngine();
});
afterEach(() => {
  while (scratch.length > 0) scratch.pop()!.dispose();
});
afterAll(() => {
  engine.dispose();
});

/** A checkpoint with more tensors, by name. */
function withTensors(fixture: string, ...names: readonly string[]): string {
  const checkpoint = new ScratchCheckpoint(fixture);
  scratch.push(checkpoint);
  return checkpoint.add(Object.fromEntries(names.map((name) => [name, [2, 4]]))).folder;
}

describe('what text does not need', () => {
  it.each([
    ['gemma4-odd', ['vision tower', 'audio tower']],
    ['llama4-long', ['vision tower']],
  ])('is left out of %s, and said', async (name, skipped) => {
    const { origin } = await engine.analyze(join(FIXTURES, 'checkpoints', name), 'route this');
    expect(origin.model.skipped?.toSorted()).toEqual(skipped.toSorted());
    expect(engine.log.map(({ message }) => message)).toContain(
      `${name} is open without what text does not need: ${origin.model.skipped!.join(', ')}.`,
    );
  });

  it.each([
    [['model.layers.4.eh_proj.weight', 'model.layers.4.mlp.gate.weight'], 'multi-token prediction'],
    [['mtp.fc.weight'], 'multi-token prediction'],
    [['model.mtp_block.0.norm.weight'], 'multi-token prediction'],
    [['model.visual.patch_embed.proj.weight', 'visual.merger.norm.weight'], 'vision tower'],
    [['model.layers.0.self_attn.rotary_emb.inv_freq'], 'rotary tables, which are computed'],
  ])('%j', async (names, what) => {
    const { origin } = await engine.analyze(withTensors('mixtral', ...names), 'route this');
    expect(origin.model.skipped).toEqual([what]);
  });

  it('is nothing in most', async () => {
    const { origin } = await engine.analyze(join(FIXTURES, 'checkpoints/mixtral'), 'route this');
    expect(origin.model.skipped).toBeUndefined();
  });
});

describe('a tensor that no rule explains', () => {
  it.each([
    [
      ['model.layers.0.self_attn.q_proj.bias'],
      /the tensor model\.layers\.0\.self_attn\.q_proj\.bias, which MixtralForC/,
    ],
    [['model.layers.0.q_norm.weight', 'model.layers.1.q_norm.weight'], /q_norm\.weight and 1 more, which/],
    // A config that counts too few layers must not pass for a model that predicts further tokens.
    [['model.layers.4.mlp.gate.weight'], /model\.layers\.4\.mlp\.gate\.weight/],
    [['model.layers.0.block_sparse_moe.experts.8.w1.weight'], /experts\.8\.w1\.weight/],
    [['model.revision.weight'], /model\.revision\.weight/],
  ])('%j is named and refused', async (names, message) => {
    await expect(engine.analyze(withTensors('mixtral', ...names), 'route this')).rejects.toMatchObject({
      code: 'weights-invalid',
      message: expect.stringMatching(message) as string,
    });
  });
});

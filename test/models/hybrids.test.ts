/** What a config of a model with recurrent layers asks for is done or refused, never guessed. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../extension/formats/checkpoint.ts';
import { describeModel } from '../../extension/models/families.ts';
import { FIXTURES } from '../support/reference.ts';

describe('refuses what it does not handle', () => {
  it.each([
    ['lfm2_moe', { layer_types: undefined }, /layer_types names 0/],
    ['lfm2_moe', { layer_types: ['conv', 'conv', 'conv', 'mamba'] }, /"mamba" in layer_types/],
    ['lfm2_moe', { num_hidden_layers: 5 }, /5 layers, but layer_types names 4/],
    ['lfm2_moe', { conv_L_cache: 0 }, /conv_L_cache: 0/],
    ['qwen3_next', { linear_num_value_heads: 3 }, /3 value heads of linear attention, which 2 key heads/],
    ['qwen3_next', { hidden_act: 'gelu' }, /hidden_act "gelu"/],
    ['qwen3_5_moe_text', { attn_output_gate: false }, /without gates/],
    ['jamba', { attn_layer_offset: 2 }, /attn_layer_offset 2, which is not below attn_layer_period 2/],
    ['jamba', { num_experts: 1, num_experts_per_tok: 1 }, /one expert/],
    ['jamba', { sliding_window: 128 }, /sliding_window/],
    ['jamba', { mamba_inner_layernorms: false }, /mamba_inner_layernorms/],
    ['jamba', { mamba_dt_rank: 'most' }, /mamba_dt_rank: "most"/],
    ['granitemoehybrid', { num_local_experts: 0 }, /no experts/],
    ['granitemoehybrid', { mamba_d_head: 32 }, /8 Mamba heads of 32, but mamba_expand makes 128/],
    ['granitemoehybrid', { mamba_n_groups: 3 }, /3 groups/],
    ['granitemoehybrid', { time_step_limit: [0, 0.1] }, /0\.1 in time_step_limit/],
    ['granitemoehybrid', { position_embedding_type: 'alibi' }, /position_embedding_type "alibi"/],
    ['nemotron_h', { layers_block_type: undefined }, /layers_block_type/],
    [
      'nemotron_h',
      { hybrid_override_pattern: 'ME*-ME*' },
      /names other layers in hybrid_override_pattern than in layers_block_type/,
    ],
    ['nemotron_h', { layers_block_type: [] }, /names no layers in layers_block_type/],
    ['nemotron_h', { layers_block_type: undefined, hybrid_override_pattern: 'ME*X' }, /"X" in hybrid_override_pattern/],
    ['nemotron_h', { hybrid_override_pattern: 7, layers_block_type: undefined }, /hybrid_override_pattern/],
    ['nemotron_h', { time_step_limit: [0.01, 'Infinity'] }, /time_step_limit/],
    ['nemotron_h', { mlp_hidden_act: 'silu' }, /mlp_hidden_act "silu"/],
    ['nemotron_h', { attention_bias: true }, /attention_bias/],
    ['nemotron_h', { tie_word_embeddings: true }, /tie_word_embeddings/],
  ])('%s with %j', async (name, changes, message) => {
    const config = await readConfig(join(FIXTURES, 'checkpoints', name));
    expect(() => describeModel(config)).not.toThrow();
    expect(() => describeModel({ ...config, ...changes })).toThrow(message);
  });
});

it('finds the layers in the letters of a pattern, too', async () => {
  const config = await readConfig(join(FIXTURES, 'checkpoints/nemotron_h'));
  const { layers } = describeModel({ ...config, layers_block_type: undefined, hybrid_override_pattern: 'ME*-' });
  expect(layers.map(([block]) => block!.mixer.kind)).toEqual(['mamba2', 'moe', 'attention', 'mlp']);
});

it('finds them where they are named twice alike', async () => {
  const config = await readConfig(join(FIXTURES, 'checkpoints/nemotron_h'));
  const layers_block_type = ['mamba', 'moe', 'attention', 'mlp'];
  const { layers } = describeModel({ ...config, layers_block_type, hybrid_override_pattern: 'ME*-' });
  expect(layers).toHaveLength(4);
});

/** What a config of a model asks for is done or refused, never guessed. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../extension/formats/checkpoint.ts';
import type { JsonObject } from '../../extension/formats/json.ts';
import { describeModel } from '../../extension/models/families.ts';
import type { DecoderSpec } from '../../extension/models/spec.ts';
import { FIXTURES } from '../support/reference.ts';

/** As in the published config. */
const ATTENTION = { attn_config: { clip_qkv: 8, kv_n_heads: 2, rope_theta: 500_000 } };
const MXFP4 = { quantization_config: { quant_method: 'mxfp4' } };

describe('refuses what it does not handle', () => {
  it.each([
    ['gpt_oss', { swiglu_alpha: 1.5 }, /swiglu_alpha/],
    ['gpt_oss', { swiglu_limit: -1 }, /swiglu_limit: -1/],
    ['gpt_oss', { rope_parameters: undefined }, /rope_parameters/],
    ['gpt_oss', { quantization_config: { quant_method: 'awq' } }, /quant_method "awq"/],
    ['gpt_oss', { ...MXFP4, intermediate_size: 80 }, /sizes of 64 and 80, which blocks of 32 do not divide/],
    ['gpt_oss', { hidden_act: 'gelu' }, /hidden_act "gelu"/],
    ['gpt_oss', { layer_types: ['sliding_attention'] }, /4 layers, but layer_types names 1/],
    ['gpt_oss', { num_experts_per_tok: 9 }, /9 of 8 experts/],
    ['phimoe', { num_experts_per_tok: 3 }, /3 experts a token, but a sparse mixer is of two/],
    ['phimoe', { router_jitter_noise: -0.1 }, /router_jitter_noise: -0.1/],
    ['phimoe', { rope_parameters: { rope_type: 'linear', factor: 2 } }, /rope_type linear/],
    ['phimoe-odd', { rope_parameters: { rope_type: 'longrope' } }, /short_factor/],
    ['ernie4_5_moe', { moe_layer_start_index: 4 }, /has no experts: its 4 layers are dense/],
    ['ernie4_5_moe', { moe_k: 9 }, /9 of 8 experts/],
    ['hunyuan_v1_moe', { moe_topk: [2, 2, 2] }, /moe_topk: 4 numbers/],
    ['hunyuan_v1_moe', { moe_topk: [2, 2, 2, 9] }, /9 of 8 experts/],
    ['hunyuan_v1_moe', { rope_parameters: { rope_type: 'dynamic', alpha: 0 } }, /alpha: 0/],
    ['qwen2_moe', { layer_types: ['full_attention'] }, /4 layers, but layer_types names 1/],
    ['qwen2_moe', { layer_types: new Array(4).fill('chunked_attention') }, /"chunked_attention" in layer_types/],
    [
      'llama4_text',
      { attention_chunk_size: null, layer_types: new Array(4).fill('chunked_attention') },
      /no attention_chunk_size/,
    ],
    ['qwen3_moe', { mlp_only_layers: [0, 1, 2, 3] }, /has no experts: its 4 layers are dense/],
    ['deepseek_v3', { first_k_dense_replace: 4 }, /has no experts: its 4 layers are dense/],
    ['deepseek_v2', { mlp_layer_types: ['dense', 'sparse', 'sparse', 'sparse'] }, /has mlp_layer_types/],
    ['deepseek_v3', { mlp_layer_types: ['dense', 'sparse', 'sparse', 'sparse'] }, /has mlp_layer_types/],
    ['glm4_moe', { mlp_layer_types: ['dense', 'sparse', 'sparse', 'sparse'] }, /has mlp_layer_types/],
    ['dots1', { mlp_layer_types: ['dense', 'sparse', 'sparse', 'sparse'] }, /has mlp_layer_types/],
    ['glm4_moe_lite', { mlp_layer_types: ['dense', 'sparse'] }, /4 layers, but mlp_layer_types names 2/],
    ['glm4_moe_lite', { mlp_layer_types: ['dense', 'moe', 'sparse', 'sparse'] }, /"moe" in mlp_layer_types/],
    ['dots1', { layer_types: ['full_attention'] }, /4 layers, but layer_types names 1/],
    ['dots1-window', { layer_types: ['full_attention', 'full', 'full_attention'] }, /"full" in layer_types/],
    ['dots1', { scoring_func: 'softmax' }, /scoring_func "softmax"/],
    ['deepseek_v3', { scoring_func: 'noaux_tc' }, /scoring_func "noaux_tc"/],
    ['dbrx', { tie_word_embeddings: true }, /tie_word_embeddings/],
    ['dbrx', { n_heads: 7 }, /7 attention heads, which 2/],
    ['dbrx', { attn_config: { kv_n_heads: 2, clip_qkv: -8 } }, /clip_qkv: -8/],
    ['dbrx', { ffn_config: { moe_num_experts: 8, ffn_act_fn: { name: 'gelu' } } }, /name "gelu"/],
    ['switch_transformers', { num_sparse_encoder_layers: 5 }, /num_sparse_encoder_layers 5/],
    ['switch_transformers', { dense_act_fn: 'gelu' }, /dense_act_fn "gelu"/],
    ['switch_transformers', { expert_capacity: 0 }, /expert_capacity: 0/],
    ['switch_transformers', { decoder_start_token_id: 512 }, /decoder_start_token_id: 512/],
    ['switch_transformers', { relative_attention_num_buckets: 3 }, /relative_attention_num_buckets 3/],
    ['switch_transformers', { relative_attention_max_distance: 16 }, /relative_attention_max_distance 16/],
    ['minimax_m2-odd', { rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 2 } }, /partial_rotary_factor 2/],
    ['olmoe', { rms_norm_eps: 1e39 }, /rms_norm_eps: 1e\+39/],
    ['granitemoe', { embedding_multiplier: 1e39 }, /embedding_multiplier: 1e\+39/],
  ])('%s with %j', async (name, changes, message) => {
    const config = await readConfig(join(FIXTURES, 'checkpoints', name));
    expect(() => describeModel(config)).not.toThrow();
    expect(() => describeModel({ ...config, ...changes })).toThrow(message);
  });
});

async function describeChanged(name: string, changes: JsonObject): Promise<DecoderSpec> {
  return describeModel({ ...(await readConfig(join(FIXTURES, 'checkpoints', name))), ...changes });
}

/** How far back each layer's attention sees, where not over all tokens. */
function windows({ layers }: DecoderSpec): readonly (number | undefined)[] {
  return layers.flat().flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer.window ?? mixer.chunk] : []));
}

describe('dots.llm1', () => {
  const read = (changes: JsonObject): Promise<DecoderSpec> => describeChanged('dots1-window', changes);

  it('scores by the sigmoid where a revision names the way to balance instead', async () => {
    const { layers } = await read({ scoring_func: 'noaux_tc' });
    const scorings = layers.flat().flatMap(({ mixer }) => (mixer.kind === 'moe' ? [mixer.router.scoring] : []));
    expect(scorings).toEqual(['sigmoid', 'sigmoid', 'sigmoid']);
  });

  it('slides over 4,096 tokens where the config does not say how many', async () => {
    expect(windows(await read({}))).toEqual([undefined, undefined, 24]);
    expect(windows(await read({ sliding_window: undefined }))).toEqual([undefined, undefined, 4096]);
    const byCount = { layer_types: undefined, sliding_window: undefined, max_window_layers: 1 };
    expect(windows(await read(byCount))).toEqual([undefined, 4096, 4096]);
  });

  it('attends to all tokens where there is no window', async () => {
    expect(windows(await read({ sliding_window: null }))).toEqual([undefined, undefined, undefined]);
  });
});

describe('Qwen-MoE', () => {
  const none = [undefined, undefined, undefined, undefined];

  it('slides in the layers that are listed, else in every second of the first', async () => {
    const layer_types = ['full_attention', 'sliding_attention', 'full_attention', 'full_attention'];
    const read = async (changes: JsonObject): Promise<readonly (number | undefined)[]> =>
      windows(
        await describeChanged('qwen2_moe', {
          ...{ use_sliding_window: true, sliding_window: 24, layer_types: undefined },
          ...changes,
        }),
      );
    expect(await read({ layer_types })).toEqual([undefined, 24, undefined, undefined]);
    expect(await read({})).toEqual([24, undefined, 24, undefined]);
    expect(await read({ max_window_layers: 2 })).toEqual([24, undefined, undefined, undefined]);
    expect(await read({ max_window_layers: 0 })).toEqual(none);
  });

  it('attends to all tokens where the window that is to be used is none', async () => {
    const slides = { use_sliding_window: true, sliding_window: undefined };
    expect(windows(await describeChanged('qwen3_moe', slides))).toEqual([4096, 4096, 4096, 4096]);
    expect(windows(await describeChanged('qwen3_moe', { ...slides, sliding_window: null }))).toEqual(none);
    const unlisted = { ...slides, sliding_window: null, layer_types: undefined };
    expect(windows(await describeChanged('qwen2_moe', unlisted))).toEqual(none);
  });
});

it('has no chunks in Llama 4 where the size of one is none', async () => {
  const rotating = { layer_types: undefined, no_rope_layers: [1, 1, 1, 0] };
  const sizes = async (changes: JsonObject): Promise<readonly (number | undefined)[]> =>
    windows(await describeChanged('llama4_text', { ...rotating, ...changes }));
  expect(await sizes({ attention_chunk_size: undefined })).toEqual([8192, 8192, 8192, undefined]);
  expect(await sizes({ attention_chunk_size: null })).toEqual([undefined, undefined, undefined, undefined]);
});

it('tunes no temperature in Llama 4 where the config says so, whatever else it says of it', async () => {
  const strengths = async (changes: JsonObject): Promise<readonly (number | undefined)[]> =>
    (await describeChanged('llama4_text', { floor_scale: 16, attn_scale: 0.3, ...changes })).layers
      .flat()
      .flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer.temperature?.strength] : []));
  expect(await strengths({ attn_temperature_tuning: 4 })).toContain(0.3);
  expect(new Set(await strengths({ attn_temperature_tuning: false }))).toEqual(new Set([undefined]));
});

it('has no shared expert in Granite MoE where the config names no size of one', async () => {
  const shared = async (changes: JsonObject): Promise<boolean> =>
    (await describeChanged('granitemoeshared-odd', changes)).layers
      .flat()
      .some(({ mixer }) => mixer.kind === 'moe' && mixer.shared !== undefined);
  expect(await shared({})).toBe(true);
  expect(await shared({ shared_intermediate_size: undefined })).toBe(false);
});

it('has a latent of queries in DeepSeek-V3 and GLM-4.7-Flash where the config does not say that there is none', async () => {
  const latents = async (name: string, changes: JsonObject): Promise<ReadonlySet<number | undefined>> =>
    new Set(
      (await describeChanged(name, changes)).layers
        .flat()
        .flatMap(({ mixer }) => (mixer.kind === 'mla' ? [mixer.queryLatent?.projection.weight.shape[0]] : [])),
    );
  expect(await latents('deepseek_v2', { q_lora_rank: undefined })).toEqual(new Set([1536]));
  expect(await latents('deepseek_v3', { q_lora_rank: undefined })).toEqual(new Set([1536]));
  expect(await latents('glm4_moe_lite', { q_lora_rank: undefined })).toEqual(new Set([768]));
  expect(await latents('deepseek_v3', { q_lora_rank: null })).toEqual(new Set([undefined]));
});

it('has 12 layers in the decoder of Switch Transformers where the config does not say how many, as many as in the encoder where it says null', async () => {
  const depth = async (changes: JsonObject): Promise<number> =>
    (await describeChanged('switch_transformers', { num_sparse_decoder_layers: 2, ...changes })).layers.length;
  expect(await depth({ num_decoder_layers: undefined })).toBe(12);
  expect(await depth({ num_decoder_layers: null, num_layers: 6 })).toBe(6);
});

it('takes a flag that is null for off, also where its absence stands for on', async () => {
  const renormalized = async (changes: JsonObject): Promise<ReadonlySet<boolean>> =>
    new Set(
      (await describeChanged('deepseek_v3', changes)).layers
        .flat()
        .flatMap(({ mixer }) => (mixer.kind === 'moe' ? [mixer.router.renormalize !== undefined] : [])),
    );
  expect(await renormalized({ norm_topk_prob: undefined })).toEqual(new Set([true]));
  expect(await renormalized({ norm_topk_prob: null })).toEqual(new Set([false]));
});

it('attends to all tokens in every layer of Gemma 4 where the config says so, though it describes how windows would turn', async () => {
  const layer_types = new Array(4).fill('full_attention');
  expect(windows(await describeChanged('gemma4_text', { layer_types }))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  const rope_parameters = {
    full_attention: { rope_type: 'default', theta: 3 },
    sliding_attention: { rope_type: 'default' },
  };
  const described = describeChanged('gemma4_text', { layer_types, rope_parameters });
  await expect(described).rejects.toThrow('has rope_parameters.full_attention.theta 3');
});

it('turns heads in DBRX by the base that its attention has, which stands nowhere else', async () => {
  const bases = (await describeChanged('dbrx', { rope_parameters: undefined, ...ATTENTION })).layers
    .flat()
    .flatMap(({ mixer }) => (mixer.kind === 'attention' ? [mixer.rope?.base] : []));
  expect(new Set(bases)).toEqual(new Set([500_000]));
});

it('has dense networks in the layers that GLM-4.7-Flash lists as dense, wherever they lie', async () => {
  const config = await readConfig(join(FIXTURES, 'checkpoints/glm4_moe_lite'));
  const networks = (types: readonly string[] | undefined): readonly string[] =>
    describeModel({ ...config, mlp_layer_types: types })
      .layers.flat()
      .flatMap(({ mixer }) => (mixer.kind === 'mla' ? [] : [mixer.kind]));
  expect(networks(['sparse', 'dense', 'sparse', 'dense'])).toEqual(['moe', 'mlp', 'moe', 'mlp']);
  expect(networks(undefined)).toEqual(['mlp', 'moe', 'moe', 'moe']);
});

it('knows that a rotation that grows with the text reaches further than the model was made for', async () => {
  const config = await readConfig(join(FIXTURES, 'checkpoints/hunyuan_v1_moe-dynamic'));
  expect(config['max_position_embeddings']).toBe(64);
  expect(describeModel(config).context).toBe(4 * 64);
});

/** Published models open: their configs, and those of the fixtures, say nothing that is not known. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject } from '../../extension/formats/json.ts';
import { describeModel } from '../../extension/models/families.ts';
import { passTokens, scoreBytes } from '../../extension/models/passTokens.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import { FIXTURES } from '../support/reference.ts';

const CONFIGS = JSON.parse(readFileSync(join(FIXTURES, 'hubConfigs.json'), 'utf8')) as Record<string, JsonObject>;

it.each(Object.entries(CONFIGS))('%s is described', (_, config) => {
  expect(describeModel(config).architecture).toBe((config['architectures'] as string[])[0]);
});

it('sends as many tokens through at a time as memory allows for what Mamba and the chosen experts need of each', () => {
  // Half a megabyte a token in a layer, of 64.
  expect(passTokens(describeModel(CONFIGS['Jamba-v0.1']!), 200e9)).toBe(128);
  expect(passTokens(describeModel(CONFIGS['Mixtral-8x7B-v0.1']!), 26e9)).toBe(512);
  // 8 rows of 2,048 float32 are 64 KB, of 16 MB or a 256th of the weights.
  const olmoe = describeModel(CONFIGS['OLMoE-1B-7B-0924']!);
  expect(passTokens(olmoe, 4.2e9)).toBe(256);
  expect(passTokens(olmoe, 27e9)).toBe(512);
});

it('knows what the scores of a pass take', () => {
  // 32 heads × 512 queries × 4,096 keys × 4 bytes.
  expect(scoreBytes(describeModel(CONFIGS['Mixtral-8x7B-v0.1']!), 512, 4096)).toBe(2 ** 28);
});

describe('a key that nobody has read', () => {
  const config = CONFIGS['Mixtral-8x7B-v0.1']!;

  it('is named with its value and refused', () => {
    expect(() => describeModel({ ...config, use_parallel_residual: true })).toThrow(
      "The model's config.json has use_parallel_residual true: what that changes in MixtralForCausalLM is not known, and is not guessed.",
    );
    expect(() => describeModel({ ...config, alibi: true, logit_scale: 0.5 })).toThrow(/alibi true \(and 1 more/);
  });

  it('is found in sections, too', () => {
    const scaled = { rope_type: 'linear', factor: 2, alpha: 50 };
    expect(() => describeModel({ ...config, rope_scaling: scaled })).toThrow(/has rope_scaling\.alpha 50/);
    const wrapped = CONFIGS['Qwen3.5-35B-A3B']!;
    const text = { ...(wrapped['text_config'] as JsonObject), logit_scale: 2 };
    expect(() => describeModel({ ...wrapped, text_config: text })).toThrow(/has text_config\.logit_scale 2/);
  });

  it('passes where its value says that something is off', () => {
    const off = { alibi: false, logit_scale: null, extra_layers: 0, modules: [], mode: '', options: {} };
    expect(() => describeModel({ ...config, ...off })).not.toThrow();
  });

  it('passes where it is of training, computing, storing or other modalities', () => {
    const inert = {
      ...{ _commit_hash: 'a', unsloth_version: '2025.1', bf16: true, use_flash_attention_2: true, fused_rope: true },
      ...{ gradient_checkpointing: true, tensor_parallel_size: 8, router_z_loss_coef: 1, hidden_dropout_prob: 0.1 },
      ...{ vision_config: { hidden_size: 8 }, audio_token_id: 5, mtp_num_layers: 1, model_max_length: 4096 },
      ...{ cache_implementation: 'hybrid', num_beams: 4, initializer_std: 0.1, torch_dtype: 'bfloat16' },
    };
    expect(() => describeModel({ ...config, ...inert })).not.toThrow();
  });

  it.each(['use_parallel_residual', 'attention_chunk_size', 'logit_scale', 'qk_norm', 'moe_layer_freq', 'top_k'])(
    'does not pass for its likeness to such: %s',
    (key) => {
      expect(() => describeModel({ ...config, [key]: 2 })).toThrow(new RegExp(`has ${key} 2`));
    },
  );

  it.each(['output_multiplier_scale', 'return_scale', 'num_experts_per_token', 'expert_token_ids'])(
    'does not pass for how its name begins or ends: %s',
    (key) => {
      expect(() => describeModel({ ...config, [key]: 0.5 })).toThrow(new RegExp(`has ${key} 0.5`));
    },
  );

  it('is shown in short where its value is long', () => {
    expect(() => describeModel({ ...config, table: Array.from({ length: 1000 }, (_, i) => i) })).toThrow(/^.{0,200}$/);
  });
});

it.each([
  [
    'Mixtral-8x7B-v0.1',
    { partial_rotary_factor: 0.5, rope_scaling: { type: 'linear', factor: 2 } },
    /partial_rotary_factor 0.5/,
  ],
  ['GLM-4.7-Flash', { partial_rotary_factor: 0.5 }, /rotates 32 of the 64 dimensions/],
  ['Qwen3-Coder-30B-A3B-Instruct', { use_qk_norm: false }, /use_qk_norm false/],
  ['Qwen3-30B-A3B', { num_local_experts: 64 }, /num_experts 128, but num_local_experts 64/],
  ['MiniMax-M2.7', { attn_type_list: [0, 1] }, /attn_type_list/],
  ['MiniMax-M2.7', { use_routing_bias: false }, /use_routing_bias false/],
  ['MiniMax-M2', { layernorm_full_attention_beta: 3.5 }, /layernorm_full_attention_beta 3.5/],
  ['MiniMax-M2', { layernorm_linear_attention_beta: 3.5 }, /layernorm_linear_attention_beta 3.5/],
  ['MiniMax-M2', { layernorm_mlp_beta: 3.5 }, /layernorm_mlp_beta 3.5/],
  ['MiniMax-M2', { shared_intermediate_size: 1536 }, /has a shared expert/],
  ['MiniMax-M2', { sliding_window: 4096 }, /sliding_window 4096/],
  ['Hunyuan-A13B-Instruct', { use_cla: true }, /use_cla true/],
  ['Hunyuan-A13B-Instruct', { norm_topk_prob: false }, /norm_topk_prob false/],
  ['Hunyuan-A13B-Instruct', { moe_intermediate_size: 1024 }, /moe_intermediate_size/],
  ['Hunyuan-A13B-Instruct', { num_shared_expert: 2 }, /num_shared_expert/],
  ['ERNIE-4.5-21B-A3B-PT', { moe_gate: 'sinkhorn' }, /moe_gate "sinkhorn"/],
  ['switch-base-8', { feed_forward_proj: 'gated-gelu' }, /feed_forward_proj "gated-gelu"/],
  ['LFM2-8B-A1B', { conv_dim: 1024 }, /conv_dim 1024/],
  ['Mixtral-8x7B-v0.1', { is_causal: false }, /is_causal false/],
  ['Qwen3-Next-80B-A3B-Instruct', { output_gate_type: 'sigmoid' }, /output_gate_type "sigmoid"/],
  ['granite-4.0-h-tiny', { normalization_function: 'layernorm' }, /normalization_function "layernorm"/],
])('%s with %j is refused', (name, changes, message) => {
  expect(() => describeModel({ ...CONFIGS[name]!, ...changes })).toThrow(message);
});

it('opens Qwen3.6, which names the activation of its gates', () => {
  const { text_config: text, ...outer } = CONFIGS['Qwen3.5-35B-A3B']!;
  expect(() =>
    describeModel({ ...outer, text_config: { ...(text as JsonObject), output_gate_type: 'swish' } }),
  ).not.toThrow();
});

const HOSTILE: readonly unknown[] = [null, -1, 0, 1, 1.5, 1e9, 'x', [], {}, [null], [1, 'a'], true, false, { a: 1 }];

it.each(Object.entries(CONFIGS))('%s is described or refused in a sentence, whatever a key holds', (_, config) => {
  for (const path of pathsOf(config)) {
    for (const value of HOSTILE) {
      const changed: Record<string, unknown> = structuredClone(config);
      const section = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, changed);
      section[path.at(-1)!] = value;
      try {
        describeModel(changed);
      } catch (error) {
        if (!isUserError(error)) throw error;
        expect(error.message).toMatch(/^[^\n]{1,400}$/);
      }
    }
  }
});

/** The way to every key, sections included. */
function pathsOf(config: Readonly<Record<string, unknown>>): readonly (readonly string[])[] {
  return Object.entries(config).flatMap(([key, value]) => {
    const inner = isJsonObject(value) ? pathsOf(value).map((path) => [key, ...path]) : [];
    return [[key], ...inner];
  });
}

import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import { ropeSection } from '../rope.ts';
import type { DecoderSpec, RopeSpec } from '../spec.ts';
import { gatedMlp, llamaAttention, llamaDecoder, projection, queryKeyNorm, readSizes } from './common.ts';

/** Hunyuan-A13B: queries and keys normed after rotation, a shared expert as large as the routed ones. */
export function hunyuanV1Moe(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 2048, epsilon: 1e-5 });
  const { hiddenSize, layers, epsilon } = sizes;
  const experts = config.count(['num_experts', 'num_local_experts']);
  // Of each layer its own, where the config lists them.
  const chosen = config.counts(['moe_topk', 'num_experts_per_tok'], layers);
  for (const k of chosen) if (k > experts) config.refuse(l10n.t`asks for ${k} of ${experts} experts`);
  const size = config.size('intermediate_size', 11_008);
  refuseOtherKinds(config, size, layers);
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, {
    ropeBase: 10_000,
    headDim: config.size('attention_head_dim', Math.floor(hiddenSize / config.count('num_attention_heads'))),
    biases: { qkv: biased, output: biased },
  });
  config.oneOf('hidden_act', ['silu'], 'silu');
  return llamaDecoder(config, architecture, sizes, (prefix, index) => {
    const name = `${prefix}.self_attn`;
    const base = attention(name);
    return {
      attention: {
        ...base,
        ...(base.rope ? { rope: withFixedStretch(config, base.rope) } : {}),
        queryKeyNorm: {
          ...queryKeyNorm(name, 'head', base, epsilon, ['query_layernorm', 'key_layernorm']),
          rotated: true,
        },
      },
      ffn: {
        kind: 'moe',
        router: {
          projection: projection(`${prefix}.mlp.gate.wg`, experts, hiddenSize),
          experts,
          k: chosen[index]!,
          scoring: 'softmax',
          renormalize: { epsilon: 0 },
        },
        expert: (e) => gatedMlp(`${prefix}.mlp.experts.${e}`, hiddenSize, size),
        shared: { mlp: gatedMlp(`${prefix}.mlp.shared_mlp`, hiddenSize, size) },
      },
    };
  });
}

/** Configs of this family have keys for what only its other models have. */
function refuseOtherKinds(config: ConfigReader, size: number, layers: number): void {
  for (const key of ['use_qk_norm', 'use_rotary_pos_emb', 'use_mixed_mlp_moe', 'norm_topk_prob'])
    config.expect(key, true);
  config.oneOf('norm_type', ['rms', 'hf_rms'], 'rms');
  const sizes = config.has('moe_intermediate_size') ? config.counts(['moe_intermediate_size'], layers) : [];
  if (sizes.some((other) => other !== size)) config.refuse(l10n.t`has moe_intermediate_size other than ${size}`);
  const shared = config.has('num_shared_expert') ? config.counts(['num_shared_expert'], layers) : [];
  if (shared.some((count) => count !== 1)) config.refuse(l10n.t`has num_shared_expert other than 1`);
  // Of attention that shares keys across layers, which use_cla would say, and of a classifier.
  config.knows('cla_share_factor', 'dense_list');
}

/** What these configs call dynamic is not when they give alpha: the base is the larger by it, whatever the text's length. */
function withFixedStretch(config: ConfigReader, rope: RopeSpec): RopeSpec {
  const section = ropeSection(config);
  if (rope.scaling.kind !== 'dynamic' || !section.has('alpha')) return rope;
  const { base, dims } = rope;
  const alpha = section.positive('alpha', 1);
  return { ...rope, base: base * alpha ** (dims / (dims - 2)), scaling: { kind: 'none' } };
}

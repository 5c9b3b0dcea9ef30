import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import {
  convolution,
  gatedMlp,
  layerKinds,
  llamaAttention,
  llamaDecoder,
  projection,
  queryKeyNorm,
  readExperts,
  readSizes,
  type Sizes,
} from './common.ts';

const NETWORK = ['w1', 'w3', 'w2'] as const;
const NORMS = ['q_layernorm', 'k_layernorm'] as const;

/** LFM2-MoE (LFM2-8B-A1B): gated short convolutions, attention in some layers; sigmoid scores balanced by a bias. */
export function lfm2Moe(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = {
    ...readSizes(config, { context: 128_000, epsilon: 1e-5 }),
    epsilon: config.positive('norm_eps', 1e-5),
  };
  const { hiddenSize, epsilon } = sizes;
  const { experts, k } = readExperts(
    config,
    { experts: ['num_experts', 'num_local_experts'], k: ['num_experts_per_tok'] },
    { experts: 32, k: 4 },
  );
  const moeSize = config.size('moe_intermediate_size', 1792);
  const denseSize = config.size('intermediate_size', 7168);
  const dense = config.countFromZero('num_dense_layers', 2);
  const kinds = layerKinds(config, 'layer_types', sizes.layers, {
    conv: 'conv',
    full_attention: 'attention',
    attention: 'attention',
  } as const);
  const attention = llamaAttention(config, sizes, { ropeBase: 1e6, kvHeads: 8 });
  refuseOtherKinds(config, sizes);
  const kernel = config.size('conv_L_cache', 3);
  const biased = config.flag('conv_bias', false);
  const renormalize = config.flag('norm_topk_prob', true) ? { renormalize: { epsilon: 1e-6 } } : {};
  const scale = config.positive('routed_scaling_factor', 1);
  const balanced = config.flag('use_expert_bias', true);
  return llamaDecoder(
    config,
    architecture,
    sizes,
    (prefix, index) => {
      const base = attention(`${prefix}.self_attn`);
      const ffn = `${prefix}.feed_forward`;
      return {
        attention:
          kinds[index] === 'attention'
            ? {
                ...base,
                output: projection(`${prefix}.self_attn.out_proj`, hiddenSize, base.heads * base.headDim),
                queryKeyNorm: queryKeyNorm(`${prefix}.self_attn`, 'head', base, epsilon, NORMS),
              }
            : {
                kind: 'shortConv',
                input: projection(`${prefix}.conv.in_proj`, 3 * hiddenSize, hiddenSize, biased),
                conv: convolution(`${prefix}.conv.conv`, hiddenSize, kernel, biased),
                output: projection(`${prefix}.conv.out_proj`, hiddenSize, hiddenSize, biased),
              },
        ffn:
          index < dense
            ? gatedMlp(ffn, hiddenSize, denseSize, NETWORK)
            : {
                kind: 'moe',
                router: {
                  projection: projection(`${ffn}.gate`, experts, hiddenSize),
                  experts,
                  k,
                  scoring: 'sigmoid',
                  ...(balanced ? { selectionBias: { name: `${ffn}.expert_bias`, shape: [experts] } } : {}),
                  ...renormalize,
                  scale,
                },
                expert: (e) => gatedMlp(`${ffn}.experts.${e}`, hiddenSize, moeSize, NETWORK),
              },
      };
    },
    {
      mixerNorm: 'operator_norm',
      ffnNorm: 'ffn_norm',
      finalNorm: 'embedding_norm',
      tied: config.flag(config.has('tie_embedding') ? 'tie_embedding' : 'tie_word_embeddings', true),
    },
  );
}

/** Configs may have kept keys of LFM2's dense models, some of which repeat sizes. */
function refuseOtherKinds(config: ConfigReader, { hiddenSize }: Sizes): void {
  for (const key of ['use_pos_enc', 'block_use_swiglu']) config.expect(key, true);
  for (const key of ['conv_dim', 'conv_dim_out', 'block_dim']) config.expect(key, hiddenSize);
  config.expect('num_heads', config.count('num_attention_heads'));
  config.knows('full_attn_idxs', 'block_ff_dim', 'block_auto_adjust_ff_dim', 'block_multiple_of');
  config.knows('block_ffn_dim_multiplier', 'block_norm_eps');
}

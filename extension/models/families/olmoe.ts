import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { gatedMlp, llamaAttention, llamaDecoder, projection, queryKeyNorm, readExperts, readSizes } from './common.ts';

/** OLMoE (arXiv 2409.02060): queries and keys normed as whole vectors, optionally clipped; weights as softmax gives them. */
export function olmoe(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 4096, epsilon: 1e-5 });
  const { experts, k } = readExperts(
    config,
    { experts: ['num_experts', 'num_local_experts'], k: ['num_experts_per_tok'] },
    { experts: 64, k: 8 },
  );
  const intermediateSize = config.size('intermediate_size');
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, { ropeBase: 10_000, biases: { qkv: biased, output: biased } });
  const clip = config.has('clip_qkv') ? { clip: config.positive('clip_qkv', 1) } : {};
  const renormalize = config.flag('norm_topk_prob', false) ? { renormalize: { epsilon: 0 } } : {};
  config.oneOf('hidden_act', ['silu'], 'silu');
  return llamaDecoder(config, architecture, sizes, (prefix) => {
    const base = attention(`${prefix}.self_attn`);
    return {
      attention: {
        ...base,
        ...clip,
        queryKeyNorm: queryKeyNorm(`${prefix}.self_attn`, 'all', base, sizes.epsilon),
      },
      ffn: {
        kind: 'moe',
        router: {
          projection: projection(`${prefix}.mlp.gate`, experts, sizes.hiddenSize),
          experts,
          k,
          scoring: 'softmax',
          ...renormalize,
        },
        expert: (e) => gatedMlp(`${prefix}.mlp.experts.${e}`, sizes.hiddenSize, intermediateSize),
      },
    };
  });
}

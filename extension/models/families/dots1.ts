import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { llamaAttention, llamaDecoder, norm, readSizes } from './common.ts';
import { balancedRouter, sparseAfterDense } from './deepseekParts.ts';

/** dots.llm1 (arXiv 2506.05767): DeepSeek-V3's experts on attention with queries and keys normed by head. */
export function dots1(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 2048, epsilon: 1e-6 });
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, { ropeBase: 10_000, biases: { qkv: biased, output: biased } });
  const ffn = sparseAfterDense(
    config,
    sizes,
    { moeSize: 1408, denseSize: 10_944, dense: 0 },
    balancedRouter(config, sizes, { groups: 1, keptGroups: 1, renormalize: false, scale: 1 }),
  );
  const window = config.optionalSize('sliding_window');
  const types = config.words('layer_types');
  const fullLayers = config.countFromZero('max_window_layers', 62);
  return llamaDecoder(config, architecture, sizes, (prefix, index) => {
    const base = attention(`${prefix}.self_attn`);
    const slides = types.length > 0 ? types[index] === 'sliding_attention' : index >= fullLayers;
    return {
      attention: {
        ...base,
        ...(slides && window !== undefined ? { window } : {}),
        queryKeyNorm: {
          over: 'head',
          query: norm(`${prefix}.self_attn.q_norm`, base.headDim, sizes.epsilon),
          key: norm(`${prefix}.self_attn.k_norm`, base.headDim, sizes.epsilon),
        },
      },
      ffn: ffn(prefix, index),
    };
  });
}

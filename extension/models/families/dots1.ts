import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { layerKinds, llamaAttention, llamaDecoder, queryKeyNorm, readSizes } from './common.ts';
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
    balancedRouter(config, sizes, {
      groups: 1,
      keptGroups: 1,
      renormalize: false,
      scale: 1,
      // One published revision has the way of choosing here.
      scoring: ['sigmoid', 'noaux_tc'],
    }),
  );
  const window = config.isNull('sliding_window') ? undefined : config.size('sliding_window', 4096);
  const fullLayers = config.countFromZero('max_window_layers', 62);
  const slides = layerKinds(
    config,
    'layer_types',
    sizes.layers,
    { sliding_attention: true, full_attention: false },
    (index) => index >= fullLayers,
  );
  return llamaDecoder(config, architecture, sizes, (prefix, index) => {
    const base = attention(`${prefix}.self_attn`);
    return {
      attention: {
        ...base,
        ...(slides[index] && window !== undefined ? { window } : {}),
        queryKeyNorm: queryKeyNorm(`${prefix}.self_attn`, 'head', base, sizes.epsilon),
      },
      ffn: ffn(prefix, index),
    };
  });
}

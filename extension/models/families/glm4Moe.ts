import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { llamaAttention, llamaDecoder, norm, readSizes } from './common.ts';
import { balancedRouter, latentAttention, sparseAfterDense } from './deepseekParts.ts';

/** GLM-4.5, 4.6 and 4.7 (arXiv 2508.06471): half of each head rotated, queries and keys normed by head in some. */
export function glm4Moe(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 131_072, epsilon: 1e-5 });
  const attention = llamaAttention(config, sizes, {
    ropeBase: 10_000,
    kvHeads: 8,
    rotaryPart: 0.5,
    biases: { qkv: config.flag('attention_bias', false), output: false },
  });
  const normed = config.flag('use_qk_norm', false);
  const ffn = sparseAfterDense(
    config,
    sizes,
    { experts: 128, k: 8, moeSize: 1408, denseSize: 10_944, sharedExperts: 1, dense: 1 },
    balancedRouter(config, sizes, { groups: 1, keptGroups: 1, renormalize: true, scale: 1 }),
  );
  return llamaDecoder(config, architecture, sizes, (prefix, index) => {
    const base = attention(`${prefix}.self_attn`);
    const queryKeyNorm = {
      over: 'head' as const,
      query: norm(`${prefix}.self_attn.q_norm`, base.headDim, sizes.epsilon),
      key: norm(`${prefix}.self_attn.k_norm`, base.headDim, sizes.epsilon),
    };
    return { attention: normed ? { ...base, queryKeyNorm } : base, ffn: ffn(prefix, index) };
  });
}

/** GLM-4.7-Flash: the same experts, on latent attention. */
export function glm4MoeLite(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 202_752, epsilon: 1e-5 });
  const attention = latentAttention(config, sizes, { plainDim: 192, valueDim: 256, queryDim: 768, rotaryPart: 1 });
  const ffn = sparseAfterDense(
    config,
    sizes,
    { experts: 64, k: 4, moeSize: 1536, denseSize: 10_240, sharedExperts: 1, dense: 1, listed: true },
    balancedRouter(config, sizes, { groups: 1, keptGroups: 1, renormalize: true, scale: 1.8 }),
  );
  return llamaDecoder(config, architecture, sizes, (prefix, index) => ({
    attention: attention(`${prefix}.self_attn`),
    ffn: ffn(prefix, index),
  }));
}

import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec, RouterSpec } from '../spec.ts';
import { llamaDecoder, projection, readSizes, type Sizes } from './common.ts';
import { balancedRouter, groupLimit, latentAttention, sparseAfterDense } from './deepseekParts.ts';

const ATTENTION = { plainDim: 128, valueDim: 128, queryDim: 1536 };

/** DeepSeek-V2 (arXiv 2405.04434) and V2-Lite: softmax, of all experts or of the best groups'; weights as softmax gives them. */
export function deepseekV2(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 2048, epsilon: 1e-6 });
  const attention = latentAttention(config, sizes, ATTENTION);
  const ffn = sparseAfterDense(
    config,
    sizes,
    { experts: 64, moeSize: 1407, denseSize: 11_008, sharedExperts: 2, dense: 0 },
    (experts, k) => softmaxRouter(config, sizes, experts, k),
  );
  if (config.flag('mlp_bias', false)) config.refuse(l10n.t`asks for mlp_bias, which is not supported yet`);
  if (!config.flag('rope_interleave', true))
    config.refuse(l10n.t`has rope_interleave false, which DeepSeek-V2 does not know`);
  return llamaDecoder(config, architecture, sizes, (prefix, index) => ({
    attention: attention(`${prefix}.self_attn`),
    ffn: ffn(prefix, index),
  }));
}

function softmaxRouter(
  config: ConfigReader,
  { hiddenSize }: Sizes,
  experts: number,
  k: number,
): (prefix: string) => RouterSpec {
  config.oneOf('scoring_func', ['softmax'], 'softmax');
  const method = config.oneOf('topk_method', ['greedy', 'group_limited_greedy'], 'greedy');
  config.knows('n_group', 'topk_group');
  const groups = method === 'greedy' ? {} : groupLimit(config, { experts, k }, 'max');
  // Implementations differ on it: ignored, instead of the scale, or along with it.
  if (config.flag('norm_topk_prob', false)) config.refuse(l10n.t`asks for norm_topk_prob, which is not supported yet`);
  const scale = config.positive('routed_scaling_factor', 1);
  return (prefix) => ({
    projection: projection(prefix, experts, hiddenSize),
    experts,
    k,
    scoring: 'softmax',
    ...groups,
    scale,
  });
}

/** DeepSeek-V3 (arXiv 2412.19437), R1, Kimi K2, Moonlight: sigmoid scores balanced by a bias, limited to the best groups. */
export function deepseekV3(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 4096, epsilon: 1e-6 });
  const attention = latentAttention(config, sizes, ATTENTION);
  const ffn = sparseAfterDense(
    config,
    sizes,
    { experts: 256, k: 8, moeSize: 2048, denseSize: 18_432, sharedExperts: 1, dense: 3 },
    balancedRouter(config, sizes, { groups: 8, keptGroups: 4, renormalize: true, scale: 2.5 }),
  );
  return llamaDecoder(config, architecture, sizes, (prefix, index) => ({
    attention: attention(`${prefix}.self_attn`),
    ffn: ffn(prefix, index),
  }));
}

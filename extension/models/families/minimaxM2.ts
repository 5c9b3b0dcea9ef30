import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { gatedMlp, llamaAttention, llamaDecoder, projection, queryKeyNorm, readExperts, readSizes } from './common.ts';

const HEAD_DIM = 128;

/** MiniMax-M2: sigmoid scores balanced by a bias, on attention with queries and keys normed as whole vectors. */
export function minimaxM2(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 196_608, epsilon: 1e-6 });
  const { experts, k } = readExperts(
    config,
    { experts: ['num_local_experts', 'num_experts'], k: ['num_experts_per_tok'] },
    { experts: 256, k: 8 },
  );
  const intermediateSize = config.size('intermediate_size', 1536);
  // The models' own configs count the rotated dimensions instead of naming their part.
  const rotated = config.optionalSize('rotary_dim');
  const rotaryPart = rotated === undefined ? 1 : rotated / config.size('head_dim', HEAD_DIM);
  const attention = llamaAttention(config, sizes, { ropeBase: 5e6, kvHeads: 8, headDim: HEAD_DIM, rotaryPart });
  config.oneOf('hidden_act', ['silu'], 'silu');
  config.oneOf('scoring_func', ['sigmoid'], 'sigmoid');
  const shared = config.countFromZero('shared_intermediate_size', 0);
  if (shared > 0) config.refuse(l10n.t`has a shared expert, which is not supported yet`);
  // Of shared experts, dense layers and windows, none of which these models have.
  config.knows('shared_moe_mode', 'mlp_intermediate_size', 'swa_rope_theta');
  for (const part of ['full_attention', 'linear_attention', 'mlp']) config.expect(`layernorm_${part}_beta`, 1);
  config.expect('use_qk_norm', true);
  config.expect('qk_norm_type', 'per_layer');
  config.expect('use_routing_bias', true);
  // 0 stands for linear attention in earlier models of the family.
  if (config.has('attn_type_list') && config.numbers('attn_type_list', sizes.layers).some((type) => type !== 1)) {
    config.refuse(l10n.t`has layers without full attention in attn_type_list, which are not supported yet`);
  }
  return llamaDecoder(config, architecture, sizes, (prefix) => {
    const base = attention(`${prefix}.self_attn`);
    const moe = `${prefix}.block_sparse_moe`;
    return {
      attention: {
        ...base,
        queryKeyNorm: queryKeyNorm(`${prefix}.self_attn`, 'all', base, sizes.epsilon),
      },
      ffn: {
        kind: 'moe',
        router: {
          projection: projection(`${moe}.gate`, experts, sizes.hiddenSize),
          experts,
          k,
          scoring: 'sigmoid',
          selectionBias: { name: `${moe}.e_score_correction_bias`, shape: [experts] },
          renormalize: { epsilon: 0 },
        },
        expert: (e) => gatedMlp(`${moe}.experts.${e}`, sizes.hiddenSize, intermediateSize, ['w1', 'w3', 'w2']),
      },
    };
  });
}

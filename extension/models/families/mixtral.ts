import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { gatedMlp, llamaAttention, llamaDecoder, projection, readExperts, readSizes } from './common.ts';

/** Mixtral (arXiv 2401.04088): softmax over all experts, the k best renormalised. Defaults are transformers' own. */
export function mixtral(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 131_072, epsilon: 1e-5 });
  const { experts, k } = readExperts(
    config,
    { experts: ['num_local_experts', 'num_experts'], k: ['num_experts_per_tok'] },
    { experts: 8, k: 2 },
  );
  const intermediateSize = config.size('intermediate_size');
  const window = config.optionalSize('sliding_window');
  const attention = llamaAttention(config, sizes, { ropeBase: 1e6, kvHeads: 8 });
  config.oneOf('hidden_act', ['silu'], 'silu');
  return llamaDecoder(config, architecture, sizes, (prefix) => ({
    attention: { ...attention(`${prefix}.self_attn`), ...(window === undefined ? {} : { window }) },
    ffn: {
      kind: 'moe',
      router: {
        projection: projection(`${prefix}.block_sparse_moe.gate`, experts, sizes.hiddenSize),
        experts,
        k,
        scoring: 'softmax',
        renormalize: { epsilon: 0 },
      },
      expert: (e) => {
        const name = `${prefix}.block_sparse_moe.experts.${e}`;
        return gatedMlp(name, sizes.hiddenSize, intermediateSize, ['w1', 'w3', 'w2']);
      },
    },
  }));
}

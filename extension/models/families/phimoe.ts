import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import { ropeSection } from '../rope.ts';
import type { DecoderSpec, RopeSpec } from '../spec.ts';
import {
  gatedMlp,
  layerNorm,
  llamaAttention,
  llamaDecoder,
  projection,
  readExperts,
  readSizes,
  type LayerMixers,
} from './common.ts';

/** Phi-3.5-MoE, Phi-mini-MoE and Phi-tiny-MoE: a sparse mixer of two experts (arXiv 2409.12136), layer norms with biases. */
export function phimoe(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 131_072, epsilon: 1e-5 });
  const { hiddenSize } = sizes;
  const { experts, k } = readExperts(
    config,
    { experts: ['num_local_experts', 'num_experts'], k: ['num_experts_per_tok'] },
    { experts: 16, k: 2 },
  );
  if (k !== 2) config.refuse(l10n.t`asks for ${k} experts a token, but a sparse mixer is of two`);
  const size = config.size('intermediate_size', 6400);
  const closeness = 2 * config.positiveOrZero('router_jitter_noise', 0.01);
  const window = config.optionalSize('sliding_window');
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, {
    ropeBase: 1e6,
    kvHeads: 8,
    biases: { qkv: biased, output: biased },
  });
  config.oneOf('hidden_act', ['silu'], 'silu');
  const names = { norm: layerNorm, headBiased: config.flag('lm_head_bias', false) };
  const layer: LayerMixers = (prefix) => {
    const base = attention(`${prefix}.self_attn`);
    const moe = `${prefix}.block_sparse_moe`;
    return {
      attention: {
        ...base,
        ...(base.rope ? { rope: withOwnMagnitudes(config, base.rope) } : {}),
        ...(window === undefined ? {} : { window }),
      },
      ffn: {
        kind: 'moe',
        router: {
          projection: projection(`${moe}.gate`, experts, hiddenSize),
          experts,
          k,
          scoring: 'softmax',
          choosesByLogits: true,
          sparseMixer: { closeness },
        },
        expert: (e) => gatedMlp(`${moe}.experts.${e}`, hiddenSize, size, ['w1', 'w3', 'w2']),
      },
    };
  };
  return llamaDecoder(config, architecture, sizes, layer, names);
}

/**
 * The config says what multiplies cos and sin of short texts and of long ones. The frequencies are those of short texts for both:
 * so transformers 5 has it, where the first published code took the long factors.
 */
function withOwnMagnitudes(config: ConfigReader, rope: RopeSpec): RopeSpec {
  const { scaling } = rope;
  if (scaling.kind === 'none') return rope;
  if (scaling.kind !== 'longrope')
    return config.refuse(l10n.t`asks for rope_type ${scaling.kind}, which is not supported yet`);
  const section = ropeSection(config);
  const { factors } = scaling.short;
  return {
    ...rope,
    scaling: {
      ...scaling,
      short: { factors, attentionFactor: section.positive('short_mscale') },
      long: { factors, attentionFactor: section.positive('long_mscale') },
    },
  };
}

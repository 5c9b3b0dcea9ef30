import type { ConfigReader } from '../../formats/config.ts';
import type { BlockSpec, DecoderSpec, MoeSpec } from '../spec.ts';
import {
  gatedMlp,
  layerKinds,
  llamaAttention,
  llamaDecoder,
  projection,
  queryKeyNorm,
  readExperts,
  readSizes,
} from './common.ts';

/** Qwen1.5-MoE and Qwen2-MoE: biased queries, keys and values; a gated shared expert. */
export function qwen2Moe(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 32_768, epsilon: 1e-6 });
  const biases = { qkv: config.flag('qkv_bias', true), output: false };
  const attention = llamaAttention(config, sizes, { ropeBase: 10_000, kvHeads: 16, biases });
  const sharedSize = config.size('shared_expert_intermediate_size', 5632);
  const ffn = sparseLayers(config, sizes.hiddenSize, { experts: 60, k: 4, moeSize: 1408, denseSize: 5632 });
  const window = slidingWindow(config);
  const windowLayers = config.countFromZero('max_window_layers', 28);
  const slides = layerKinds(
    config,
    'layer_types',
    sizes.layers,
    { sliding_attention: true, full_attention: false },
    (index) => index % 2 === 0 && index < windowLayers,
  );
  return llamaDecoder(config, architecture, sizes, (prefix, index) => {
    const mixer = ffn(prefix, index);
    return {
      attention: { ...attention(`${prefix}.self_attn`), ...(slides[index] ? window : {}) },
      ffn:
        mixer.kind === 'moe' ? { ...mixer, shared: gatedShared(`${prefix}.mlp`, sizes.hiddenSize, sharedSize) } : mixer,
    };
  });
}

/** Qwen3-MoE: queries and keys normed by head, no shared expert. GLaM's shape is one of `decoder_sparse_step` 2 and top-2. */
export function qwen3Moe(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 32_768, epsilon: 1e-6 });
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, {
    ropeBase: 10_000,
    kvHeads: 4,
    biases: { qkv: biased, output: biased },
  });
  const ffn = sparseLayers(config, sizes.hiddenSize, { experts: 128, k: 8, moeSize: 768, denseSize: 6144 });
  const window = slidingWindow(config);
  config.expect('use_qk_norm', true);
  return llamaDecoder(config, architecture, sizes, (prefix, index) => {
    const base = attention(`${prefix}.self_attn`);
    return {
      attention: {
        ...base,
        ...window,
        queryKeyNorm: queryKeyNorm(`${prefix}.self_attn`, 'head', base, sizes.epsilon),
      },
      ffn: ffn(prefix, index),
    };
  });
}

function slidingWindow(config: ConfigReader): { readonly window?: number } {
  // Configs have a window even where none is to be used.
  config.knows('sliding_window', 'max_window_layers');
  const slides = config.flag('use_sliding_window', false) && !config.isNull('sliding_window');
  return slides ? { window: config.size('sliding_window', 4096) } : {};
}

/** The expert that every token visits, and what its output is multiplied by. */
export function gatedShared(prefix: string, hiddenSize: number, size: number): NonNullable<MoeSpec['shared']> {
  return {
    mlp: gatedMlp(`${prefix}.shared_expert`, hiddenSize, size),
    gate: projection(`${prefix}.shared_expert_gate`, 1, hiddenSize),
  };
}

/** Layers are MoE every `decoder_sparse_step`, but for those that `mlp_only_layers` names. */
export function sparseLayers(
  config: ConfigReader,
  hiddenSize: number,
  defaults: {
    readonly experts: number;
    readonly k: number;
    readonly moeSize: number;
    readonly denseSize: number;
    readonly renormalize?: boolean;
  },
): (prefix: string, index: number) => MoeSpec | (BlockSpec['mixer'] & { kind: 'mlp' }) {
  const { experts, k } = readExperts(
    config,
    { experts: ['num_experts', 'num_local_experts'], k: ['num_experts_per_tok'] },
    defaults,
  );
  const moeSize = config.size('moe_intermediate_size', defaults.moeSize);
  const denseSize = config.size('intermediate_size', defaults.denseSize);
  const step = config.count('decoder_sparse_step', 1);
  const dense = new Set(config.indices('mlp_only_layers'));
  const renormalize = config.flag('norm_topk_prob', defaults.renormalize ?? false);
  config.oneOf('hidden_act', ['silu'], 'silu');
  return (prefix, index) => {
    if (dense.has(index) || (index + 1) % step !== 0) return gatedMlp(`${prefix}.mlp`, hiddenSize, denseSize);
    return {
      kind: 'moe',
      router: {
        projection: projection(`${prefix}.mlp.gate`, experts, hiddenSize),
        experts,
        k,
        scoring: 'softmax',
        ...(renormalize ? { renormalize: { epsilon: 0 } } : {}),
      },
      expert: (e) => gatedMlp(`${prefix}.mlp.experts.${e}`, hiddenSize, moeSize),
    };
  };
}

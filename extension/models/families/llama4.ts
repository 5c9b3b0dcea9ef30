import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { AttentionSpec, DecoderSpec, MlpSpec } from '../spec.ts';
import { slice } from '../weights.ts';
import {
  gatedMlp,
  layerKinds,
  llamaAttention,
  llamaDecoder,
  projection,
  readExperts,
  readSizes,
  type Sizes,
} from './common.ts';

/** The text model of Llama 4 without its wrapper. */
export function llama4(config: ConfigReader, architecture: string): DecoderSpec {
  return llama4Text(config, architecture, '', config.flag('tie_word_embeddings', false));
}

/** Llama 4 (Scout, Maverick) with the vision tower, which reads no text. */
export function llama4Multimodal(config: ConfigReader, architecture: string): DecoderSpec {
  const tied = config.flag('tie_word_embeddings', false);
  const text = config.section('text_config');
  text.knows('tie_word_embeddings');
  return llama4Text(text, architecture, 'language_model.', tied);
}

/**
 * Llama 4: attention in chunks with rotary positions, in every fourth layer to all tokens without; experts that get their
 * input times a sigmoid score, and a shared one. Defaults are transformers' own.
 */
function llama4Text(config: ConfigReader, architecture: string, root: string, tied: boolean): DecoderSpec {
  const sizes = readSizes(config, { context: 131_072, epsilon: 1e-5 });
  const { hiddenSize } = sizes;
  const { experts, k } = readExperts(
    config,
    { experts: ['num_local_experts', 'num_experts'], k: ['num_experts_per_tok'] },
    { experts: 16, k: 1 },
  );
  const moeSize = config.size('intermediate_size', 8192);
  const denseSize = config.size('intermediate_size_mlp', 16_384);
  config.oneOf('hidden_act', ['silu'], 'silu');
  const step = config.count('interleave_moe_layer_step', 1);
  const listed = config.has('moe_layers') ? new Set(config.indices('moe_layers')) : undefined;
  const isSparse = (index: number): boolean => listed?.has(index) ?? (index + 1) % step === 0;
  const attention = attentions(config, sizes);
  return llamaDecoder(
    config,
    architecture,
    sizes,
    (prefix, index) => {
      const name = `${prefix}.feed_forward`;
      return {
        attention: attention(`${prefix}.self_attn`, index),
        ffn: isSparse(index)
          ? {
              kind: 'moe',
              router: {
                projection: projection(`${name}.router`, experts, hiddenSize),
                experts,
                k,
                scoring: 'sigmoid',
                choosesByLogits: true,
              },
              weighsInput: true,
              expert: (e) => fusedExpert(`${name}.experts`, experts, e, hiddenSize, moeSize),
              shared: { mlp: gatedMlp(`${name}.shared_expert`, hiddenSize, moeSize) },
            }
          : gatedMlp(name, hiddenSize, denseSize),
      };
    },
    { prefix: `${root}model`, head: `${root}lm_head`, tied },
  );
}

/** Which layers rotate, and which see chunks, are two lists in the config. */
function attentions(config: ConfigReader, sizes: Sizes): (prefix: string, index: number) => AttentionSpec {
  const { layers, epsilon } = sizes;
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, {
    ropeBase: 500_000,
    kvHeads: 8,
    headDim: 128,
    biases: { qkv: biased, output: biased },
  });
  const interval = config.count('no_rope_layer_interval', 4);
  // In spite of its name, 1 stands for a layer that rotates.
  const listed = config.indices('no_rope_layers');
  if (listed.length > 0 && listed.length < layers) {
    config.refuse(l10n.t`has ${layers} layers, but no_rope_layers lists ${listed.length}`);
  }
  const rotates = (index: number): boolean => (listed.length > 0 ? listed[index] !== 0 : (index + 1) % interval !== 0);
  const unchunked = config.isNull('attention_chunk_size');
  const kinds = layerKinds(
    config,
    'layer_types',
    layers,
    { chunked_attention: 'chunked', full_attention: 'full' } as const,
    (index) => (rotates(index) && !unchunked ? 'chunked' : 'full'),
  );
  const chunk = kinds.includes('chunked')
    ? { chunk: config.size('attention_chunk_size', unchunked ? undefined : 8192) }
    : {};
  const normed = config.flag('use_qk_norm', true);
  const temperature = config.truth('attn_temperature_tuning', true)
    ? { temperature: { every: config.positive('floor_scale', 8192), strength: config.positive('attn_scale', 0.1) } }
    : {};
  // Configs have them where nothing is tuned, too.
  config.knows('floor_scale', 'attn_scale');
  return (prefix, index) => {
    const { rope, ...base } = attention(prefix);
    const reach = kinds[index] === 'chunked' ? chunk : {};
    if (!rope || !rotates(index)) return { ...base, ...reach, ...temperature };
    const norms = { over: 'head', query: { epsilon }, key: { epsilon }, rotated: true } as const;
    return { ...base, ...reach, rope: { ...rope, interleaved: true }, ...(normed ? { queryKeyNorm: norms } : {}) };
  };
}

/** All experts in one tensor, inputs before outputs: [E, H, 2·size] with gates first, and [E, size, H]. */
function fusedExpert(name: string, experts: number, e: number, hiddenSize: number, size: number): MlpSpec {
  return {
    kind: 'mlp',
    intermediateSize: size,
    activation: 'silu',
    gate: 'inUp',
    up: { weight: slice(`${name}.gate_up_proj`, experts, e, [hiddenSize, 2 * size]), transposed: true },
    down: { weight: slice(`${name}.down_proj`, experts, e, [size, hiddenSize]), transposed: true },
  };
}

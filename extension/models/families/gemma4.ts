import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import { readRopeSection } from '../rope.ts';
import type { AttentionSpec, DecoderSpec, LayerSpec, LinearSpec, MlpSpec, NormSpec, RopeSpec } from '../spec.ts';
import { slice } from '../weights.ts';
import { gatedMlp, layerKinds, noExperts, norm, projection, readExperts, readSizes, type Sizes } from './common.ts';

/** The text model of Gemma 4 with experts (26B-A4B), without its wrapper. */
export function gemma4(config: ConfigReader, architecture: string): DecoderSpec {
  return gemma4Text(config, architecture, 'model', config.flag('tie_word_embeddings', true));
}

/** Gemma 4 with the towers for images and sound, which read no text. */
export function gemma4Multimodal(config: ConfigReader, architecture: string): DecoderSpec {
  const text = config.section('text_config');
  text.knows('tie_word_embeddings');
  return gemma4Text(text, architecture, 'model.language_model', config.flag('tie_word_embeddings', true));
}

/**
 * Gemma 4: norms before and after each branch, and a dense network beside the experts, each with norms of its own. The
 * router norms the residual stream itself, and each expert has a factor for its weight. Defaults are transformers' own.
 */
function gemma4Text(config: ConfigReader, architecture: string, root: string, tied: boolean): DecoderSpec {
  if (!config.flag('enable_moe_block', false)) {
    throw noExperts(l10n.t`This ${architecture}`, config.count('num_hidden_layers'));
  }
  refuseOptions(config);
  const sizes = readSizes(config, { context: 131_072, epsilon: 1e-6 });
  const { hiddenSize, vocabulary, context, epsilon } = sizes;
  const { experts, k } = readExperts(config, { experts: ['num_experts'], k: ['top_k_experts'] }, {});
  const moeSize = config.size('moe_intermediate_size');
  const denseSize = config.size('intermediate_size', 9216);
  config.oneOf('hidden_activation', ['gelu_pytorch_tanh'], 'gelu_pytorch_tanh');
  const cap = config.has('final_logit_softcapping') ? { logitCap: config.positive('final_logit_softcapping', 1) } : {};
  const attention = attentions(config, sizes);
  const embedding = projection(`${root}.embed_tokens`, vocabulary, hiddenSize);
  const layer = (index: number): LayerSpec => {
    const prefix = `${root}.layers.${index}`;
    const layerNorm = (name: string): NormSpec => norm(`${prefix}.${name}`, hiddenSize, epsilon);
    return [
      {
        norm: layerNorm('input_layernorm'),
        mixer: attention(`${prefix}.self_attn`, index),
        postNorm: layerNorm('post_attention_layernorm'),
      },
      {
        mixer: {
          kind: 'moe',
          router: {
            input: {
              norm: { weight: { name: `${prefix}.router.scale`, shape: [hiddenSize] }, epsilon },
              scale: 1 / Math.sqrt(hiddenSize),
            },
            projection: projection(`${prefix}.router.proj`, experts, hiddenSize),
            experts,
            k,
            scoring: 'softmax',
            renormalize: { epsilon: 0 },
            expertScale: { name: `${prefix}.router.per_expert_scale`, shape: [experts] },
          },
          norms: {
            before: layerNorm('pre_feedforward_layernorm_2'),
            after: layerNorm('post_feedforward_layernorm_2'),
          },
          expert: (e) => fusedExpert(`${prefix}.experts`, experts, e, hiddenSize, moeSize),
          shared: {
            mlp: { ...gatedMlp(`${prefix}.mlp`, hiddenSize, denseSize), activation: 'geluTanh' },
            norms: {
              before: layerNorm('pre_feedforward_layernorm'),
              after: layerNorm('post_feedforward_layernorm_1'),
            },
          },
        },
        postNorm: layerNorm('post_feedforward_layernorm'),
        scale: { name: `${prefix}.layer_scalar`, shape: [1] },
      },
    ];
  };
  return {
    architecture,
    hiddenSize,
    vocabulary,
    context,
    embedding: embedding.weight,
    embeddingScale: Math.sqrt(hiddenSize),
    layers: Array.from({ length: sizes.layers }, (_, index) => layer(index)),
    finalNorm: norm(`${root}.norm`, hiddenSize, epsilon),
    head: tied ? embedding : projection('lm_head', vocabulary, hiddenSize),
    ...cap,
  };
}

function refuseOptions(config: ConfigReader): void {
  // Of Gemma 4's smaller models, none of which has experts.
  if (config.countFromZero('hidden_size_per_layer_input', 256) > 0) {
    config.refuse(l10n.t`asks for per-layer inputs (hidden_size_per_layer_input), which are not supported yet`);
  }
  if (config.countFromZero('num_kv_shared_layers', 0) > 0) {
    config.refuse(l10n.t`has layers that share keys and values (num_kv_shared_layers), which is not supported yet`);
  }
  // Images' tokens may see one another; text's see what is before them.
  config.oneOf('use_bidirectional_attention', ['vision'], 'vision');
  // Of what is refused above, or for layers that share keys with values.
  config.knows('vocab_size_per_layer_input', 'num_global_key_value_heads');
}

/** Attention over a window, or over all tokens; each kind has its own head size, key-value heads and rope. */
function attentions(config: ConfigReader, sizes: Sizes): (prefix: string, index: number) => AttentionSpec {
  const { hiddenSize, layers, context, epsilon } = sizes;
  const heads = config.count('num_attention_heads', 8);
  const kvHeads = config.count('num_key_value_heads', 4);
  const headDim = config.size('head_dim', 256);
  const window = config.size('sliding_window', 512);
  const biased = config.flag('attention_bias', false);
  const keysAreValues = config.flag('attention_k_eq_v', false);
  const kinds = layerKinds(
    config,
    'layer_types',
    layers,
    { sliding_attention: 'sliding', full_attention: 'full' } as const,
    (index) => ((index + 1) % 6 === 0 ? 'full' : 'sliding'),
  );
  const ropes = config.has('rope_parameters') ? config.section('rope_parameters') : undefined;
  // Described for layers that a model need not have.
  ropes?.knows('sliding_attention');
  // Newer configs name each layer's deviations; older ones have keys for all layers of full attention.
  const named = config.has('per_layer_config');
  const own = config.section('per_layer_config');
  const fullHeadDim = config.size('global_head_dim', 512);
  const fullKvHeads = keysAreValues ? config.count('num_global_key_value_heads', kvHeads) : kvHeads;
  return (prefix, index) => {
    // The last layer attends to all tokens, whatever the config calls it.
    const full = kinds[index] === 'full' || index === layers - 1;
    const layer = deviations(own, index);
    const dim = layer.size('head_dim', full && !named ? fullHeadDim : headDim);
    const keys = layer.count('num_key_value_heads', full && !named ? fullKvHeads : kvHeads);
    if (heads % keys !== 0)
      config.refuse(l10n.t`has ${heads} attention heads, which ${keys} key-value heads do not divide`);
    const headNorm = (name: string): NormSpec => norm(`${prefix}.${name}`, dim, epsilon);
    return {
      kind: 'attention',
      heads,
      kvHeads: keys,
      headDim: dim,
      scale: 1,
      query: projection(`${prefix}.q_proj`, heads * dim, hiddenSize, biased),
      key: projection(`${prefix}.k_proj`, keys * dim, hiddenSize, biased),
      ...(full && keysAreValues ? {} : { value: projection(`${prefix}.v_proj`, keys * dim, hiddenSize, biased) }),
      output: projection(`${prefix}.o_proj`, hiddenSize, heads * dim, biased),
      queryKeyNorm: { over: 'head', query: headNorm('q_norm'), key: headNorm('k_norm') },
      valueNorm: { epsilon },
      rope: ropes
        ? readRopeSection(ropes.section(full ? 'full_attention' : 'sliding_attention'), config, {
            base: 1e4,
            headDim: dim,
            context,
          })
        : usualRope(full, dim),
      ...(full ? {} : { window }),
    };
  };
}

/** For a config that does not describe them. */
function usualRope(full: boolean, dims: number): RopeSpec {
  if (!full) return { base: 1e4, dims, scaling: { kind: 'none' } };
  return { base: 1e6, dims, scaling: { kind: 'proportional', factor: 1, pairs: Math.floor(dims / 8) } };
}

/** What differs in one layer from what the config says of all; keys are indices, with zeros before them to be of one length. */
function deviations(config: ConfigReader, index: number): ConfigReader {
  const digits = String(index);
  const key = [digits, digits.padStart(2, '0'), digits.padStart(3, '0')].find((name) => config.has(name));
  return config.section(key ?? digits);
}

/** All experts in one tensor: [E, 2·size, H] with gates first, and [E, H, size]. */
function fusedExpert(name: string, experts: number, e: number, hiddenSize: number, size: number): MlpSpec {
  const half = (index: number): LinearSpec => ({
    weight: {
      name: `${name}.gate_up_proj`,
      shape: [size, hiddenSize],
      within: { shape: [experts, 2 * size, hiddenSize], start: (2 * e + index) * size * hiddenSize },
    },
  });
  return {
    kind: 'mlp',
    intermediateSize: size,
    activation: 'geluTanh',
    gate: half(0),
    up: half(1),
    down: { weight: slice(`${name}.down_proj`, experts, e, [hiddenSize, size]) },
  };
}

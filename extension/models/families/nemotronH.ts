import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { AttentionSpec, DecoderSpec, MixerSpec, MlpSpec, MoeSpec } from '../spec.ts';
import { kindsOf, llamaAttention, norm, projection, readExperts, type Sizes } from './common.ts';
import { balancedRouter } from './deepseekParts.ts';
import { mamba2Layer, minimalStep } from './mamba2.ts';

/** Where the layers are named: as words, or by a letter each as in the models' own configs. */
const LAYER_KEYS = ['layers_block_type', 'layer_types', 'hybrid_override_pattern'] as const;

const KINDS = {
  linear_attention: 'mamba',
  mamba: 'mamba',
  M: 'mamba',
  full_attention: 'attention',
  attention: 'attention',
  '*': 'attention',
  moe: 'moe',
  E: 'moe',
  mlp: 'mlp',
  '-': 'mlp',
} as const;

type Kind = (typeof KINDS)[keyof typeof KINDS];

/**
 * Nemotron-H (arXiv 2504.03624) and Nemotron 3: a layer is one mixer, be it Mamba-2, attention that is told no positions, a
 * network or experts. Networks have no gate, and relu².
 */
export function nemotronH(config: ConfigReader, architecture: string): DecoderSpec {
  // As many as there are names, whatever num_hidden_layers says.
  const kinds = readKinds(config);
  const sizes = {
    hiddenSize: config.size('hidden_size', 4096),
    vocabulary: config.size('vocab_size', 131_072),
    layers: kinds.length,
    context: config.size('max_position_embeddings', 4096),
    epsilon: config.positive('layer_norm_epsilon', 1e-5),
  };
  const { hiddenSize, vocabulary, context, epsilon } = sizes;
  config.expect('n_shared_experts', 1);
  // What other keys say, too, of Mamba's width by heads, of norms, of layers; and in which order the reference computes.
  config.knows('expand', 'mamba_expand', 'norm_eps', 'num_hidden_layers', 'moe_shared_expert_overlap');
  if (config.flag('tie_word_embeddings', false))
    config.refuse(l10n.t`asks for tie_word_embeddings, which is not supported yet`);
  const mixers = {
    mamba: mambaLayer(config, sizes),
    attention: attentionLayer(config, sizes),
    moe: sparseLayer(config, sizes),
    mlp: denseLayer(config, sizes),
  } satisfies Record<Kind, (prefix: string) => MixerSpec>;
  return {
    architecture,
    hiddenSize,
    vocabulary,
    context,
    embedding: projection('backbone.embeddings', vocabulary, hiddenSize).weight,
    layers: kinds.map((kind, index) => {
      const prefix = `backbone.layers.${index}`;
      return [{ norm: norm(`${prefix}.norm`, hiddenSize, epsilon), mixer: mixers[kind](`${prefix}.mixer`) }];
    }),
    finalNorm: norm('backbone.norm_f', hiddenSize, epsilon),
    head: projection('lm_head', vocabulary, hiddenSize),
  };
}

/** What each layer is; configs that were converted say so in more than one way. */
function readKinds(config: ConfigReader): readonly Kind[] {
  const [first, ...others] = LAYER_KEYS.filter((key) => config.has(key)).map((key) => {
    const names = key === 'hybrid_override_pattern' ? config.letters(key) : config.words(key);
    return { key, kinds: kindsOf(config, key, names, KINDS) };
  });
  if (!first) return config.refuse(l10n.t`names no ${LAYER_KEYS[0]}`);
  const { key, kinds } = first;
  if (kinds.length === 0) config.refuse(l10n.t`names no layers in ${key}`);
  const different = others.find((other) => other.kinds.join() !== kinds.join());
  if (different) config.refuse(l10n.t`names other layers in ${different.key} than in ${key}`);
  return kinds;
}

function mambaLayer(config: ConfigReader, { hiddenSize, epsilon }: Sizes): (prefix: string) => MixerSpec {
  config.oneOf('mamba_hidden_act', ['silu'], 'silu');
  if (minimalStep(config) !== 0) config.refuse(l10n.t`has a time_step_limit above 0, which is not supported yet`);
  const convKey = config.has('mamba_conv_bias') ? 'mamba_conv_bias' : 'use_conv_bias';
  return mamba2Layer(config, {
    hiddenSize,
    heads: config.count('mamba_num_heads', 128),
    headDim: config.size('mamba_head_dim', 64),
    groups: config.count(['mamba_n_groups', 'n_groups'], 8),
    stateSize: config.size('ssm_state_size', 128),
    kernel: config.size(['mamba_d_conv', 'conv_kernel'], 4),
    biases: { conv: config.flag(convKey, true), projections: config.flag('use_bias', false) },
    // transformers holds steps above this in whatever is longer than a token; a text must not depend on how it is cut.
    minStep: config.positive(['mamba_dt_min', 'time_step_min'], 0.001),
    epsilon,
  });
}

function attentionLayer(config: ConfigReader, sizes: Sizes): (prefix: string) => AttentionSpec {
  if (config.flag('attention_bias', false)) config.refuse(l10n.t`asks for attention_bias, which is not supported yet`);
  if (config.has('sliding_window')) config.refuse(l10n.t`has a sliding_window, which is not supported yet`);
  return llamaAttention(config, sizes, { kvHeads: 8, headDim: 128 });
}

function denseLayer(config: ConfigReader, { hiddenSize }: Sizes): (prefix: string) => MlpSpec {
  config.oneOf('mlp_hidden_act', ['relu2'], 'relu2');
  const size = config.size('intermediate_size', 21_504);
  const biased = config.flag('mlp_bias', false);
  return (prefix) => plainMlp(prefix, hiddenSize, size, biased);
}

function sparseLayer(config: ConfigReader, sizes: Sizes): (prefix: string) => MoeSpec {
  const { hiddenSize } = sizes;
  const { experts, k } = readExperts(
    config,
    { experts: ['n_routed_experts', 'num_local_experts'], k: ['num_experts_per_tok'] },
    { experts: 8, k: 2 },
  );
  const size = config.size('moe_intermediate_size', 7688);
  const sharedSize = config.size('moe_shared_expert_intermediate_size', 7688);
  const latent = config.optionalSize('moe_latent_size');
  const biased = config.flag('mlp_bias', false);
  const route = balancedRouter(config, sizes, { groups: 1, keptGroups: 1, renormalize: true, scale: 1 })(experts, k);
  return (prefix) => ({
    kind: 'moe',
    router: route(`${prefix}.gate`),
    expert: (e) => plainMlp(`${prefix}.experts.${e}`, latent ?? hiddenSize, size, false),
    shared: { mlp: plainMlp(`${prefix}.shared_experts`, hiddenSize, sharedSize, biased) },
    ...(latent === undefined
      ? {}
      : {
          latent: {
            size: latent,
            reduce: projection(`${prefix}.fc1_latent_proj`, latent, hiddenSize, biased),
            expand: projection(`${prefix}.fc2_latent_proj`, hiddenSize, latent, biased),
          },
        }),
  });
}

function plainMlp(name: string, hiddenSize: number, intermediateSize: number, biased: boolean): MlpSpec {
  return {
    kind: 'mlp',
    intermediateSize,
    activation: 'reluSquared',
    up: projection(`${name}.up_proj`, intermediateSize, hiddenSize, biased),
    down: projection(`${name}.down_proj`, hiddenSize, intermediateSize, biased),
  };
}

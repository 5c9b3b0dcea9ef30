import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec, Mamba2Spec } from '../spec.ts';
import { layerKinds, llamaAttention, llamaDecoder, readSizes, type Sizes } from './common.ts';
import { graniteMoe, graniteShared, withMultipliers } from './graniteParts.ts';
import { mamba2Layer, minimalStep } from './mamba2.ts';

const KINDS = {
  linear_attention: 'mamba',
  mamba: 'mamba',
  full_attention: 'attention',
  attention: 'attention',
} as const;

/** Granite 4.0 with experts: mostly Mamba-2, attention in some layers, mostly told no positions; a shared expert. */
export function graniteMoeHybrid(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 2048, epsilon: 1e-6 });
  const key = config.has('layer_types') ? 'layer_types' : 'layers_block_type';
  const kinds = layerKinds(config, key, sizes.layers, KINDS, () => 'mamba');
  const biased = config.flag('attention_bias', false);
  const rotates = config.oneOf('position_embedding_type', ['rope', 'nope'], 'nope') === 'rope';
  const attention = llamaAttention(config, sizes, {
    ...(rotates ? { ropeBase: 10_000 } : {}),
    biases: { qkv: biased, output: biased },
  });
  config.expect('normalization_function', 'rmsnorm');
  const scale = config.positive('attention_multiplier', 1);
  const recurrent = mambaLayer(config, sizes);
  const moe = graniteMoe(config, sizes);
  const sharedSize = config.size('shared_intermediate_size', 1024);
  const decoder = llamaDecoder(config, architecture, sizes, (prefix, index) => ({
    attention:
      kinds[index] === 'attention' ? { ...attention(`${prefix}.self_attn`), scale } : recurrent(`${prefix}.mamba`),
    ffn: {
      ...moe(`${prefix}.block_sparse_moe`),
      shared: { mlp: graniteShared(`${prefix}.shared_mlp`, sizes, sharedSize) },
    },
  }));
  return withMultipliers(config, decoder);
}

function mambaLayer(config: ConfigReader, { hiddenSize, epsilon }: Sizes): (prefix: string) => Mamba2Spec {
  const heads = config.count('mamba_n_heads', 128);
  const width = config.count('mamba_expand', 2) * hiddenSize;
  const headDim = config.sizeOrAuto('mamba_d_head', Math.floor(width / heads));
  if (heads * headDim !== width) {
    config.refuse(l10n.t`has ${heads} Mamba heads of ${headDim}, but mamba_expand makes ${width} of hidden_size`);
  }
  return mamba2Layer(config, {
    hiddenSize,
    heads,
    headDim,
    groups: config.count('mamba_n_groups', 1),
    stateSize: config.size('mamba_d_state', 256),
    kernel: config.size('mamba_d_conv', 4),
    biases: { conv: config.flag('mamba_conv_bias', true), projections: config.flag('mamba_proj_bias', false) },
    minStep: minimalStep(config),
    epsilon,
  });
}

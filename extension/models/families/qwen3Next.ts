import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import { ropeSection } from '../rope.ts';
import type { AttentionSpec, DecoderSpec, DeltaNetSpec, LinearSpec, MoeSpec, NormSpec } from '../spec.ts';
import { bands, rows, slice, type TensorNames, type TensorSpec } from '../weights.ts';
import {
  convolution,
  layerKinds,
  llamaAttention,
  llamaDecoder,
  norm,
  projection,
  readExperts,
  readSizes,
  type Sizes,
  zeroCentredNorm,
} from './common.ts';
import { gatedShared, sparseLayers } from './qwenMoe.ts';

/** Qwen3-Next: Gated DeltaNet in three layers of four, gated attention in the fourth; norms learned around zero. */
export function qwen3Next(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 32_768, epsilon: 1e-6 });
  const ffn = sparseLayers(config, sizes.hiddenSize, {
    experts: 512,
    k: 10,
    moeSize: 512,
    denseSize: 5632,
    renormalize: true,
  });
  const sharedSize = config.size('shared_expert_intermediate_size', 512);
  const mixer = hybridMixers(config, sizes, groupedProjections);
  return llamaDecoder(
    config,
    architecture,
    sizes,
    (prefix, index) => {
      const network = ffn(prefix, index);
      const shared = gatedShared(`${prefix}.mlp`, sizes.hiddenSize, sharedSize);
      return {
        attention: mixer(prefix, index),
        ffn: network.kind === 'moe' ? { ...network, shared } : network,
      };
    },
    { norm: zeroCentredNorm },
  );
}

/** The prefix of the text model's tensors in the wrapper. */
const WRAPPED = 'model.language_model';

/** The text model of Qwen3.5-MoE and 3.6, without its wrapper, whose prefix transformers keeps when it saves the text model alone. */
export function qwen3_5Moe(config: ConfigReader, architecture: string, tensors?: TensorNames): DecoderSpec {
  const prefix = tensors?.has(`${WRAPPED}.norm.weight`) ? WRAPPED : 'model';
  return qwen3_5Text(config, architecture, prefix, config.flag('tie_word_embeddings', false));
}

/** Qwen3.5-MoE and 3.6 with the vision tower, which reads no text. */
export function qwen3_5MoeMultimodal(config: ConfigReader, architecture: string): DecoderSpec {
  const text = config.section('text_config');
  text.knows('tie_word_embeddings');
  return qwen3_5Text(text, architecture, WRAPPED, config.flag('tie_word_embeddings', false));
}

/**
 * Qwen3.5-MoE: Qwen3-Next with experts in every layer and separate projections. Its rotary positions have a part each for
 * time, height and width (`mrope_section`): in text all three are the token's own.
 */
function qwen3_5Text(config: ConfigReader, architecture: string, prefix: string, tied: boolean): DecoderSpec {
  const sizes = readSizes(config, { context: 32_768, epsilon: 1e-6 });
  const { hiddenSize } = sizes;
  const { experts, k } = readExperts(
    config,
    { experts: ['num_experts', 'num_local_experts'], k: ['num_experts_per_tok'] },
    { experts: 256, k: 8 },
  );
  const moeSize = config.size('moe_intermediate_size', 512);
  const sharedSize = config.size('shared_expert_intermediate_size', 512);
  config.oneOf('hidden_act', ['silu'], 'silu');
  const mixer = hybridMixers(config, sizes, separateProjections);
  ropeSection(config).knows('mrope_interleaved', 'mrope_section');
  const ffn = (name: string): MoeSpec => ({
    kind: 'moe',
    router: {
      projection: projection(`${name}.gate`, experts, hiddenSize),
      experts,
      k,
      scoring: 'softmax',
      renormalize: { epsilon: 0 },
    },
    expert: (e) => {
      // One tensor an expert, or all experts in one: [E, 2·moeSize, H] with gates first, and [E, H, moeSize].
      const single = (part: string, shape: readonly [number, number], stacked: TensorSpec): LinearSpec => ({
        weight: { name: `${name}.experts.${e}.${part}.weight`, shape, or: stacked },
      });
      const inner = [moeSize, hiddenSize] as const;
      const outer = [hiddenSize, moeSize] as const;
      const half = (index: number): TensorSpec => ({
        name: `${name}.experts.gate_up_proj`,
        shape: inner,
        within: { shape: [experts, 2 * moeSize, hiddenSize], start: (2 * e + index) * moeSize * hiddenSize },
      });
      return {
        kind: 'mlp',
        intermediateSize: moeSize,
        activation: 'silu',
        gate: single('gate_proj', inner, half(0)),
        up: single('up_proj', inner, half(1)),
        down: single('down_proj', outer, slice(`${name}.experts.down_proj`, experts, e, outer)),
      };
    },
    shared: gatedShared(name, hiddenSize, sharedSize),
  });
  return llamaDecoder(
    config,
    architecture,
    sizes,
    (layer, index) => ({ attention: mixer(layer, index), ffn: ffn(`${layer}.mlp`) }),
    { prefix, norm: zeroCentredNorm, tied },
  );
}

/** Of DeltaNet: how many heads of what width. */
type DeltaHeads = Pick<DeltaNetSpec, 'keyHeads' | 'valueHeads' | 'keyDim' | 'valueDim'>;
type DeltaProjections = Pick<DeltaNetSpec, 'query' | 'key' | 'value' | 'gate' | 'update' | 'step'>;

/** DeltaNet or attention, by layer. */
function hybridMixers(
  config: ConfigReader,
  sizes: Sizes,
  projections: (name: string, hiddenSize: number, heads: DeltaHeads) => DeltaProjections,
): (prefix: string, index: number) => AttentionSpec | DeltaNetSpec {
  const interval = config.count('full_attention_interval', 4);
  const kinds = layerKinds(
    config,
    'layer_types',
    sizes.layers,
    { linear_attention: 'delta', full_attention: 'attention' },
    (index) => ((index + 1) % interval === 0 ? 'attention' : 'delta'),
  );
  const attention = gatedAttention(config, sizes);
  const heads = {
    keyHeads: config.count('linear_num_key_heads', 16),
    valueHeads: config.count('linear_num_value_heads', 32),
    keyDim: config.size('linear_key_head_dim', 128),
    valueDim: config.size('linear_value_head_dim', 128),
  };
  const { keyHeads, valueHeads, keyDim, valueDim } = heads;
  if (valueHeads % keyHeads !== 0) {
    config.refuse(l10n.t`has ${valueHeads} value heads of linear attention, which ${keyHeads} key heads do not divide`);
  }
  const kernel = config.size('linear_conv_kernel_dim', 4);
  // Of DeltaNet's output; attention's gates are sigmoids whatever it says.
  config.oneOf('output_gate_type', ['silu', 'swish'], 'silu');
  return (prefix, index) => {
    if (kinds[index] === 'attention') return attention(`${prefix}.self_attn`);
    const name = `${prefix}.linear_attn`;
    return {
      kind: 'deltaNet',
      ...heads,
      ...projections(name, sizes.hiddenSize, heads),
      conv: convolution(`${name}.conv1d`, 2 * keyHeads * keyDim + valueHeads * valueDim, kernel, false),
      stepBias: { name: `${name}.dt_bias`, shape: [valueHeads] },
      decayLog: { name: `${name}.A_log`, shape: [valueHeads] },
      norm: norm(`${name}.norm`, valueDim, sizes.epsilon),
      output: projection(`${name}.out_proj`, sizes.hiddenSize, valueHeads * valueDim),
    };
  };
}

/** Attention whose output is gated; each head's gates follow its queries in one projection. */
function gatedAttention(config: ConfigReader, sizes: Sizes): (prefix: string) => AttentionSpec {
  if (!config.flag('attn_output_gate', true))
    config.refuse(l10n.t`has attention without gates, which is not supported yet`);
  const biased = config.flag('attention_bias', false);
  const attention = llamaAttention(config, sizes, {
    ropeBase: 10_000,
    kvHeads: 2,
    headDim: 256,
    rotaryPart: 0.25,
    biases: { qkv: biased, output: biased },
  });
  return (prefix) => {
    const base = attention(prefix);
    const { heads, headDim } = base;
    const half = (from: number): LinearSpec => {
      const lie = { all: 2 * heads * headDim, from, run: headDim, period: 2 * headDim };
      const weight = bands(`${prefix}.q_proj.weight`, lie, [sizes.hiddenSize]);
      return biased ? { weight, bias: bands(`${prefix}.q_proj.bias`, lie, []) } : { weight };
    };
    const headNorm = (name: string): NormSpec => zeroCentredNorm(`${prefix}.${name}`, headDim, sizes.epsilon);
    return {
      ...base,
      query: half(0),
      gate: half(headDim),
      queryKeyNorm: { over: 'head', query: headNorm('q_norm'), key: headNorm('k_norm') },
    };
  };
}

/** Qwen3.5 has a projection for each but queries, keys and values, which follow one another. */
function separateProjections(name: string, hiddenSize: number, heads: DeltaHeads): DeltaProjections {
  const { keyHeads, valueHeads, keyDim, valueDim } = heads;
  const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim];
  const part = (from: number, size: number): LinearSpec => ({
    weight: rows(`${name}.in_proj_qkv.weight`, 2 * keys + values, from, [size, hiddenSize]),
  });
  return {
    query: part(0, keys),
    key: part(keys, keys),
    value: part(2 * keys, values),
    gate: projection(`${name}.in_proj_z`, values, hiddenSize),
    update: projection(`${name}.in_proj_b`, valueHeads, hiddenSize),
    step: projection(`${name}.in_proj_a`, valueHeads, hiddenSize),
  };
}

/** Qwen3-Next has two projections, whose rows are grouped by key head: its query, key, values and gates; its β and steps. */
function groupedProjections(name: string, hiddenSize: number, heads: DeltaHeads): DeltaProjections {
  const { keyHeads, valueHeads, keyDim, valueDim } = heads;
  const served = valueHeads / keyHeads;
  const values = served * valueDim;
  const part = (file: string, period: number, from: number, run: number): LinearSpec => ({
    weight: bands(`${name}.${file}.weight`, { all: keyHeads * period, from, run, period }, [hiddenSize]),
  });
  const wide = (from: number, run: number): LinearSpec => part('in_proj_qkvz', 2 * keyDim + 2 * values, from, run);
  return {
    query: wide(0, keyDim),
    key: wide(keyDim, keyDim),
    value: wide(2 * keyDim, values),
    gate: wide(2 * keyDim + values, values),
    update: part('in_proj_ba', 2 * served, 0, served),
    step: part('in_proj_ba', 2 * served, served, served),
  };
}

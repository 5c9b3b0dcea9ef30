import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec, MambaSpec } from '../spec.ts';
import {
  convolution,
  gatedMlp,
  llamaAttention,
  llamaDecoder,
  norm,
  projection,
  readExperts,
  readSizes,
  type Sizes,
} from './common.ts';

/** Jamba (arXiv 2403.19887): Mamba with an attention layer in eight, positions told by Mamba alone; weights as softmax gives them. */
export function jamba(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 262_144, epsilon: 1e-6 });
  const { hiddenSize } = sizes;
  const { experts, k } = readExperts(
    config,
    { experts: ['num_experts', 'num_local_experts'], k: ['num_experts_per_tok'] },
    { experts: 16, k: 2 },
  );
  // Another way of computing the same.
  config.knows('use_associative_scan');
  if (experts === 1) config.refuse(l10n.t`has one expert a layer, which leaves nothing to route`);
  const size = config.size('intermediate_size', 14_336);
  config.oneOf('hidden_act', ['silu'], 'silu');
  if (config.has('sliding_window')) config.refuse(l10n.t`has a sliding_window, which is not supported yet`);
  const isSparse = periodic(config, 'expert_layer', 2, 1);
  const isAttention = periodic(config, 'attn_layer', 8, 4);
  const attention = llamaAttention(config, sizes, { kvHeads: 8 });
  const recurrent = mambaLayer(config, sizes);
  return llamaDecoder(
    config,
    architecture,
    sizes,
    (prefix, index) => {
      const ffn = `${prefix}.feed_forward`;
      return {
        attention: isAttention(index) ? attention(`${prefix}.self_attn`) : recurrent(`${prefix}.mamba`),
        ffn: isSparse(index)
          ? {
              kind: 'moe',
              router: {
                projection: projection(`${ffn}.router`, experts, hiddenSize),
                experts,
                k,
                scoring: 'softmax',
              },
              expert: (e) => gatedMlp(`${ffn}.experts.${e}`, hiddenSize, size),
            }
          : gatedMlp(ffn, hiddenSize, size),
      };
    },
    { ffnNorm: 'pre_ff_layernorm', finalNorm: 'final_layernorm' },
  );
}

/** One layer in `<name>_period`, the first of them at `<name>_offset`. */
function periodic(config: ConfigReader, name: string, period: number, offset: number): (index: number) => boolean {
  const every = config.count(`${name}_period`, period);
  const first = config.countFromZero(`${name}_offset`, offset);
  if (first >= every) config.refuse(l10n.t`has ${name}_offset ${first}, which is not below ${name}_period ${every}`);
  return (index) => index % every === first;
}

function mambaLayer(config: ConfigReader, { hiddenSize, epsilon }: Sizes): (prefix: string) => MambaSpec {
  const channels = config.count('mamba_expand', 2) * hiddenSize;
  const stateSize = config.size('mamba_d_state', 16);
  const kernel = config.size('mamba_d_conv', 4);
  const stepRank = config.sizeOrAuto('mamba_dt_rank', Math.ceil(hiddenSize / 16));
  const convBiased = config.flag('mamba_conv_bias', true);
  const biased = config.flag('mamba_proj_bias', false);
  if (!config.flag('mamba_inner_layernorms', true)) {
    config.refuse(l10n.t`asks for Mamba without mamba_inner_layernorms, which is not supported yet`);
  }
  return (prefix) => ({
    kind: 'mamba',
    channels,
    stateSize,
    stepRank,
    input: projection(`${prefix}.in_proj`, 2 * channels, hiddenSize, biased),
    conv: convolution(`${prefix}.conv1d`, channels, kernel, convBiased),
    selection: projection(`${prefix}.x_proj`, stepRank + 2 * stateSize, channels),
    stepNorm: norm(`${prefix}.dt_layernorm`, stepRank, epsilon),
    inNorm: norm(`${prefix}.b_layernorm`, stateSize, epsilon),
    outNorm: norm(`${prefix}.c_layernorm`, stateSize, epsilon),
    step: projection(`${prefix}.dt_proj`, channels, stepRank, true),
    decayLog: { name: `${prefix}.A_log`, shape: [channels, stateSize] },
    skip: { name: `${prefix}.D`, shape: [channels] },
    output: projection(`${prefix}.out_proj`, hiddenSize, channels, biased),
  });
}

import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec, LinearSpec } from '../spec.ts';
import { mxfp4Slice, slice } from '../weights.ts';
import { layerKinds, llamaAttention, llamaDecoder, projection, readExperts, readSizes } from './common.ts';

/** The factor in x · sigmoid(1.702 · x), which no config changes. */
const ALPHA = 1.702;

/** gpt-oss (arXiv 2508.10925): sinks in attention, which slides in every other layer; experts with biases. */
export function gptOss(config: ConfigReader, architecture: string): DecoderSpec {
  const sizes = readSizes(config, { context: 131_072, epsilon: 1e-5 });
  const { hiddenSize } = sizes;
  const packed = config.has('quantization_config');
  if (packed) config.section('quantization_config').oneOf('quant_method', ['mxfp4'], 'mxfp4');
  if (!config.has('rope_parameters') && !config.has('rope_scaling')) config.refuse(l10n.t`has no rope_parameters`);
  if (config.positive('swiglu_alpha', ALPHA) !== ALPHA) config.refuse(l10n.t`has another swiglu_alpha than ${ALPHA}`);
  const { experts, k } = readExperts(
    config,
    { experts: ['num_local_experts', 'num_experts'], k: ['num_experts_per_tok', 'experts_per_token'] },
    { experts: 128, k: 4 },
  );
  const intermediateSize = config.size('intermediate_size', 2880);
  if (packed && (hiddenSize % 32 !== 0 || intermediateSize % 32 !== 0)) {
    config.refuse(l10n.t`has sizes of ${hiddenSize} and ${intermediateSize}, which blocks of 32 do not divide`);
  }
  // What the rotation was stretched from, which its section says, too.
  config.knows('initial_context_length');
  const limit = config.positive('swiglu_limit', 7);
  const window = config.size('sliding_window', 128);
  const slides = layerKinds(
    config,
    'layer_types',
    sizes.layers,
    { sliding_attention: true, full_attention: false },
    (index) => index % 2 === 0,
  );
  const biased = config.flag('attention_bias', true);
  const attention = llamaAttention(config, sizes, {
    ropeBase: 150_000,
    kvHeads: 8,
    headDim: 64,
    biases: { qkv: biased, output: biased },
  });
  config.oneOf('hidden_act', ['silu'], 'silu');
  return llamaDecoder(config, architecture, sizes, (prefix, index) => {
    const base = attention(`${prefix}.self_attn`);
    const expertPart = (part: string, e: number, from: number, to: number): LinearSpec => {
      const name = `${prefix}.mlp.experts.${part}`;
      const bias = slice(`${name}_bias`, experts, e, [to]);
      if (!packed) return { weight: slice(name, experts, e, [from, to]), bias, transposed: true };
      return { weight: mxfp4Slice(name, experts, e, [to, from]), bias };
    };
    return {
      attention: {
        ...base,
        ...(slides[index] ? { window } : {}),
        sinks: { name: `${prefix}.self_attn.sinks`, shape: [base.heads] },
      },
      ffn: {
        kind: 'moe',
        router: {
          projection: projection(`${prefix}.mlp.router`, experts, hiddenSize, true),
          experts,
          k,
          scoring: 'softmax',
          choosesByLogits: true,
          renormalize: { epsilon: 0 },
        },
        expert: (e) => ({
          kind: 'mlp',
          intermediateSize,
          activation: 'quickGelu',
          gate: 'inUp',
          clamped: { limit },
          up: expertPart('gate_up_proj', e, hiddenSize, 2 * intermediateSize),
          down: expertPart('down_proj', e, intermediateSize, hiddenSize),
        }),
      },
    };
  });
}

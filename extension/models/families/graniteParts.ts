/** What IBM's Granite models share: multipliers that keep magnitudes alike across sizes, and experts in one tensor. */
import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { DecoderSpec, MlpSpec, MoeSpec } from '../spec.ts';
import { rows, slice, type TensorSpec } from '../weights.ts';
import { projection, readExperts, type Sizes } from './common.ts';

/** Multiplies embeddings, what each block adds, and logits. Attention has its own in place of 1 / sqrt(headDim). */
export function withMultipliers(config: ConfigReader, decoder: DecoderSpec): DecoderSpec {
  const branchScale = config.positive('residual_multiplier', 1);
  return {
    ...decoder,
    embeddingScale: config.positive('embedding_multiplier', 1),
    layers: decoder.layers.map((layer) => layer.map((block) => ({ ...block, branchScale }))),
    logitScale: 1 / config.positive('logits_scaling', 1),
  };
}

/** Experts whose weights are the softmax of the chosen logits, for any layer's prefix. */
export function graniteMoe(config: ConfigReader, { hiddenSize }: Sizes): (prefix: string) => MoeSpec {
  if (config.countFromZero('num_local_experts', 8) === 0) config.refuse(l10n.t`has no experts`);
  const { experts, k } = readExperts(
    config,
    { experts: ['num_local_experts'], k: ['num_experts_per_tok'] },
    { experts: 8, k: 2 },
  );
  const size = config.size('intermediate_size', 11_008);
  config.oneOf('hidden_act', ['silu'], 'silu');
  return (prefix) => ({
    kind: 'moe',
    router: {
      projection: projection(`${prefix}.router.layer`, experts, hiddenSize),
      experts,
      k,
      scoring: 'softmax',
      choosesByLogits: true,
      renormalize: { epsilon: 0 },
    },
    expert: (e) => {
      // [E, 2·size, H], gates first.
      const half = (index: number): TensorSpec => ({
        name: `${prefix}.input_linear.weight`,
        shape: [size, hiddenSize],
        within: { shape: [experts, 2 * size, hiddenSize], start: (2 * e + index) * size * hiddenSize },
      });
      const down = slice(`${prefix}.output_linear.weight`, experts, e, [hiddenSize, size]);
      return graniteMlp(size, half(0), half(1), down);
    },
  });
}

/** The network that every token visits, gates and values in one projection. */
export function graniteShared(prefix: string, { hiddenSize }: Sizes, size: number): MlpSpec {
  const half = (from: number): TensorSpec => {
    return rows(`${prefix}.input_linear.weight`, 2 * size, from, [size, hiddenSize]);
  };
  return graniteMlp(size, half(0), half(size), projection(`${prefix}.output_linear`, hiddenSize, size).weight);
}

function graniteMlp(intermediateSize: number, gate: TensorSpec, up: TensorSpec, down: TensorSpec): MlpSpec {
  return {
    kind: 'mlp',
    intermediateSize,
    activation: 'silu',
    gate: { weight: gate },
    up: { weight: up },
    down: { weight: down },
  };
}

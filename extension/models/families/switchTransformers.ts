import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type {
  Activation,
  AttentionSpec,
  BlockSpec,
  DecoderSpec,
  LayerSpec,
  LinearSpec,
  MixerSpec,
  MlpSpec,
  NormSpec,
  RelativeBiasSpec,
} from '../spec.ts';
import type { TensorSpec } from '../weights.ts';
import { norm, projection } from './common.ts';

/**
 * Switch Transformers (arXiv 2101.03961): T5 with experts in some layers of encoder and decoder. A token visits one expert, if
 * that has room for it.
 */
export function switchTransformers(config: ConfigReader, architecture: string): DecoderSpec {
  const hiddenSize = config.size('d_model', 768);
  const vocabulary = config.size('vocab_size', 32_128);
  const epsilon = config.positive('layer_norm_epsilon', 1e-6);
  const heads: Heads = { hiddenSize, heads: config.count('num_heads', 12), headDim: config.size('d_kv', 64) };
  const relative = relativeBias(config, heads.heads);
  const network = networks(config, hiddenSize);
  const normOf = (name: string): NormSpec => norm(`${name}.layer_norm`, hiddenSize, epsilon);
  const encoderLayers = config.count('num_layers', 12);
  // Null stands for as many as the encoder's.
  const decoderLayers = config.count('num_decoder_layers', config.isNull('num_decoder_layers') ? encoderLayers : 12);
  const sparseEncoder = sparseLayers(config, 'num_sparse_encoder_layers', encoderLayers);
  const sparseDecoder = sparseLayers(config, 'num_sparse_decoder_layers', decoderLayers);
  const shared = projection('shared', vocabulary, hiddenSize);
  config.expect('feed_forward_proj', 'relu');
  config.expect('router_type', 'tokens_masked');
  config.expect('num_selected_experts', 1);
  // The numbers of sparse layers say as much.
  config.knows('encoder_sparse_step', 'decoder_sparse_step');
  const tied = config.flag('tie_word_embeddings', true);
  // Where head and embeddings are not tied, a checkpoint may have an embedding for each stack.
  const embedding = (stack: string): TensorSpec =>
    tied ? shared.weight : { ...shared.weight, name: `${stack}.embed_tokens.weight`, or: shared.weight };
  const feedForward = (name: string, sparse: boolean): BlockSpec => ({
    norm: normOf(name),
    mixer: network(`${name}.mlp`, sparse),
  });
  const encoderLayer = (index: number): LayerSpec => {
    const name = `encoder.block.${index}.layer`;
    const parts = { ...projections(`${name}.0.SelfAttention`, heads), relative: relative('encoder'), scale: 1 };
    return [
      { norm: normOf(`${name}.0`), mixer: { kind: 'bidirectional', ...parts } },
      feedForward(`${name}.1`, sparseEncoder(index)),
    ];
  };
  const decoderLayer = (index: number): LayerSpec => {
    const name = `decoder.block.${index}.layer`;
    const own: AttentionSpec = {
      kind: 'attention',
      kvHeads: heads.heads,
      ...projections(`${name}.0.SelfAttention`, heads),
      relative: relative('decoder'),
      scale: 1,
    };
    const cross: MixerSpec = { kind: 'crossAttention', ...projections(`${name}.1.EncDecAttention`, heads), scale: 1 };
    return [
      { norm: normOf(`${name}.0`), mixer: own },
      { norm: normOf(`${name}.1`), mixer: cross },
      feedForward(`${name}.2`, sparseDecoder(index)),
    ];
  };
  return {
    architecture,
    hiddenSize,
    vocabulary,
    // Relative positions know no end; texts of this length are what the models were trained on.
    context: config.size('n_positions', 512),
    embedding: embedding('decoder'),
    encoder: {
      embedding: embedding('encoder'),
      layers: Array.from({ length: encoderLayers }, (_, index) => encoderLayer(index)),
      finalNorm: norm('encoder.final_layer_norm', hiddenSize, epsilon),
      decoderStart: config.index(
        config.has('decoder_start_token_id') ? 'decoder_start_token_id' : 'pad_token_id',
        vocabulary,
      ),
    },
    layers: Array.from({ length: decoderLayers }, (_, index) => decoderLayer(index)),
    finalNorm: norm('decoder.final_layer_norm', hiddenSize, epsilon),
    head: tied ? shared : projection('lm_head', vocabulary, hiddenSize),
    ...(tied ? { logitScale: 1 / Math.sqrt(hiddenSize) } : {}),
  };
}

interface Heads {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headDim: number;
}

function projections(
  name: string,
  { hiddenSize, heads, headDim }: Heads,
): Omit<Heads, 'hiddenSize'> & Record<'query' | 'key' | 'value' | 'output', LinearSpec> {
  const into = (part: string): LinearSpec => projection(`${name}.${part}`, heads * headDim, hiddenSize);
  const output = projection(`${name}.o`, hiddenSize, heads * headDim);
  return { heads, headDim, query: into('q'), key: into('k'), value: into('v'), output };
}

/** A stack's first layer has the bias for all. */
function relativeBias(config: ConfigReader, heads: number): (stack: string) => RelativeBiasSpec {
  const buckets = config.count('relative_attention_num_buckets', 32);
  const maxDistance = config.count('relative_attention_max_distance', 128);
  // Of each direction's buckets half are of one distance each, and the others share those up to the largest.
  if (buckets < 4 || maxDistance <= Math.floor(buckets / 2)) {
    config.refuse(
      l10n.t`has relative_attention_num_buckets ${buckets} and relative_attention_max_distance ${maxDistance}, which do not go together`,
    );
  }
  return (stack) => ({
    weight: {
      name: `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
      shape: [buckets, heads],
    },
    buckets,
    maxDistance,
  });
}

/** So many layers with experts, spread evenly; none leaves one, as the reference has it. */
function sparseLayers(config: ConfigReader, key: string, layers: number): (index: number) => boolean {
  const sparse = config.countFromZero(key, 3);
  if (sparse > layers) config.refuse(l10n.t`has ${layers} layers, but ${key} ${sparse}`);
  const step = sparse === 0 ? layers : Math.floor(layers / sparse);
  return (index) => step === 1 || index % step === 1;
}

function networks(config: ConfigReader, hiddenSize: number): (name: string, sparse: boolean) => MixerSpec {
  const size = config.size('d_ff', 2048);
  const experts = config.count('num_experts', 8);
  const capacity = config.count('expert_capacity', 64);
  const biased = config.flag('router_bias', false);
  const activation: Activation = config.oneOf('dense_act_fn', ['relu'], 'relu');
  // The router reckons in float32 here whatever the model does.
  config.oneOf('router_dtype', ['float32', 'bfloat16', 'float16'], 'float32');
  const network = (name: string): MlpSpec => ({
    kind: 'mlp',
    intermediateSize: size,
    activation,
    up: projection(`${name}.wi`, size, hiddenSize),
    down: projection(`${name}.wo`, hiddenSize, size),
  });
  return (name, sparse) => {
    if (!sparse) return network(name);
    return {
      kind: 'moe',
      router: {
        projection: projection(`${name}.router.classifier`, experts, hiddenSize, biased),
        experts,
        k: 1,
        scoring: 'softmax',
        capacity,
      },
      expert: (e) => network(`${name}.experts.expert_${e}`),
    };
  };
}

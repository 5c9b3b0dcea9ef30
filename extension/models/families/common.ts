/** What the families share: the shapes of the parts that most of them have. */
import type { ConfigReader } from '../../formats/config.ts';
import { readRope } from '../rope.ts';
import type { AttentionSpec, DecoderSpec, LayerSpec, LinearSpec, MlpSpec, NormSpec } from '../spec.ts';

/** Sizes under the names that nearly every config has. */
export interface Sizes {
  readonly hiddenSize: number;
  readonly vocabulary: number;
  readonly layers: number;
  readonly context: number;
  readonly epsilon: number;
}

export function readSizes(
  config: ConfigReader,
  defaults: { readonly context: number; readonly epsilon: number },
): Sizes {
  return {
    hiddenSize: config.size('hidden_size'),
    vocabulary: config.size('vocab_size'),
    layers: config.count('num_hidden_layers'),
    context: config.size('max_position_embeddings', defaults.context),
    epsilon: config.positive('rms_norm_eps', defaults.epsilon),
  };
}

/** <name>.weight [rows, columns], and <name>.bias [rows] where there is one. */
export function projection(name: string, rows: number, columns: number, hasBias = false): LinearSpec {
  const weight = { name: `${name}.weight`, shape: [rows, columns] };
  return hasBias ? { weight, bias: { name: `${name}.bias`, shape: [rows] } } : { weight };
}

/** <name>.weight [size]. */
export function norm(name: string, size: number, epsilon: number): NormSpec {
  return { weight: { name: `${name}.weight`, shape: [size] }, epsilon };
}

/** A gated network under the names gate_proj, up_proj and down_proj, or others. */
export function gatedMlp(
  name: string,
  hiddenSize: number,
  intermediateSize: number,
  [gate, up, down]: readonly [string, string, string] = ['gate_proj', 'up_proj', 'down_proj'],
): MlpSpec {
  return {
    kind: 'mlp',
    intermediateSize,
    activation: 'silu',
    gate: projection(`${name}.${gate}`, intermediateSize, hiddenSize),
    up: projection(`${name}.${up}`, intermediateSize, hiddenSize),
    down: projection(`${name}.${down}`, hiddenSize, intermediateSize),
  };
}

export interface AttentionOptions {
  readonly ropeBase: number;
  /** Key-value heads where the config names none; as many as heads if undefined. */
  readonly kvHeads?: number;
  readonly biases?: { readonly qkv: boolean; readonly output: boolean };
}

/** Grouped-query attention as Llama has it, for any layer's prefix. */
export function llamaAttention(
  config: ConfigReader,
  sizes: Sizes,
  options: AttentionOptions,
): (prefix: string) => AttentionSpec {
  const heads = config.count('num_attention_heads');
  const kvHeads = config.count('num_key_value_heads', options.kvHeads ?? heads);
  if (heads % kvHeads !== 0)
    config.refuse(`has ${heads} attention heads, which ${kvHeads} key-value heads do not divide`);
  const headDim = config.size('head_dim', Math.floor(sizes.hiddenSize / heads));
  const rope = readRope(config, { base: options.ropeBase, headDim, context: sizes.context });
  const { hiddenSize } = sizes;
  const { qkv, output } = options.biases ?? { qkv: false, output: false };
  return (prefix) => ({
    kind: 'attention',
    heads,
    kvHeads,
    headDim,
    query: projection(`${prefix}.q_proj`, heads * headDim, hiddenSize, qkv),
    key: projection(`${prefix}.k_proj`, kvHeads * headDim, hiddenSize, qkv),
    value: projection(`${prefix}.v_proj`, kvHeads * headDim, hiddenSize, qkv),
    output: projection(`${prefix}.o_proj`, hiddenSize, heads * headDim, output),
    rope,
  });
}

/** A decoder under Llama's names, from its layers. */
export function llamaDecoder(
  config: ConfigReader,
  architecture: string,
  sizes: Sizes,
  layer: (
    prefix: string,
    index: number,
  ) => { readonly attention: AttentionSpec; readonly ffn: LayerSpec[number]['mixer'] },
): DecoderSpec {
  const { hiddenSize, vocabulary, context, epsilon } = sizes;
  const embedding = projection('model.embed_tokens', vocabulary, hiddenSize);
  return {
    architecture,
    hiddenSize,
    vocabulary,
    context,
    embedding: embedding.weight,
    layers: Array.from({ length: sizes.layers }, (_, index): LayerSpec => {
      const prefix = `model.layers.${index}`;
      const { attention, ffn } = layer(prefix, index);
      return [
        { norm: norm(`${prefix}.input_layernorm`, hiddenSize, epsilon), mixer: attention },
        { norm: norm(`${prefix}.post_attention_layernorm`, hiddenSize, epsilon), mixer: ffn },
      ];
    }),
    finalNorm: norm('model.norm', hiddenSize, epsilon),
    head: config.flag('tie_word_embeddings', false) ? embedding : projection('lm_head', vocabulary, hiddenSize),
  };
}

/** E and k under whichever names, checked against each other. */
export function readExperts(
  config: ConfigReader,
  names: { readonly experts: readonly string[]; readonly k: readonly string[] },
  defaults: { readonly experts: number; readonly k: number },
): { readonly experts: number; readonly k: number } {
  const experts = config.count(names.experts, defaults.experts);
  const k = config.count(names.k, defaults.k);
  if (k > experts) config.refuse(`asks for ${k} of ${experts} experts`);
  return { experts, k };
}

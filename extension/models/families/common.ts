/** What the families share: the shapes of the parts that most of them have. */
import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import { UserError } from '../../protocol/errors.ts';
import { ignoreRope, readRope } from '../rope.ts';
import type {
  AttentionSpec,
  ConvSpec,
  DecoderSpec,
  LayerSpec,
  LinearSpec,
  MixerSpec,
  MlpSpec,
  NormSpec,
} from '../spec.ts';

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

/** <name>.weight [channels, 1, kernel], and <name>.bias [channels] where there is one. */
export function convolution(name: string, channels: number, kernel: number, hasBias: boolean): ConvSpec {
  const weight = { name: `${name}.weight`, shape: [channels, 1, kernel] };
  return { channels, kernel, weight, ...(hasBias ? { bias: { name: `${name}.bias`, shape: [channels] } } : {}) };
}

/** <name>.weight [size]. */
export function norm(name: string, size: number, epsilon: number): NormSpec {
  return { weight: { name: `${name}.weight`, shape: [size] }, epsilon };
}

/** <name>.weight [size], and <name>.bias [size] where there is one. */
export function layerNorm(name: string, size: number, epsilon: number, hasBias = true): NormSpec {
  const weight = { name: `${name}.weight`, shape: [size] };
  return { kind: 'layer', weight, ...(hasBias ? { bias: { name: `${name}.bias`, shape: [size] } } : {}), epsilon };
}

/** A norm whose weight is learned around zero. */
export function zeroCentredNorm(name: string, size: number, epsilon: number): NormSpec {
  return { weight: { name: `${name}.weight`, shape: [size] }, zeroCentred: true, epsilon };
}

/** Norms of queries and keys, of each head or of all as one vector, under the names q_norm and k_norm, or others. */
export function queryKeyNorm(
  name: string,
  over: 'head' | 'all',
  { heads, kvHeads, headDim }: AttentionSpec,
  epsilon: number,
  [query, key]: readonly [string, string] = ['q_norm', 'k_norm'],
): NonNullable<AttentionSpec['queryKeyNorm']> {
  const size = (count: number): number => (over === 'all' ? count * headDim : headDim);
  return {
    over,
    query: norm(`${name}.${query}`, size(heads), epsilon),
    key: norm(`${name}.${key}`, size(kvHeads), epsilon),
  };
}

/** A gated network under the names gate_proj, up_proj and down_proj, or others. */
export function gatedMlp(
  name: string,
  hiddenSize: number,
  intermediateSize: number,
  [gate, up, down]: readonly [string, string, string] = ['gate_proj', 'up_proj', 'down_proj'],
  biased = false,
): MlpSpec {
  return {
    kind: 'mlp',
    intermediateSize,
    activation: 'silu',
    gate: projection(`${name}.${gate}`, intermediateSize, hiddenSize, biased),
    up: projection(`${name}.${up}`, intermediateSize, hiddenSize, biased),
    down: projection(`${name}.${down}`, hiddenSize, intermediateSize, biased),
  };
}

export interface AttentionOptions {
  /** For a config that names none; left out, positions are not told at all. */
  readonly ropeBase?: number;
  /** Key-value heads where the config names none; as many as heads if undefined. */
  readonly kvHeads?: number;
  /** Width of a head where the config names none; the hidden size divided among them if undefined. */
  readonly headDim?: number;
  /** Part of a head that is rotated where the config does not say; all of it if undefined. */
  readonly rotaryPart?: number;
  readonly biases?: { readonly qkv: boolean; readonly output: boolean };
  /** Rotation pairs neighbours. */
  readonly interleaved?: boolean;
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
    config.refuse(l10n.t`has ${heads} attention heads, which ${kvHeads} key-value heads do not divide`);
  const headDim = config.size('head_dim', options.headDim ?? Math.floor(sizes.hiddenSize / heads));
  const part = options.rotaryPart === undefined ? {} : { part: options.rotaryPart };
  const { ropeBase } = options;
  if (ropeBase === undefined) ignoreRope(config);
  const turned = options.interleaved ? { interleaved: true } : {};
  const rope =
    ropeBase === undefined
      ? {}
      : { rope: { ...readRope(config, { base: ropeBase, headDim, context: sizes.context, ...part }), ...turned } };
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
    ...rope,
  });
}

/** Names under which a decoder differs from Llama, and what goes with them. */
export interface DecoderNames {
  /** Of all tensors but the head's. */
  readonly prefix?: string;
  readonly mixerNorm?: string;
  readonly ffnNorm?: string;
  readonly finalNorm?: string;
  /** Of the projection to the vocabulary. */
  readonly head?: string;
  readonly headBiased?: boolean;
  /** What all of these norms are. */
  readonly norm?: typeof norm;
  /** Whether head and embedding are one; unless given, tie_word_embeddings says so. */
  readonly tied?: boolean;
}

/** A layer's two mixers: attention, or what stands in for it, and a network. */
export type LayerMixers = (prefix: string, index: number) => { readonly attention: MixerSpec; readonly ffn: MixerSpec };

/** A decoder under Llama's names, or others, from its layers. */
export function llamaDecoder(
  config: ConfigReader,
  architecture: string,
  sizes: Sizes,
  layer: LayerMixers,
  names: DecoderNames = {},
): DecoderSpec {
  const { hiddenSize, vocabulary, context, epsilon } = sizes;
  const { prefix: root = 'model', mixerNorm = 'input_layernorm', ffnNorm = 'post_attention_layernorm' } = names;
  const embedding = projection(`${root}.embed_tokens`, vocabulary, hiddenSize);
  const normOf = (name: string): NormSpec => (names.norm ?? norm)(name, hiddenSize, epsilon);
  return {
    architecture,
    hiddenSize,
    vocabulary,
    context,
    embedding: embedding.weight,
    layers: Array.from({ length: sizes.layers }, (_, index): LayerSpec => {
      const prefix = `${root}.layers.${index}`;
      const { attention, ffn } = layer(prefix, index);
      return [
        { norm: normOf(`${prefix}.${mixerNorm}`), mixer: attention },
        { norm: normOf(`${prefix}.${ffnNorm}`), mixer: ffn },
      ];
    }),
    finalNorm: normOf(`${root}.${names.finalNorm ?? 'norm'}`),
    head: headOf(names.tied ?? config.flag('tie_word_embeddings', false), embedding, names),
  };
}

/** What is said of a model without experts. */
export function noExperts(architecture: string, layers: number | undefined): UserError {
  const what = layers === undefined ? l10n.t`it is dense` : l10n.t`its ${layers} layers are dense`;
  return new UserError(
    'not-moe',
    l10n.t`${architecture} has no experts: ${what}. MoEScope wants a mixture-of-experts model.`,
  );
}

/** The projection to the vocabulary: the embedding where the two are tied. The bias is its own. */
function headOf(
  tied: boolean,
  embedding: LinearSpec,
  { head = 'lm_head', headBiased = false }: DecoderNames,
): LinearSpec {
  const [rows, columns] = embedding.weight.shape as [number, number];
  const own = projection(head, rows, columns, headBiased);
  return tied ? { ...own, weight: embedding.weight } : own;
}

/** E and k under whichever names, checked against each other. */
export function readExperts(
  config: ConfigReader,
  names: { readonly experts: readonly string[]; readonly k: readonly string[] },
  defaults: { readonly experts?: number; readonly k?: number },
): { readonly experts: number; readonly k: number } {
  const experts = config.count(names.experts, defaults.experts);
  const k = config.count(names.k, defaults.k);
  if (k > experts) config.refuse(l10n.t`asks for ${k} of ${experts} experts`);
  return { experts, k };
}

/**
 * What each layer is, from a list of names in the config.
 *
 * @param kinds what the known names stand for
 * @param otherwise for a config without a list
 */
export function layerKinds<K>(
  config: ConfigReader,
  key: string,
  layers: number,
  kinds: Readonly<Record<string, K>>,
  otherwise?: (index: number) => K,
): readonly K[] {
  const names = config.words(key);
  if (names.length === 0 && otherwise) return Array.from({ length: layers }, (_, index) => otherwise(index));
  if (names.length !== layers) config.refuse(l10n.t`has ${layers} layers, but ${key} names ${names.length}`);
  return kindsOf(config, key, names, kinds);
}

/** What the names that stand under a key stand for. */
export function kindsOf<K>(
  config: ConfigReader,
  key: string,
  names: readonly string[],
  kinds: Readonly<Record<string, K>>,
): readonly K[] {
  return names.map((name) => {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    return kind ?? config.refuse(l10n.t`has ${JSON.stringify(name)} in ${key}, which is not supported yet`);
  });
}

import type { ConfigReader } from '../../formats/config.ts';
import { readRope } from '../rope.ts';
import type { DecoderSpec, LayerSpec } from '../spec.ts';

/** Mixtral (arXiv 2401.04088). Defaults are those of transformers' MixtralConfig. */
export function mixtral(config: ConfigReader, architecture: string): DecoderSpec {
  const hiddenSize = config.size('hidden_size');
  const vocabulary = config.size('vocab_size');
  const heads = config.count('num_attention_heads');
  const kvHeads = config.count('num_key_value_heads', 8);
  const headDim = config.size('head_dim', Math.floor(hiddenSize / heads));
  const experts = config.count(['num_local_experts', 'num_experts'], 8);
  const k = config.count('num_experts_per_tok', 2);
  const intermediateSize = config.size('intermediate_size');
  const epsilon = config.positive('rms_norm_eps', 1e-5);
  const window = config.optionalSize('sliding_window');
  const activation = config.oneOf('hidden_act', ['silu'], 'silu');
  const rope = readRope(config, headDim, 1e6);
  if (heads % kvHeads !== 0)
    config.refuse(`has ${heads} attention heads, which ${kvHeads} key-value heads do not divide`);
  if (k > experts) config.refuse(`asks for ${k} of ${experts} experts`);

  const norm = (name: string): LayerSpec['ffnNorm'] => ({ weight: { name, shape: [hiddenSize] }, epsilon });
  const matrix = (name: string, rows: number, columns: number): { name: string; shape: number[] } => ({
    name: `${name}.weight`,
    shape: [rows, columns],
  });
  const layer = (index: number): LayerSpec => {
    const at = `model.layers.${index}`;
    return {
      attentionNorm: norm(`${at}.input_layernorm.weight`),
      attention: {
        heads,
        kvHeads,
        headDim,
        query: matrix(`${at}.self_attn.q_proj`, heads * headDim, hiddenSize),
        key: matrix(`${at}.self_attn.k_proj`, kvHeads * headDim, hiddenSize),
        value: matrix(`${at}.self_attn.v_proj`, kvHeads * headDim, hiddenSize),
        output: matrix(`${at}.self_attn.o_proj`, hiddenSize, heads * headDim),
        rope,
        ...(window === undefined ? {} : { window }),
      },
      ffnNorm: norm(`${at}.post_attention_layernorm.weight`),
      ffn: {
        router: { weight: matrix(`${at}.block_sparse_moe.gate`, experts, hiddenSize), experts, k, renormalize: true },
        experts: {
          intermediateSize,
          activation,
          tensors: (e) => ({
            gate: matrix(`${at}.block_sparse_moe.experts.${e}.w1`, intermediateSize, hiddenSize),
            up: matrix(`${at}.block_sparse_moe.experts.${e}.w3`, intermediateSize, hiddenSize),
            down: matrix(`${at}.block_sparse_moe.experts.${e}.w2`, hiddenSize, intermediateSize),
          }),
        },
      },
    };
  };
  const embedding = matrix('model.embed_tokens', vocabulary, hiddenSize);
  return {
    architecture,
    hiddenSize,
    vocabulary,
    context: config.size('max_position_embeddings', 131_072),
    embedding,
    layers: Array.from({ length: config.count('num_hidden_layers') }, (_, i) => layer(i)),
    finalNorm: norm('model.norm.weight'),
    head: config.flag('tie_word_embeddings', false) ? embedding : matrix('lm_head', vocabulary, hiddenSize),
  };
}

import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import { readRope } from '../rope.ts';
import type { AttentionSpec, DecoderSpec, LinearSpec, MoeSpec, NormSpec } from '../spec.ts';
import { rows } from '../weights.ts';
import { layerNorm, projection, readExperts } from './common.ts';

/** PyTorch's own, which no config changes. */
const EPSILON = 1e-5;

/** What transformers once wrote into every section, of whole models. */
const LEFTOVERS = ['tie_word_embeddings', 'top_k'];

/** DBRX: queries, keys and values from one projection, clipped; layer norms without biases; all experts in one matrix. */
export function dbrx(config: ConfigReader, architecture: string): DecoderSpec {
  const hiddenSize = config.size(['d_model', 'hidden_size'], 2048);
  const vocabulary = config.size('vocab_size', 32_000);
  const context = config.size(['max_seq_len', 'max_position_embeddings'], 2048);
  const layers = config.count(['n_layers', 'num_hidden_layers'], 24);
  if (config.flag('tie_word_embeddings', false))
    config.refuse(l10n.t`asks for tie_word_embeddings, which DBRX does not know`);
  const attention = attentionLayer(config, hiddenSize, context);
  const moe = sparseLayer(config.section('ffn_config'), hiddenSize);
  const norm = (name: string): NormSpec => layerNorm(name, hiddenSize, EPSILON, false);
  return {
    architecture,
    hiddenSize,
    vocabulary,
    context,
    embedding: projection('transformer.wte', vocabulary, hiddenSize).weight,
    layers: Array.from({ length: layers }, (_, index) => {
      const prefix = `transformer.blocks.${index}`;
      const name = `${prefix}.norm_attn_norm`;
      return [
        { norm: norm(`${name}.norm_1`), mixer: attention(`${name}.attn`) },
        { norm: norm(`${name}.norm_2`), mixer: moe(`${prefix}.ffn`) },
      ];
    }),
    finalNorm: norm('transformer.norm_f'),
    head: projection('lm_head', vocabulary, hiddenSize),
  };
}

function attentionLayer(config: ConfigReader, hiddenSize: number, context: number): (prefix: string) => AttentionSpec {
  const own = config.section('attn_config');
  const heads = config.count(['n_heads', 'num_attention_heads'], 16);
  const kvHeads = own.count('kv_n_heads', 1);
  if (heads % kvHeads !== 0)
    config.refuse(l10n.t`has ${heads} attention heads, which ${kvHeads} key-value heads do not divide`);
  if (hiddenSize % heads !== 0)
    config.refuse(l10n.t`has a d_model of ${hiddenSize}, which ${heads} heads do not divide`);
  const headDim = hiddenSize / heads;
  config.expect('num_key_value_heads', kvHeads);
  own.knows(...LEFTOVERS);
  const clip = own.has('clip_qkv') ? { clip: own.positive('clip_qkv') } : {};
  const rope = readRope(config, { base: own.positive('rope_theta', 10_000), headDim, context });
  const values = kvHeads * headDim;
  return (prefix) => {
    const part = (from: number, size: number): LinearSpec => ({
      weight: rows(`${prefix}.Wqkv.weight`, hiddenSize + 2 * values, from, [size, hiddenSize]),
    });
    return {
      kind: 'attention',
      heads,
      kvHeads,
      headDim,
      query: part(0, hiddenSize),
      key: part(hiddenSize, values),
      value: part(hiddenSize + values, values),
      output: projection(`${prefix}.out_proj`, hiddenSize, hiddenSize),
      ...clip,
      rope,
    };
  };
}

function sparseLayer(config: ConfigReader, hiddenSize: number): (prefix: string) => MoeSpec {
  const { experts, k } = readExperts(config, { experts: ['moe_num_experts'], k: ['moe_top_k'] }, { experts: 4, k: 1 });
  const size = config.size('ffn_hidden_size', 3584);
  config.expect('hidden_size', hiddenSize);
  config.knows(...LEFTOVERS);
  config.section('ffn_act_fn').oneOf('name', ['silu'], 'silu');
  // The key's absence stands for 1, null for none.
  const p = config.isNull('moe_normalize_expert_weights')
    ? undefined
    : config.positive('moe_normalize_expert_weights', 1);
  return (prefix) => {
    const part = (name: string, e: number, transposed: boolean): LinearSpec => ({
      weight: rows(`${prefix}.experts.mlp.${name}`, experts * size, e * size, [size, hiddenSize]),
      transposed,
    });
    return {
      kind: 'moe',
      router: {
        projection: projection(`${prefix}.router.layer`, experts, hiddenSize),
        experts,
        k,
        scoring: 'softmax',
        ...(p === undefined ? {} : { renormalize: { epsilon: 0, p } }),
      },
      expert: (e) => ({
        kind: 'mlp',
        intermediateSize: size,
        activation: 'silu',
        gate: part('w1', e, false),
        up: part('v1', e, false),
        down: part('w2', e, true),
      }),
    };
  };
}

/** What DeepSeek's models brought and others took over: latent attention, and experts balanced by a bias. */
import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import { productScale, readRope } from '../rope.ts';
import type { GroupLimit, MlaSpec, MlpSpec, MoeSpec, RouterSpec } from '../spec.ts';
import { gatedMlp, layerKinds, norm, projection, readExperts, type Sizes } from './common.ts';

export interface LatentAttentionDefaults {
  readonly plainDim: number;
  readonly valueDim: number;
  readonly queryDim: number;
  /** As of AttentionOptions; what is kept for rotation has to be rotated whole. */
  readonly rotaryPart?: number;
}

/** Norms of latents do not follow `rms_norm_eps`. */
const LATENT_EPSILON = 1e-6;

/** Multi-head latent attention (arXiv 2405.04434), for any layer's prefix. */
export function latentAttention(
  config: ConfigReader,
  { hiddenSize, context }: Sizes,
  defaults: LatentAttentionDefaults,
): (prefix: string) => MlaSpec {
  const heads = config.count('num_attention_heads');
  const kvHeads = config.count('num_key_value_heads', heads);
  if (kvHeads !== heads) config.refuse(l10n.t`has ${kvHeads} key-value heads for ${heads} heads that share a latent`);
  const plainDim = config.size('qk_nope_head_dim', defaults.plainDim);
  const rotatedDim = config.size('qk_rope_head_dim', 64);
  const valueDim = config.size('v_head_dim', defaults.valueDim);
  const latentDim = config.size('kv_lora_rank', 512);
  const queryDim = config.isNull('q_lora_rank') ? undefined : config.size('q_lora_rank', defaults.queryDim);
  const biased = config.flag('attention_bias', false);
  // Sums and parts of the widths above.
  config.knows('head_dim', 'qk_head_dim');
  const part = defaults.rotaryPart === undefined ? {} : { part: defaults.rotaryPart };
  const plain = readRope(config, { base: 10_000, headDim: rotatedDim, context, ...part });
  if (plain.dims !== rotatedDim)
    config.refuse(l10n.t`rotates ${plain.dims} of the ${rotatedDim} dimensions kept for it`);
  const rope = { ...plain, interleaved: config.flag('rope_interleave', true) };
  const scale = productScale(config) / Math.sqrt(plainDim + rotatedDim);
  const queriesDim = heads * (plainDim + rotatedDim);
  return (prefix) => ({
    kind: 'mla',
    heads,
    plainDim,
    valueDim,
    latentDim,
    ...(queryDim === undefined
      ? { query: projection(`${prefix}.q_proj`, queriesDim, hiddenSize) }
      : {
          query: projection(`${prefix}.q_b_proj`, queriesDim, queryDim),
          queryLatent: {
            projection: projection(`${prefix}.q_a_proj`, queryDim, hiddenSize, biased),
            norm: norm(`${prefix}.q_a_layernorm`, queryDim, LATENT_EPSILON),
          },
        }),
    latent: projection(`${prefix}.kv_a_proj_with_mqa`, latentDim + rotatedDim, hiddenSize, biased),
    latentNorm: norm(`${prefix}.kv_a_layernorm`, latentDim, LATENT_EPSILON),
    keyValue: projection(`${prefix}.kv_b_proj`, heads * (plainDim + valueDim), latentDim).weight,
    output: projection(`${prefix}.o_proj`, hiddenSize, heads * valueDim, biased),
    rope,
    scale,
  });
}

export interface SparseDefaults {
  readonly experts?: number;
  readonly k?: number;
  readonly moeSize: number;
  readonly denseSize: number;
  readonly sharedExperts?: number;
  /** Layers before the first with experts. */
  readonly dense: number;
  /** Whether a config may list each layer's kind instead. */
  readonly listed?: boolean;
}

/** Feed-forward layers: some dense ones, then fine-grained experts beside shared ones (arXiv 2401.06066). */
export function sparseAfterDense(
  config: ConfigReader,
  { hiddenSize, layers }: Sizes,
  defaults: SparseDefaults,
  router: (experts: number, k: number) => (prefix: string) => RouterSpec,
): (prefix: string, index: number) => MoeSpec | MlpSpec {
  const { experts, k } = readExperts(
    config,
    { experts: ['n_routed_experts', 'num_local_experts', 'num_experts'], k: ['num_experts_per_tok'] },
    defaults,
  );
  const moeSize = config.size('moe_intermediate_size', defaults.moeSize);
  const denseSize = config.size('intermediate_size', defaults.denseSize);
  const sharedExperts = config.countFromZero('n_shared_experts', defaults.sharedExperts);
  const dense = config.countFromZero('first_k_dense_replace', defaults.dense);
  const isDense = (index: number): boolean => index < dense;
  const listed = defaults.listed
    ? layerKinds(config, 'mlp_layer_types', layers, { dense: true, sparse: false }, isDense)
    : undefined;
  if (config.count('moe_layer_freq', 1) !== 1) config.refuse(l10n.t`asks for a moe_layer_freq other than 1`);
  config.oneOf('hidden_act', ['silu'], 'silu');
  const route = router(experts, k);
  return (prefix, index) => {
    if (listed?.[index] ?? isDense(index)) return gatedMlp(`${prefix}.mlp`, hiddenSize, denseSize);
    const shared = gatedMlp(`${prefix}.mlp.shared_experts`, hiddenSize, sharedExperts * moeSize);
    return {
      kind: 'moe',
      router: route(`${prefix}.mlp.gate`),
      expert: (e) => gatedMlp(`${prefix}.mlp.experts.${e}`, hiddenSize, moeSize),
      ...(sharedExperts > 0 ? { shared: { mlp: shared } } : {}),
    };
  };
}

export interface BalancedDefaults {
  readonly groups: number;
  readonly keptGroups: number;
  readonly renormalize: boolean;
  readonly scale: number;
  /** What configs call the sigmoid; unless given, so. */
  readonly scoring?: readonly string[];
}

/**
 * DeepSeek-V3's router (arXiv 2412.19437, section 2.1.2): sigmoid scores; a bias that balances the load has its say in the
 * choice, not in the weights.
 */
export function balancedRouter(
  config: ConfigReader,
  { hiddenSize }: Sizes,
  defaults: BalancedDefaults,
): (experts: number, k: number) => (prefix: string) => RouterSpec {
  config.oneOf('scoring_func', defaults.scoring ?? ['sigmoid'], 'sigmoid');
  config.oneOf('topk_method', ['noaux_tc'], 'noaux_tc');
  const renormalize = config.flag('norm_topk_prob', defaults.renormalize);
  const scale = config.positive('routed_scaling_factor', defaults.scale);
  return (experts, k) => {
    const groups = groupLimit(config, { experts, k, count: defaults.groups, keep: defaults.keptGroups }, 'sumOfTwo');
    return (prefix) => ({
      projection: projection(prefix, experts, hiddenSize),
      experts,
      k,
      scoring: 'sigmoid',
      selectionBias: { name: `${prefix}.e_score_correction_bias`, shape: [experts] },
      ...groups,
      ...(renormalize ? { renormalize: { epsilon: 1e-20 } } : {}),
      scale,
    });
  };
}

/** Reads the limit to the best groups; none where it limits nothing. */
export function groupLimit(
  config: ConfigReader,
  router: { readonly experts: number; readonly k: number; readonly count?: number; readonly keep?: number },
  score: GroupLimit['score'],
): { readonly groups?: GroupLimit } {
  const { experts, k } = router;
  const count = config.count('n_group', router.count);
  const keep = config.count('topk_group', router.keep);
  if (experts % count !== 0) config.refuse(l10n.t`has ${experts} experts, which n_group ${count} does not divide`);
  const size = experts / count;
  if (keep > count) config.refuse(l10n.t`keeps ${keep} of ${count} groups of experts`);
  if (k > keep * size) config.refuse(l10n.t`asks for ${k} experts of ${keep} groups, which have ${keep * size}`);
  if (keep === count) return {};
  if (score === 'sumOfTwo' && size < 2)
    config.refuse(l10n.t`scores groups by their two best experts, but they have one`);
  return { groups: { count, keep, score } };
}

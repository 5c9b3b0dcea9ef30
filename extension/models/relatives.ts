/**
 * MoE architectures that do not open yet: which supported one is nearest, and what it would take beyond that one's parts.
 * For an architecture that is not listed, the config tells what it resembles.
 */
import * as l10n from '@vscode/l10n';
import { sectionsOf } from '../formats/config.ts';
import type { JsonObject } from '../formats/json.ts';

export interface Relative {
  /** A supported architecture. */
  readonly nearest: string;
  /** What is different; absent where only the config was judged by. */
  readonly different?: string;
}

const KNOWN: Readonly<Record<string, readonly [nearest: string, different: string]>> = {
  AXK1ForCausalLM: ['DeepseekV3ForCausalLM', l10n.t`a norm after the experts`],
  AXK2ForCausalLM: [
    'DeepseekV3ForCausalLM',
    l10n.t`an indexer that chooses which keys attention sees, gated attention and norms`,
  ],
  AfmoeForCausalLM: ['Dots1ForCausalLM', l10n.t`gated attention and norms around each branch`],
  ArcticForCausalLM: [
    'MixtralForCausalLM',
    l10n.t`a dense network in parallel, experts that see what stands before attention`,
  ],
  AriaForConditionalGeneration: ['GraniteMoeForCausalLM', l10n.t`shared experts and a vision tower`],
  AriaTextForCausalLM: ['GraniteMoeForCausalLM', l10n.t`shared experts`],
  BailingHybridForCausalLM: ['DeepseekV3ForCausalLM', l10n.t`linear attention in most layers`],
  BailingMoeForCausalLM: [
    'Qwen3MoeForCausalLM',
    l10n.t`queries, keys and values in one tensor, ungated shared experts`,
  ],
  BailingMoeV2ForCausalLM: ['Glm4MoeForCausalLM', l10n.t`queries, keys and values in one tensor`],
  Cohere2MoeForCausalLM: [
    'GptOssForCausalLM',
    l10n.t`attention and experts in parallel, shared experts that are averaged`,
  ],
  DeepseekV32ForCausalLM: ['DeepseekV3ForCausalLM', l10n.t`an indexer that chooses which keys attention sees`],
  DeepseekV4ForCausalLM: [
    'DeepseekV3ForCausalLM',
    l10n.t`square-root softplus scores, hashed routing, hyper-connections`,
  ],
  DogeForCausalLM: ['Qwen3MoeForCausalLM', l10n.t`experts retrieved by product keys`],
  Ernie4_5_VLMoeForConditionalGeneration: [
    'Ernie4_5_MoeForCausalLM',
    l10n.t`experts of text and of images apart, a vision tower`,
  ],
  ExaoneMoeForCausalLM: ['Dots1ForCausalLM', l10n.t`layers without positions`],
  FlexOlmoForCausalLM: ['OlmoeForCausalLM', l10n.t`norms after each branch instead of before`],
  Glm4vMoeForConditionalGeneration: ['Glm4MoeForCausalLM', l10n.t`a vision tower and its positions`],
  GlmMoeDsaForCausalLM: ['Glm4MoeLiteForCausalLM', l10n.t`an indexer that chooses which keys attention sees`],
  GraniteMoeSWAForCausalLM: ['GraniteMoeForCausalLM', l10n.t`sinks and a sliding window`],
  Grok1ModelForCausalLM: ['MixtralForCausalLM', l10n.t`capped attention, norms around each branch, GELU`],
  Grok1ForCausalLM: ['MixtralForCausalLM', l10n.t`capped attention, norms around each branch, GELU`],
  HYV3ForCausalLM: ['Glm4MoeForCausalLM', l10n.t`other names of tensors`],
  HYV4ForCausalLM: [
    'DeepseekV3ForCausalLM',
    l10n.t`an indexer that chooses which keys attention sees, sinks, hyper-connections`,
  ],
  InklingForCausalLM: [
    'Dots1ForCausalLM',
    l10n.t`short convolutions, relative positions, shared experts that take part in the normalisation`,
  ],
  JetMoeForCausalLM: ['GraniteMoeForCausalLM', l10n.t`a second router, of attention heads`],
  KimiK25ForConditionalGeneration: ['DeepseekV3ForCausalLM', l10n.t`a vision tower and packed 4-bit weights`],
  KimiLinearForCausalLM: ['DeepseekV3ForCausalLM', l10n.t`linear attention in most layers`],
  LagunaForCausalLM: ['Dots1ForCausalLM', l10n.t`gated attention and capped router logits`],
  LongcatFlashForCausalLM: [
    'DeepseekV2ForCausalLM',
    l10n.t`two attentions a layer, experts that pass their input through`,
  ],
  MellumForCausalLM: ['Qwen3MoeForCausalLM', l10n.t`layers with a sliding window`],
  MiMoV2FlashForCausalLM: ['Glm4MoeForCausalLM', l10n.t`sinks and a sliding window, no shared expert`],
  MiniMaxForCausalLM: ['MixtralForCausalLM', l10n.t`lightning attention in most layers`],
  MiniMaxText01ForCausalLM: ['MixtralForCausalLM', l10n.t`lightning attention in most layers`],
  MiniMaxM1ForCausalLM: ['MixtralForCausalLM', l10n.t`lightning attention in most layers`],
  MiniMaxM3VLForCausalLM: ['MiniMaxM2ForCausalLM', l10n.t`a shared expert and sparse attention`],
  MiniMaxM3SparseForConditionalGeneration: [
    'MiniMaxM2ForCausalLM',
    l10n.t`a shared expert, sparse attention, a vision tower`,
  ],
  Mistral4ForCausalLM: ['DeepseekV2ForCausalLM', l10n.t`renormalised weights and another score of groups`],
  NllbMoeForConditionalGeneration: [
    'SwitchTransformersForConditionalGeneration',
    l10n.t`two experts a token, positions of its own`,
  ],
  NomicBertModel: ['MixtralForCausalLM', l10n.t`an encoder: tokens see those after them, too`],
  OpenMoeForCausalLM: ['MixtralForCausalLM', l10n.t`capacity limits and an extra network in MoE layers`],
  OpenAIPrivacyFilterForTokenClassification: [
    'GptOssForCausalLM',
    l10n.t`an encoder: tokens see those after them, too`,
  ],
  Qwen3OmniMoeForConditionalGeneration: ['Qwen3MoeForCausalLM', l10n.t`towers for images and sound, and a talker`],
  Qwen3VLMoeForConditionalGeneration: ['Qwen3MoeForCausalLM', l10n.t`a vision tower that feeds several layers`],
  Qwen4ExpForCausalLM: [
    'Qwen3_5MoeForCausalLM',
    l10n.t`an indexer that chooses which keys attention sees, hyper-connections, embeddings of n-grams`,
  ],
  SolarOpenForCausalLM: ['Glm4MoeForCausalLM', l10n.t`experts in every layer, no QK norm, heads rotated whole`],
  Step3p7ForConditionalGeneration: [
    'MiniMaxM2ForCausalLM',
    l10n.t`gated attention, clamped experts, a shared one, a vision tower`,
  ],
  ZayaForCausalLM: ['Qwen3MoeForCausalLM', l10n.t`convolutions in attention, a router that remembers the layer before`],
};

/** The architectures that are known and do not open. */
export const RELATIVES: readonly string[] = Object.keys(KNOWN);

/** The supported architecture that is nearest to one that is not. */
export function nearestRelative(architecture: string, config: JsonObject): Relative {
  const known = Object.hasOwn(KNOWN, architecture) ? KNOWN[architecture] : undefined;
  if (known) return { nearest: known[0], different: known[1] };
  return { nearest: resembling(config) };
}

/** What a config resembles: first by what mixes tokens, which is most of the work, then by how the router scores. */
function resembling(config: JsonObject): string {
  const keys = allKeys(config);
  const has = (pattern: RegExp): boolean => [...keys.keys()].some((key) => pattern.test(key));
  const sigmoid =
    [...keys].some(([key, value]) => /scor|router|select/.test(key) && value === 'sigmoid') || has(/correction_bias/);
  if (has(/^mamba_/)) return 'GraniteMoeHybridForCausalLM';
  if (has(/^linear_(num|key|value|conv)_/)) return 'Qwen3NextForCausalLM';
  if (has(/^kv_lora_rank$/)) return sigmoid ? 'DeepseekV3ForCausalLM' : 'DeepseekV2ForCausalLM';
  const shared = has(/shared_expert/);
  if (sigmoid) return shared ? 'Glm4MoeForCausalLM' : 'MiniMaxM2ForCausalLM';
  if (shared) return 'Qwen2MoeForCausalLM';
  return has(/^moe_intermediate_size$/) ? 'Qwen3MoeForCausalLM' : 'MixtralForCausalLM';
}

/** Keys of the config and of its sections that say anything. */
function allKeys(config: JsonObject): ReadonlyMap<string, unknown> {
  return new Map(
    sectionsOf(config).flatMap((section) =>
      Object.entries(section).filter(([, value]) => value !== null && value !== 0),
    ),
  );
}

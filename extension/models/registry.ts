/** The families that open, each with what a reader of the README wants to know of it. */
import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../formats/config.ts';
import { dbrx } from './families/dbrx.ts';
import { deepseekV2, deepseekV3 } from './families/deepseek.ts';
import { dots1 } from './families/dots1.ts';
import { ernie4_5Moe } from './families/ernie4_5Moe.ts';
import { gemma4, gemma4Multimodal } from './families/gemma4.ts';
import { glm4Moe, glm4MoeLite } from './families/glm4Moe.ts';
import { gptOss } from './families/gptOss.ts';
import { graniteMoe, graniteMoeShared } from './families/graniteMoe.ts';
import { graniteMoeHybrid } from './families/graniteMoeHybrid.ts';
import { hunyuanV1Moe } from './families/hunyuanV1Moe.ts';
import { jamba } from './families/jamba.ts';
import { lfm2Moe } from './families/lfm2Moe.ts';
import { llama4, llama4Multimodal } from './families/llama4.ts';
import { minimaxM2 } from './families/minimaxM2.ts';
import { mixtral } from './families/mixtral.ts';
import { nemotronH } from './families/nemotronH.ts';
import { olmoe } from './families/olmoe.ts';
import { phimoe } from './families/phimoe.ts';
import { qwen3_5Moe, qwen3_5MoeMultimodal, qwen3Next } from './families/qwen3Next.ts';
import { qwen2Moe, qwen3Moe } from './families/qwenMoe.ts';
import { switchTransformers } from './families/switchTransformers.ts';
import type { DecoderSpec } from './spec.ts';
import type { TensorNames } from './weights.ts';

/** Turns a config into a model. Throws UserError `config-invalid` naming the key. */
export type ReadFamily = (config: ConfigReader, architecture: string, tensors?: TensorNames) => DecoderSpec;

export interface Family {
  /** What its models are called. */
  readonly models: string;
  /** How the router scores experts, and what becomes of the scores. */
  readonly scoring: string;
  /** What stands in its layers beside grouped-query attention with rotary positions. */
  readonly parts: string;
  /** Stored weights that are read beside float32, bfloat16, float16 and FP8 in blocks. */
  readonly weights?: string;
  /** Where its router is described: the paper, or the reference implementation by its folder in transformers. */
  readonly source: { readonly arXiv: string } | { readonly transformers: string };
  /** By `architectures[0]` of config.json. */
  readonly architectures: Readonly<Record<string, ReadFamily>>;
}

export const FAMILIES: readonly Family[] = [
  {
    models: 'Mixtral',
    scoring: 'softmax, renormalised',
    parts: 'sliding window',
    source: { arXiv: '2401.04088' },
    architectures: { MixtralForCausalLM: mixtral },
  },
  {
    models: 'OLMoE',
    scoring: 'softmax',
    parts: 'QK norm, clipping',
    source: { arXiv: '2409.02060' },
    architectures: { OlmoeForCausalLM: olmoe },
  },
  {
    models: 'Qwen1.5-MoE, Qwen2-MoE',
    scoring: 'softmax',
    parts: 'gated shared expert, sliding window',
    source: { arXiv: '2407.10671' },
    architectures: { Qwen2MoeForCausalLM: qwen2Moe },
  },
  {
    models: 'Qwen3-MoE',
    scoring: 'softmax, renormalised',
    parts: 'QK norm, dense layers between',
    source: { arXiv: '2505.09388' },
    architectures: { Qwen3MoeForCausalLM: qwen3Moe },
  },
  {
    models: 'Qwen3-Next',
    scoring: 'softmax, renormalised',
    parts: 'Gated DeltaNet, gated attention, gated shared expert',
    source: { transformers: 'qwen3_next' },
    architectures: { Qwen3NextForCausalLM: qwen3Next },
  },
  {
    models: l10n.t`Qwen3.5 and 3.6 MoE (text part)`,
    scoring: 'softmax, renormalised',
    parts: 'Gated DeltaNet, gated attention, gated shared expert',
    source: { transformers: 'qwen3_5_moe' },
    architectures: { Qwen3_5MoeForCausalLM: qwen3_5Moe, Qwen3_5MoeForConditionalGeneration: qwen3_5MoeMultimodal },
  },
  {
    models: 'gpt-oss',
    scoring: 'softmax of the chosen logits',
    parts: 'attention sinks, sliding window, clamped experts with biases',
    weights: 'MXFP4',
    source: { arXiv: '2508.10925' },
    architectures: { GptOssForCausalLM: gptOss },
  },
  {
    models: l10n.t`DeepSeek-V2 and Lite`,
    scoring: 'softmax, limited to groups, scaled',
    parts: 'latent attention, shared experts',
    source: { arXiv: '2405.04434' },
    architectures: { DeepseekV2ForCausalLM: deepseekV2 },
  },
  {
    models: 'DeepSeek-V3, R1, Kimi K2, Moonlight',
    scoring: 'sigmoid with balancing bias, limited to groups, renormalised, scaled',
    parts: 'latent attention, shared experts',
    source: { arXiv: '2412.19437' },
    architectures: { DeepseekV3ForCausalLM: deepseekV3 },
  },
  {
    models: l10n.t`GLM-4.5 to 4.7`,
    scoring: 'sigmoid with balancing bias, limited to groups, renormalised, scaled',
    parts: 'QK norm, shared experts; latent attention in Flash',
    source: { arXiv: '2508.06471' },
    architectures: { Glm4MoeForCausalLM: glm4Moe, Glm4MoeLiteForCausalLM: glm4MoeLite },
  },
  {
    models: 'dots.llm1',
    scoring: 'sigmoid with balancing bias, limited to groups, renormalised, scaled',
    parts: 'QK norm, shared experts',
    source: { arXiv: '2506.05767' },
    architectures: { Dots1ForCausalLM: dots1 },
  },
  {
    models: 'MiniMax M2',
    scoring: 'sigmoid with balancing bias, renormalised',
    parts: 'QK norm',
    source: { transformers: 'minimax_m2' },
    architectures: { MiniMaxM2ForCausalLM: minimaxM2 },
  },
  {
    models: l10n.t`Gemma 4 MoE (text part)`,
    scoring: 'softmax, renormalised, a scale for each expert',
    parts: 'sliding window, norms around each branch, dense network beside the experts',
    source: { transformers: 'gemma4' },
    architectures: { Gemma4ForCausalLM: gemma4, Gemma4ForConditionalGeneration: gemma4Multimodal },
  },
  {
    models: l10n.t`Llama 4 Scout and Maverick (text part)`,
    scoring: 'sigmoid; weighs the input',
    parts: 'attention in chunks, shared expert',
    source: { transformers: 'llama4' },
    architectures: { Llama4ForCausalLM: llama4, Llama4ForConditionalGeneration: llama4Multimodal },
  },
  {
    models: 'Granite 3 MoE',
    scoring: 'softmax of the chosen logits',
    parts: 'multipliers',
    source: { transformers: 'granitemoe' },
    architectures: { GraniteMoeForCausalLM: graniteMoe },
  },
  {
    models: l10n.t`Granite MoE with a shared expert`,
    scoring: 'softmax of the chosen logits',
    parts: 'multipliers, shared expert',
    source: { transformers: 'granitemoeshared' },
    architectures: { GraniteMoeSharedForCausalLM: graniteMoeShared },
  },
  {
    models: l10n.t`Granite 4 hybrids`,
    scoring: 'softmax of the chosen logits',
    parts: 'Mamba-2, multipliers, shared expert',
    source: { transformers: 'granitemoehybrid' },
    architectures: { GraniteMoeHybridForCausalLM: graniteMoeHybrid },
  },
  {
    models: 'Phi-3.5-MoE, Phi-mini-MoE, Phi-tiny-MoE',
    scoring: 'softmax of those close to each choice (SparseMixer)',
    parts: 'layer norms, LongRoPE',
    source: { arXiv: '2409.12136' },
    // The first is what transformers writes, the second what the published configs say.
    architectures: { PhimoeForCausalLM: phimoe, PhiMoEForCausalLM: phimoe },
  },
  {
    models: 'ERNIE 4.5',
    scoring: 'softmax with balancing bias, renormalised',
    parts: 'shared experts, dense layers between',
    source: { transformers: 'ernie4_5_moe' },
    architectures: { Ernie4_5_MoeForCausalLM: ernie4_5Moe },
  },
  {
    models: 'Hunyuan-A13B',
    scoring: 'softmax, renormalised',
    parts: 'QK norm after rotation, shared expert',
    source: { transformers: 'hunyuan_v1_moe' },
    architectures: { HunYuanMoEV1ForCausalLM: hunyuanV1Moe },
  },
  {
    models: 'DBRX',
    scoring: 'softmax, renormalised',
    parts: 'layer norms, clipping',
    source: { transformers: 'dbrx' },
    architectures: { DbrxForCausalLM: dbrx },
  },
  {
    models: 'LFM2 MoE',
    scoring: 'sigmoid with balancing bias, renormalised',
    parts: 'short convolutions, QK norm',
    source: { transformers: 'lfm2_moe' },
    architectures: { Lfm2MoeForCausalLM: lfm2Moe },
  },
  {
    models: 'Jamba',
    scoring: 'softmax',
    parts: 'Mamba, dense layers between',
    source: { arXiv: '2403.19887' },
    architectures: { JambaForCausalLM: jamba },
  },
  {
    models: 'Nemotron 3',
    scoring: 'sigmoid with balancing bias, limited to groups, renormalised, scaled',
    parts: 'Mamba-2, shared experts, experts on a narrower projection',
    source: { arXiv: '2504.03624' },
    architectures: { NemotronHForCausalLM: nemotronH },
  },
  {
    models: 'Switch Transformers',
    scoring: 'softmax; tokens over an expert’s capacity are dropped',
    parts: 'encoder and decoder, relative positions',
    source: { arXiv: '2101.03961' },
    architectures: { SwitchTransformersForConditionalGeneration: switchTransformers },
  },
];

/** The family that an architecture is of; undefined for one that is not supported. */
export function familyOf(architecture: string): Family | undefined {
  return FAMILIES.find(({ architectures }) => Object.hasOwn(architectures, architecture));
}

/** Address of what describes a family's router. */
export function sourceOf({ source }: Family): { readonly title: string; readonly url: string } {
  if ('arXiv' in source) return { title: `arXiv ${source.arXiv}`, url: `https://arxiv.org/abs/${source.arXiv}` };
  const folder = source.transformers;
  return {
    title: `transformers, ${folder}`,
    url: `https://github.com/huggingface/transformers/tree/main/src/transformers/models/${folder}`,
  };
}

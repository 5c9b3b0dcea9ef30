/** Which architectures open, and what is said of those that do not. */
import { ConfigReader } from '../formats/config.ts';
import type { JsonObject } from '../formats/json.ts';
import { UserError } from '../protocol/errors.ts';
import { deepseekV2, deepseekV3 } from './families/deepseek.ts';
import { dots1 } from './families/dots1.ts';
import { gemma4, gemma4Multimodal } from './families/gemma4.ts';
import { glm4Moe, glm4MoeLite } from './families/glm4Moe.ts';
import { gptOss } from './families/gptOss.ts';
import { graniteMoe } from './families/graniteMoe.ts';
import { graniteMoeHybrid } from './families/graniteMoeHybrid.ts';
import { jamba } from './families/jamba.ts';
import { lfm2Moe } from './families/lfm2Moe.ts';
import { llama4, llama4Multimodal } from './families/llama4.ts';
import { minimaxM2 } from './families/minimaxM2.ts';
import { mixtral } from './families/mixtral.ts';
import { nemotronH } from './families/nemotronH.ts';
import { olmoe } from './families/olmoe.ts';
import { qwen3_5Moe, qwen3_5MoeMultimodal, qwen3Next } from './families/qwen3Next.ts';
import { qwen2Moe, qwen3Moe } from './families/qwenMoe.ts';
import type { DecoderSpec } from './spec.ts';

type Family = (config: ConfigReader, architecture: string) => DecoderSpec;

/** By `architectures[0]` of config.json. */
const FAMILIES: Readonly<Record<string, Family>> = {
  DeepseekV2ForCausalLM: deepseekV2,
  DeepseekV3ForCausalLM: deepseekV3,
  Dots1ForCausalLM: dots1,
  Gemma4ForCausalLM: gemma4,
  Gemma4ForConditionalGeneration: gemma4Multimodal,
  Glm4MoeForCausalLM: glm4Moe,
  Glm4MoeLiteForCausalLM: glm4MoeLite,
  GptOssForCausalLM: gptOss,
  GraniteMoeForCausalLM: graniteMoe,
  GraniteMoeHybridForCausalLM: graniteMoeHybrid,
  JambaForCausalLM: jamba,
  Lfm2MoeForCausalLM: lfm2Moe,
  Llama4ForCausalLM: llama4,
  Llama4ForConditionalGeneration: llama4Multimodal,
  MiniMaxM2ForCausalLM: minimaxM2,
  MixtralForCausalLM: mixtral,
  NemotronHForCausalLM: nemotronH,
  OlmoeForCausalLM: olmoe,
  Qwen2MoeForCausalLM: qwen2Moe,
  Qwen3MoeForCausalLM: qwen3Moe,
  Qwen3NextForCausalLM: qwen3Next,
  Qwen3_5MoeForCausalLM: qwen3_5Moe,
  Qwen3_5MoeForConditionalGeneration: qwen3_5MoeMultimodal,
};

export const SUPPORTED_ARCHITECTURES: readonly string[] = Object.keys(FAMILIES);

/** Keys by which the configs of known MoE models count their experts. */
const EXPERT_COUNT_KEYS = [
  'num_experts',
  'num_local_experts',
  'n_routed_experts',
  'moe_num_experts',
  'num_experts_per_tok',
  'moe_topk',
];

/**
 * Describes the model of a config.
 *
 * @throws UserError `not-moe` or `architecture-unsupported` naming the architecture, `config-invalid` naming the key
 */
export function describeModel(config: JsonObject): DecoderSpec {
  const names: unknown = config['architectures'];
  const architecture: unknown = Array.isArray(names) ? names[0] : undefined;
  if (typeof architecture !== 'string') {
    throw new UserError('config-invalid', "The model's config.json names no architecture.");
  }
  const family = Object.hasOwn(FAMILIES, architecture) ? FAMILIES[architecture] : undefined;
  if (family) {
    const reader = new ConfigReader(config);
    return { ...family(reader, architecture), ...readStorage(reader) };
  }
  if (!EXPERT_COUNT_KEYS.some((key) => countsExperts(config, key))) {
    throw new UserError(
      'not-moe',
      `${architecture} is not a mixture-of-experts model: its config.json has no experts.`,
    );
  }
  throw new UserError(
    'architecture-unsupported',
    `${architecture} is not supported yet; the README lists the ${SUPPORTED_ARCHITECTURES.length} architectures that are.`,
  );
}

/** How the weights are stored, where not as plain numbers. */
function readStorage(config: ConfigReader): Pick<DecoderSpec, 'fp8Block'> {
  if (!config.has('quantization_config')) return {};
  const section = config.section('quantization_config');
  const method = section.oneOf('quant_method', ['fp8', 'mxfp4'], 'mxfp4');
  if (method !== 'fp8' || !section.has('weight_block_size')) return {};
  const [rows, columns] = section.sizes('weight_block_size', 2) as [number, number];
  return { fp8Block: [rows, columns] };
}

/** Looks one level down, too: multimodal models keep the language model's config in a section. */
function countsExperts(config: JsonObject, key: string): boolean {
  return [config, ...Object.values(config)].some(
    (section) => typeof section === 'object' && section !== null && Number((section as JsonObject)[key]) > 0,
  );
}

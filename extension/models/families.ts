/** Which architectures open, and what is said of those that do not. */
import { ConfigReader } from '../formats/config.ts';
import type { JsonObject } from '../formats/json.ts';
import { UserError } from '../protocol/errors.ts';
import { mixtral } from './families/mixtral.ts';
import { olmoe } from './families/olmoe.ts';
import { qwen2Moe, qwen3Moe } from './families/qwenMoe.ts';
import type { DecoderSpec } from './spec.ts';

type Family = (config: ConfigReader, architecture: string) => DecoderSpec;

/** By `architectures[0]` of config.json. */
const FAMILIES: Readonly<Record<string, Family>> = {
  MixtralForCausalLM: mixtral,
  OlmoeForCausalLM: olmoe,
  Qwen2MoeForCausalLM: qwen2Moe,
  Qwen3MoeForCausalLM: qwen3Moe,
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
  if (family) return family(new ConfigReader(config), architecture);
  if (!EXPERT_COUNT_KEYS.some((key) => countsExperts(config, key))) {
    throw new UserError(
      'not-moe',
      `${architecture} is not a mixture-of-experts model: its config.json has no experts.`,
    );
  }
  throw new UserError(
    'architecture-unsupported',
    `${architecture} is not supported yet; MoEScope opens ${SUPPORTED_ARCHITECTURES.join(', ')}.`,
  );
}

/** Looks one level down, too: multimodal models keep the language model's config in a section. */
function countsExperts(config: JsonObject, key: string): boolean {
  return [config, ...Object.values(config)].some(
    (section) => typeof section === 'object' && section !== null && Number((section as JsonObject)[key]) > 0,
  );
}

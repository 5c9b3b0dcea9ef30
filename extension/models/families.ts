/** Which architectures open, and what is said of those that do not. */
import * as l10n from '@vscode/l10n';
import { ConfigReader, sectionsOf } from '../formats/config.ts';
import { isJsonObject, type JsonObject } from '../formats/json.ts';
import { UserError } from '../protocol/errors.ts';
import { noExperts } from './families/common.ts';
import { FAMILIES, familyOf, type ReadFamily } from './registry.ts';
import { nearestRelative } from './relatives.ts';
import type { DecoderSpec } from './spec.ts';
import { refuseUnknownKeys } from './unknownKeys.ts';
import type { TensorNames } from './weights.ts';

/** Under which configs count layers. */
const DEPTH_KEYS = ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'];
/** Where multimodal models keep their language model's config: other sections have layers, too. */
const LANGUAGE_SECTIONS = ['text_config', 'language_config', 'llm_config'];

export const SUPPORTED_ARCHITECTURES: readonly string[] = FAMILIES.flatMap(({ architectures }) =>
  Object.keys(architectures),
);

/**
 * Describes the model of a config.
 *
 * @param tensors of the checkpoint; without them its tensors are taken to have the names that they have in most
 * @throws UserError `not-moe` or `architecture-unsupported` naming the architecture, `config-invalid` naming the key
 */
export function describeModel(config: JsonObject, tensors?: TensorNames): DecoderSpec {
  const { name: architecture, read } = architectureOf(config);
  if (architecture === undefined) {
    throw new UserError('config-invalid', l10n.t`The model's config.json names no proper architecture.`);
  }
  if (!hasExperts(config)) throw noExperts(architecture, depth(config));
  if (!read) throw new UserError('architecture-unsupported', unsupportedSentence(architecture, config));
  const reader = new ConfigReader(config);
  const spec = read(reader, architecture, tensors);
  const mixers = [...(spec.encoder?.layers ?? []), ...spec.layers].flat().map(({ mixer }) => mixer.kind);
  if (!mixers.includes('moe')) throw noExperts(architecture, spec.layers.length);
  const storage = readStorage(reader);
  reader.expect('is_causal', true);
  refuseUnknownKeys(reader, architecture, config['text_config']);
  return { ...spec, context: reach(spec), ...storage };
}

function unsupportedSentence(architecture: string, config: JsonObject): string {
  const { nearest, different } = nearestRelative(architecture, config);
  const name = `${nearest} (${familyOf(nearest)?.models ?? ''})`;
  return different === undefined
    ? l10n.t`${architecture} is not supported yet: by its config it resembles ${name}. CONTRIBUTING.md says how to add a family.`
    : l10n.t`${architecture} is not supported yet: nearest is ${name}, but with ${different}. CONTRIBUTING.md says how to add a family.`;
}

/** Positions that a model can tell: more than it was made for where its rotation grows with the text. */
function reach({ layers, context }: DecoderSpec): number {
  const stretches = layers.flat().map(({ mixer }) => {
    const scaling = mixer.kind === 'attention' || mixer.kind === 'mla' ? mixer.rope?.scaling : undefined;
    return scaling?.kind === 'dynamic' ? scaling.factor : 1;
  });
  return Math.floor(context * Math.max(1, ...stretches));
}

/** How the weights are stored, where not as plain numbers. */
function readStorage(config: ConfigReader): Pick<DecoderSpec, 'fp8Block'> {
  if (!config.has('quantization_config')) return {};
  const section = config.section('quantization_config');
  const method = section.oneOf('quant_method', ['fp8', 'mxfp4'], 'mxfp4');
  // How the weights became what they are; each tensor says itself what it is.
  config.knows('quantization_config');
  if (method !== 'fp8' || !section.has('weight_block_size')) return {};
  const [rows, columns] = section.sizes('weight_block_size', 2) as [number, number];
  return { fp8Block: [rows, columns] };
}

/** Whether a config counts any experts: by num_experts, n_routed_experts, num_local_experts, by layer in some, and the like. */
export function hasExperts(config: JsonObject): boolean {
  const counts = sectionsOf(config)
    .flatMap((section) => Object.entries(section))
    .filter(([key, value]) => /(^|_)experts(_per_tok(en)?)?$/.test(key) && value !== null)
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]).map(Number));
  // A supported family has its own default where nothing is said; zero is said.
  return counts.some((count) => count > 0) || (counts.length === 0 && architectureOf(config).read !== undefined);
}

function architectureOf(config: JsonObject): { readonly name?: string; readonly read?: ReadFamily } {
  const names: unknown = config['architectures'];
  const name: unknown = Array.isArray(names) ? names[0] : undefined;
  if (typeof name !== 'string' || !/^\w{1,100}$/.test(name)) return {};
  const read = familyOf(name)?.architectures[name];
  return { name, ...(read ? { read } : {}) };
}

function depth(config: JsonObject): number | undefined {
  const sections = [config, ...LANGUAGE_SECTIONS.map((name) => config[name]).filter(isJsonObject)];
  return DEPTH_KEYS.flatMap((key) => sections.map((section) => section[key])).find(
    (value) => typeof value === 'number',
  );
}

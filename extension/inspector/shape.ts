/** What a config says of a model's layers, also of one that MoEScope cannot run: it may run elsewhere. */
import * as l10n from '@vscode/l10n';
import { join } from 'node:path';
import { readConfig } from '../formats/checkpoint.ts';
import { isJsonObject, type JsonObject } from '../formats/json.ts';
import { isFile } from '../formats/regularFile.ts';
import { describeModel } from '../models/families.ts';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { ModelShape } from '../protocol/server.ts';
import { folderOf } from './inspect.ts';

/** Names under which configs have what they say. */
const KEYS = {
  layers: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
  experts: ['num_experts', 'n_routed_experts', 'num_local_experts', 'moe_num_experts'],
  k: ['num_experts_per_tok', 'num_experts_per_token', 'moe_topk', 'moe_top_k', 'moe_k', 'top_k_experts'],
  denseFirst: ['first_k_dense_replace', 'moe_layer_start_index', 'num_dense_layers'],
  step: ['decoder_sparse_step', 'moe_layer_freq', 'interleave_moe_layer_step'],
} as const;
const MAX_LAYERS = 4096;
const MAX_EXPERTS = 0xfffe;

/**
 * @param path a checkpoint folder, a file in one, or a repository of the hub's cache
 * @throws UserError naming what the config lacks
 */
export async function modelShape(path: string): Promise<ModelShape> {
  const folder = await folderOf(path);
  const config = await readConfig(folder);
  const tokenizer = await isFile(join(folder, 'tokenizer.json'));
  return { folder, ...(supportedShape(config) ?? plainShape(config)), tokenizer };
}

type Shape = Omit<ModelShape, 'folder' | 'tokenizer'>;

/** As the model's family has it; undefined for a family that is not known. */
function supportedShape(config: JsonObject): Shape | undefined {
  try {
    const { architecture, layers, hiddenSize, vocabulary, context } = describeModel(config);
    const moeLayers = layers.flatMap((blocks, layer) =>
      blocks.flatMap(({ mixer }) =>
        mixer.kind === 'moe' ? [{ layer, experts: mixer.router.experts, k: mixer.router.k }] : [],
      ),
    );
    return { architecture, layers: layers.length, moeLayers, hiddenSize, vocabulary, context };
  } catch (error) {
    if (isUserError(error) && error.code !== 'not-moe') return undefined;
    throw error;
  }
}

/** As most configs say it: all layers but the first few have experts, or every so many. */
function plainShape(config: JsonObject): Shape {
  const inner = [config['text_config'], config].filter(isJsonObject);
  const number = (names: readonly string[]): number | undefined =>
    inner
      .flatMap((section) => names.map((name) => section[name]))
      .find((n) => typeof n === 'number' && Number.isInteger(n)) as number | undefined;
  const [layers, experts, k] = [number(KEYS.layers) ?? 0, number(KEYS.experts) ?? 0, number(KEYS.k) ?? 0];
  if (layers < 1 || layers > MAX_LAYERS || experts < 1 || experts > MAX_EXPERTS || k < 1 || k > experts) {
    throw new UserError(
      'config-invalid',
      l10n.t`The model's config.json does not say how many layers, experts and experts per token it has.`,
    );
  }
  const first = number(KEYS.denseFirst) ?? 0;
  const step = Math.max(1, number(KEYS.step) ?? 1);
  const dense = new Set(inner.flatMap((section) => section['mlp_only_layers']));
  const numbers = Array.from({ length: layers }, (_, layer) => layer);
  const moe = numbers.filter(
    (layer) => layer >= first && (step === 1 || (layer + 1) % step === 0) && !dense.has(layer),
  );
  const names: unknown = config['architectures'];
  return {
    architecture: Array.isArray(names) && typeof names[0] === 'string' ? names[0].slice(0, 100) : '',
    layers,
    moeLayers: moe.map((layer) => ({ layer, experts, k })),
    hiddenSize: number(['hidden_size', 'd_model']) ?? 0,
    vocabulary: number(['vocab_size']) ?? 0,
    context: number(['max_position_embeddings', 'max_seq_len']) ?? 0,
  };
}

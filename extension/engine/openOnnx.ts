import * as l10n from '@vscode/l10n';
import { basename, dirname } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { OnnxFacts } from '../formats/onnxFolder.ts';
import { neededMemory } from '../models/fitting.ts';
import { tapForeign, type ForeignModel } from '../models/foreign/foreignModel.ts';
import { foreignWeights } from '../models/foreign/parameters.ts';
import { readForeign } from '../models/foreign/readForeign.ts';
import type { RouterSet } from '../models/foreign/findRouters.ts';
import type { ModelRequest } from '../protocol/engine.ts';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { LayerShape, ModelInfo } from '../protocol/trace.ts';
import { ForeignSequence, reasonOf, type ForeignSession } from './foreignSequence.ts';
import { explainedOpening, requireMemory } from './memory.ts';
import type { OpenModel, OpenOptions } from './model.ts';
import { chooseAttention, CPU, sessionOptions } from './device.ts';
import { Tokenizer } from './tokenizer.ts';

const CHUNK_TOKENS = 512;
/** Bytes of vocabulary logits in memory at a time: of a chunk, or of a whole window where there is no cache. */
const CHUNK_LOGITS = 128 * 2 ** 20;
const WINDOW_LOGITS = 512 * 2 ** 20;
/** Tokens of a window where nothing tells the model's context. */
const UNKNOWN_CONTEXT = 2048;

/** Opens an ONNX file that others exported, with taps on its routers. Throws UserError. */
export async function openOnnx(request: ModelRequest, file: string, options: OpenOptions): Promise<OpenModel> {
  const { foreign, facts, folder } = await readForeign(file);
  const set = chosenSet(foreign, request.router);
  const { vocabulary, ports } = foreign;
  const tokenizer = await Tokenizer.open(folder, vocabulary);
  const info = modelInfo(request, foreign, facts, set);
  if (!['auto', info.precision].includes(request.precision) || !['auto', 'cpu'].includes(request.provider)) {
    throw new UserError(
      'precision-unsupported',
      l10n.t`This ONNX model runs as it was exported, in ${info.precision} on the CPU; set precision and provider to auto.`,
    );
  }
  const needed = neededMemory(foreign.file.weightBytes, info.precision);
  requireMemory(needed, l10n.t`This model in ${info.precision}`, 'model-too-large');
  options.progress('load', 0, 0);
  const graph = tapForeign(foreign, set);
  const session = await createSession(graph.bytes, foreign, request.threads, options.profile);
  const model: ForeignSession = { session, graph, moeLayers: info.moeLayers };
  const rows = Math.floor(CHUNK_LOGITS / (vocabulary * Float32Array.BYTES_PER_ELEMENT));
  const cacheless = ports.caches.length === 0;
  return {
    info,
    tokenizer,
    chunk: cacheless ? info.context : Math.max(16, Math.min(CHUNK_TOKENS, rows)),
    cacheless,
    // Without a cache nothing tells whether tokens see those after them.
    beginsAlike: () => !cacheless,
    sequence: (capacity) => new ForeignSequence(model, capacity),
    ...(options.profile === undefined
      ? {}
      : {
          endProfile: () => {
            session.endProfiling();
          },
        }),
    close: () => session.release(),
  };
}

function chosenSet({ sets, file }: ForeignModel, router: string | undefined): RouterSet {
  const named = router === undefined ? undefined : sets.find(({ candidate }) => candidate.id === router);
  if (named) return named;
  const [first] = sets as readonly [RouterSet];
  if (sets.length === 1 && router === undefined) return first;
  const known = sets.map(
    ({ candidate: { id, pattern, layers } }) => l10n.t`${id} (${pattern}, ${layers.length} layers)`,
  );
  throw new UserError(
    'router-ambiguous',
    router === undefined
      ? l10n.t`${file.path} has more than one thing that may be its routers: ${known.join('; ')}. Choose one.`
      : l10n.t`${file.path} has no router ${router}; it has ${known.join('; ')}.`,
  );
}

async function createSession(
  bytes: Uint8Array,
  { file }: ForeignModel,
  threads: number,
  profile: string | undefined,
): Promise<InferenceSession> {
  try {
    // What goes wrong is in the error: ONNX Runtime need not write it to the terminal, too.
    const options = sessionOptions(
      { ...CPU, ...(profile === undefined ? {} : { profile }) },
      file.weightFolder,
      threads,
      [],
    );
    // Its attention may have any number of heads.
    chooseAttention(Infinity);
    return await InferenceSession.create(bytes, { ...options, logSeverityLevel: 4 });
  } catch (thrown) {
    const error = explainedOpening(thrown);
    if (isUserError(error)) throw error;
    throw new UserError(
      'architecture-unsupported',
      l10n.t`ONNX Runtime cannot load ${file.path}: ${reasonOf(error)}.`,
      {
        cause: error,
      },
    );
  }
}

function modelInfo(
  request: ModelRequest,
  { file, ports, vocabulary, hiddenSize, producer, index }: ForeignModel,
  facts: OnnxFacts,
  { candidate }: RouterSet,
): ModelInfo {
  const moeLayers = candidate.layers.map(({ layer, experts, k }): LayerShape => {
    return { layer, experts, k, candidates: Math.min(experts, 2 * k) };
  });
  const most = Math.max(1, Math.floor(WINDOW_LOGITS / (vocabulary * Float32Array.BYTES_PER_ELEMENT)));
  const limits = [facts.context ?? UNKNOWN_CONTEXT, ...(ports.caches.length > 0 ? [] : [most])];
  return {
    name: nameOf(file.path),
    folder: request.folder,
    architecture: facts.architecture ?? producer,
    layers: candidate.counted ? 0 : Math.max(facts.layers ?? 0, ...moeLayers.map(({ layer }) => layer + 1)),
    moeLayers,
    scoring: candidate.scoring,
    hiddenSize,
    vocabulary,
    context: Math.min(...limits, ...(request.context > 0 ? [request.context] : [])),
    ...foreignWeights(index, moeLayers),
    provider: 'cpu',
    ...(candidate.counted
      ? {
          note: l10n.t`This ONNX model does not number its MoE layers. They are counted from 0, without the layers that have no experts, which cannot be recognised.`,
        }
      : {}),
  };
}

/** The folder's name where the file's says nothing. */
function nameOf(path: string): string {
  const name = basename(path, '.onnx');
  if (name !== 'model') return name;
  const folder = dirname(path);
  return basename(basename(folder) === 'onnx' ? dirname(folder) : folder);
}

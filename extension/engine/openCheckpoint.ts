import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { readCheckpoint, type Checkpoint } from '../formats/checkpoint.ts';
import { modelName } from '../formats/modelName.ts';
import { bytesPerToken, type KvCache } from '../models/blocks/attention.ts';
import { cutDecoder } from '../models/cutDecoder.ts';
import { buildDecoder, decoderInForm, type DecoderGraphs } from '../models/decoder.ts';
import { neededMemory } from '../models/fitting.ts';
import { footprint } from '../models/footprint.ts';
import { layerKinds } from '../models/layerKinds.ts';
import { passTokens, scoreBytes } from '../models/passTokens.ts';
import { blockFormat } from '../models/quantization.ts';
import { turnsAlike } from '../models/rope.ts';
import { skippedParts } from '../models/skipped.ts';
import type { DecoderSpec } from '../models/spec.ts';
import type { RouterTap } from '../models/stack.ts';
import { describeCheckpoint } from '../models/tying.ts';
import type { ModelRequest } from '../protocol/engine.ts';
import { messageOf, UserError } from '../protocol/errors.ts';
import type { LayerShape, ModelInfo, Precision } from '../protocol/trace.ts';
import { CutModel, type CreateSession } from './cutModel.ts';
import { chooseAttention, formFor, sessionOptions, type Device } from './device.ts';
import { encode, type Encoder } from './encode.ts';
import { Head } from './head.ts';
import type { MeasurableModel } from './measure.ts';
import { explainedFailure, freeFor, requireMemory } from './memory.ts';
import type { OpenModel, OpenOptions } from './model.ts';
import { choosePrecision } from './precision.ts';
import { openProven } from './provider.ts';
import { DecoderSequence } from './sequence.ts';
import { Tokenizer } from './tokenizer.ts';
import { cachedWeights } from './weightCache.ts';

/** A checkpoint's model, as graphs of ours. */
export interface CheckpointModel extends OpenModel {
  readonly graphs: DecoderGraphs;
  readonly body: InferenceSession;
  readonly head: InferenceSession;
  readonly device: Device;
}

/**
 * Opens a checkpoint folder: reads its config and headers, writes its weights to the cache if they are not there, builds
 * the graphs and creates the sessions. Throws UserError.
 */
export async function openCheckpoint(request: ModelRequest, options: OpenOptions): Promise<CheckpointModel> {
  if (request.precision === 'float16' && request.provider !== 'webgpu') {
    throw new UserError(
      'precision-unsupported',
      l10n.t`float16 is for graphics cards: choose webgpu with it. On the CPU float32, int8 and int4 run.`,
    );
  }
  const checkpoint = await readCheckpoint(request.folder);
  const spec = await describeCheckpoint(checkpoint);
  const tokenizer = await Tokenizer.open(request.folder, spec.vocabulary);
  const { graphs, taken } = buildToFit(request, spec, checkpoint, options);
  const skipped = skippedParts(checkpoint.tensors, graphs.plan, spec).map(({ what }) => what);
  const held = cachedWeights(graphs.plan, {
    cache: request.cache,
    importer: options.importer,
    limit: request.cacheLimit * 1e9,
    progress: (done, total) => {
      options.progress('import', done, total);
    },
    signal: options.signal,
    log: options.log,
  });
  const { folder, release } = await held.catch((error: unknown) => {
    throw explainedFailure(error, taken);
  });
  options.progress('load', 0, 0);
  const proven = { ...options, content: basename(folder), precision: taken };
  const opened = openProven(request, proven, async (device) => {
    const onCpu = device.provider === 'cpu';
    const built = onCpu ? graphs : decoderInForm(spec, graphs.plan, formFor(device.provider, taken));
    // Float16 is compared with float32: the CPU has nothing nearer.
    const precision = onCpu && taken === 'float16' ? 'float32' : taken;
    const info = { ...modelInfo(request, spec, built, device, precision), ...(skipped.length > 0 ? { skipped } : {}) };
    // A trial of a device makes a profile of its own.
    const profiled = { ...(options.profile === undefined ? {} : { profile: options.profile }), ...device };
    return openDecoder(spec, built, folder, request.threads, { tokenizer, info, device: profiled });
  });
  try {
    const model = await opened;
    const close = async (): Promise<void> => {
      await model.close();
      await release();
    };
    return { ...model, close };
  } catch (error) {
    await release();
    throw explainedFailure(error, taken);
  }
}

async function openDecoder(
  spec: DecoderSpec,
  graphs: DecoderGraphs,
  weightFolder: string,
  threads: number,
  { tokenizer, info, device }: Pick<CheckpointModel, 'tokenizer' | 'info' | 'device'>,
): Promise<CheckpointModel> {
  const chunk = Math.min(device.chunk, passTokens(spec, graphs.plan.bytes));
  const create = (bytes: Uint8Array, caches: readonly KvCache[]): Promise<InferenceSession> => {
    chooseAttention(scoreBytes(spec, chunk, info.context));
    return InferenceSession.create(bytes, sessionOptions(device, weightFolder, threads, caches));
  };
  const encoder: Encoder | undefined = graphs.encoder && {
    graph: graphs.encoder,
    session: await create(graphs.encoder.bytes, []),
  };
  const body = await create(graphs.body.bytes, graphs.body.caches);
  const head = await create(graphs.head.bytes, []);
  let parts: Promise<MeasurableModel> | undefined;
  const sequence = (capacity: number): DecoderSequence => new DecoderSequence(model, capacity);
  const model: CheckpointModel = {
    info,
    tokenizer,
    graphs,
    body,
    head,
    device,
    chunk,
    cacheless: false,
    beginsAlike: (a, b) => !encoder && graphs.body.ropes.every(({ rope }) => turnsAlike(rope, a, b)),
    nodes: graphs.body.nodes + (graphs.encoder?.nodes ?? 0),
    sequence,
    ...(encoder && spec.encoder
      ? {
          answers: {
            decoderStart: spec.encoder.decoderStart,
            encode: (ids, each) => encode(encoder, info, ids, each),
            sequence,
          },
        }
      : {}),
    measurable: () => {
      parts ??= openParts(spec, graphs, model, (bytes) => create(bytes, []));
      // What failed may do better next time, with more memory.
      parts.catch(() => (parts = undefined));
      return parts;
    },
    endProfile: () => {
      for (const session of [encoder?.session, body, head]) session?.endProfiling();
    },
    close: async () => {
      await (await parts?.catch(() => undefined))?.cut.close();
      await encoder?.session.release();
      await body.release();
      await head.release();
    },
  };
  return model;
}

async function openParts(
  spec: DecoderSpec,
  graphs: DecoderGraphs,
  { device, info, head, chunk }: CheckpointModel,
  create: CreateSession,
): Promise<MeasurableModel> {
  if (device.provider !== 'cpu') {
    throw new UserError(
      'precision-unsupported',
      l10n.t`Interventions are measured on the CPU, and this model runs on ${device.provider}: set the provider to cpu.`,
    );
  }
  try {
    requireMemory(
      neededMemory(graphs.plan.bytes, info.precision),
      l10n.t`A second copy of the model, for interventions,`,
    );
  } catch (error) {
    throw new UserError('precision-unsupported', l10n.t`${messageOf(error)} A smaller precision takes less.`, {
      cause: error,
    });
  }
  return {
    info,
    cut: await CutModel.open(cutDecoder(spec, graphs.plan), create),
    head: new Head(head, graphs.head, info),
    chunk,
    ...(spec.encoder ? { decoderStart: spec.encoder.decoderStart } : {}),
  };
}

/** The graphs for the CPU in the precision that was asked for, or in the most exact that fits. Throws UserError. */
function buildToFit(
  request: ModelRequest,
  spec: DecoderSpec,
  { tensors }: Checkpoint,
  { log }: OpenOptions,
): { readonly graphs: DecoderGraphs; readonly taken: Precision } {
  const exact = buildDecoder(spec, tensors);
  const { bytes } = footprint(spec, exact.plan);
  const free = freeFor(neededMemory(bytes.float32.total, 'float32'));
  const { precision, why } = choosePrecision(request.precision, bytes, free);
  log?.(l10n.t`${modelName(request.folder)} runs in ${precision}: ${why}.`);
  const blocks = blockFormat(precision);
  return { graphs: blocks ? buildDecoder(spec, tensors, blocks) : exact, taken: precision };
}

function modelInfo(
  request: ModelRequest,
  spec: DecoderSpec,
  graphs: DecoderGraphs,
  { provider, note }: Device,
  precision: Precision,
): ModelInfo {
  const shapes = (taps: readonly RouterTap[], stack: Pick<LayerShape, 'stack'>): LayerShape[] =>
    taps.map(({ layer, spec: { experts, k }, kept }) => {
      // As many runners-up as chosen experts: what re-routing to the next best can need. Where a limit drops a token, the expert
      // that it wanted takes a place among them.
      return { layer, ...stack, experts, k, candidates: Math.min(experts, 2 * k + (kept === undefined ? 0 : 1)) };
    });
  const moeLayers = graphs.encoder
    ? [...shapes(graphs.encoder.taps, { stack: 'encoder' }), ...shapes(graphs.body.taps, { stack: 'decoder' })]
    : shapes(graphs.body.taps, {});
  const taps = [...(graphs.encoder?.taps ?? []), ...graphs.body.taps];
  const [scoring, ...others] = new Set(taps.map((tap) => tap.spec.scoring));
  const { parameters, bytes, experts } = footprint(spec, graphs.plan);
  return {
    name: modelName(request.folder),
    folder: request.folder,
    architecture: spec.architecture,
    layers: spec.layers.length + (spec.encoder?.layers.length ?? 0),
    moeLayers,
    ...(scoring === undefined || others.length > 0 ? {} : { scoring }),
    hiddenSize: spec.hiddenSize,
    vocabulary: spec.vocabulary,
    context: request.context > 0 ? Math.min(request.context, spec.context) : spec.context,
    parameters: { total: parameters.total, active: parameters.active },
    anatomy: {
      layers: layerKinds(spec).layers,
      parameters: parameters.parts,
      bytes: bytes[precision].parts,
      experts: experts.map((expert) => ({ parameters: expert.parameters, bytes: expert.bytes[precision] })),
      cacheBytes: graphs.body.caches.reduce((sum, cache) => sum + bytesPerToken(cache), 0),
    },
    precision,
    provider,
    ...(note === undefined ? {} : { note }),
  };
}

/** What runs a model, and how sessions are made for it. */
import { availableParallelism } from 'node:os';
import type { InferenceSession } from 'onnxruntime-node';
import type { KvCache } from '../models/blocks/attention.ts';
import { CPU_FORM, type GraphForm } from '../models/graph.ts';
import type { Precision, Provider } from '../protocol/trace.ts';

export interface Device {
  readonly provider: Provider;
  /** Most tokens of a pass. */
  readonly chunk: number;
  /** Beginning of the path of a profile of what runs until `endProfile`; absent when none is made. */
  readonly profile?: string;
  /** What the user should know of how it came to be chosen, in a sentence. */
  readonly note?: string;
}

/** Tokens a pass: enough rows for each expert's matrix product, soon enough for progress and for cancelling. */
export const CHUNK_TOKENS = 512;

export const CPU: Device = { provider: 'cpu', chunk: CHUNK_TOKENS };

/** How graphs are written for a provider: on the CPU float16 is slower than float32 and not offered. */
export function formFor(provider: Provider, precision: Precision): GraphForm {
  if (provider === 'cpu') return CPU_FORM;
  return {
    activations: precision === 'float16' ? 'float16' : 'float32',
    expertRows: 'slice',
    product: 'Gemm',
    caches: 'all',
    blockActivations: 'none',
  };
}

/**
 * How long a thread waits for the next product before it sleeps; to wake takes some 50 µs. Passes of up to 128 tokens take a tenth
 * less time with it, and hardly more of the processor's; with much longer that shows.
 */
const SPIN_US = 100;

/** What the scores of a layer's queries may take; 16 heads with a context of 4,096 tokens take half of it. */
const SCORES_BYTES = 256 * 2 ** 20;

/**
 * How attention is computed in sessions that are made from now on: all of a head's scores as one product where they fit, else in
 * blocks with a running softmax (arXiv 2205.14135), whose many small products take up to a fifth longer where heads are narrow.
 * ONNX Runtime 1.30 knows it from the environment, when a session is made.
 *
 * @param scoreBytes what all scores of a layer may take at a time
 */
export function chooseAttention(scoreBytes: number): void {
  process.env['ORT_GQA_DISABLE_FLASH_ATTENTION'] = scoreBytes <= SCORES_BYTES ? '1' : '0';
}

/**
 * @param weightFolder where the graph's weights lie
 * @param threads 0 leaves one core to the editor where there are more than two
 * @param caches what of the graph's outputs is to stay on the device
 */
export function sessionOptions(
  { provider, profile }: Device,
  weightFolder: string,
  threads: number,
  caches: readonly KvCache[],
): InferenceSession.SessionOptions {
  const cores = availableParallelism();
  const stay = caches.flatMap(({ presentKey, presentValue }) => [presentKey, presentValue]);
  return {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: threads > 0 ? threads : cores > 2 ? cores - 1 : cores,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // A plan of all buffers at once: it saves no time, and takes memory for each layer as if the others had none to give back.
    enableMemPattern: false,
    // What fails on other devices is caught and told in a sentence.
    logSeverityLevel: provider === 'cpu' ? 3 : 4,
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    ...(provider === 'webgpu' && stay.length > 0
      ? { preferredOutputLocation: Object.fromEntries(stay.map((name) => [name, 'gpu-buffer'])) }
      : {}),
    extra: {
      // ONNX Runtime 1.30 drops a reshape when it moves norms of queries into WebGPU's attention, and fails on its own result.
      ...(provider === 'webgpu'
        ? { optimization: { disable_specified_optimizers: 'GroupQueryAttentionPreNormFusion' } }
        : {}),
      session: {
        // Threads that spin while they wait would take the core that the editor types on. So long, they save a sleep between two
        // products that follow one another.
        intra_op: { allow_spinning: '1', spin_duration_us: String(SPIN_US) },
        inter_op: { allow_spinning: '0' },
        model_external_initializers_file_folder_path: weightFolder,
      },
    },
  };
}

/** Real routing of a bundled model for its sample texts, as transformers computed it (test/fixtures/demo). */
import { readFileSync } from 'node:fs';
import type { LayerTrace, RoutingTrace } from '../../extension/protocol/trace.ts';

const FOLDER = new URL('../fixtures/demo/', import.meta.url);
const LAYERS = 6;
const EXPERTS = 16;
const K = 2;

export interface TracedText {
  readonly trace: RoutingTrace;
  readonly text: readonly string[];
}

export function demoTrace(name: 'balanced' | 'collapsed', file: string): TracedText {
  const read = tensors(readFileSync(new URL(`${name}.safetensors`, FOLDER)));
  const { files, inputs } = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as {
    files: string[];
    inputs: string[];
  };
  const at = files.indexOf(file);
  const ids = Int32Array.from(new BigInt64Array(read(`input_ids.${at}`)), Number);
  const offsets = new Int32Array(read(`offsets.${at}`));
  const points = Array.from(inputs[at]!);
  const tokens = ids.length;
  const text = Array.from(ids, (_, t) => points.slice(offsets[2 * t], offsets[2 * t + 1]).join(''));
  const layers = Array.from({ length: LAYERS }, (_, l): LayerTrace => {
    const router = new Float32Array(read(`router.${at}.${l}`));
    return {
      layer: l,
      experts: EXPERTS,
      k: K,
      candidates: K,
      chosen: Uint16Array.from(new Int32Array(read(`topk_index.${at}.${l}`))),
      weight: new Float32Array(read(`topk_weight.${at}.${l}`)),
      entropy: Float32Array.from({ length: tokens }, (_, t) => entropy(softmax(router, t))),
      margin: Float32Array.from({ length: tokens }, (_, t) => {
        const sorted = softmax(router, t).sort((a, b) => b - a);
        return sorted[K - 1]! - sorted[K]!;
      }),
      probSum: new Float64Array(EXPERTS),
      logSumExpSq: 0,
    };
  });
  const logProb = new Float32Array(read(`logprob.${at}`));
  const end = Uint32Array.from(offsets.filter((_, i) => i % 2 === 1));
  const start = Uint32Array.from(offsets.filter((_, i) => i % 2 === 0));
  const trace: RoutingTrace = {
    tokens: { ids, start, end, logProb },
    layers,
    windows: new Uint32Array(1),
    routed: tokens,
    origin: {
      source: 'recorded',
      model: {
        name,
        folder: '',
        architecture: 'MixtralForCausalLM',
        layers: LAYERS,
        moeLayers: layers.map(({ layer, experts, k, candidates }) => ({ layer, experts, k, candidates })),
        scoring: 'softmax',
        hiddenSize: 128,
        vocabulary: 8192,
        context: 512,
        parameters: { total: 1, active: 1 },
        precision: 'float32',
        provider: 'CPU',
      },
    },
  };
  return { trace, text };
}

function softmax(logits: Float32Array, row: number): number[] {
  const exps = Array.from(logits.subarray(row * EXPERTS, (row + 1) * EXPERTS), Math.exp);
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((e) => e / sum);
}

function entropy(p: readonly number[]): number {
  return p.reduce((h, x) => (x > 0 ? h - x * Math.log(x) : h), 0);
}

/** Bytes of a tensor of a safetensors file by name. */
function tensors(file: Buffer): (name: string) => ArrayBuffer {
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  return (name) => {
    const [from, to] = header[name]!.data_offsets;
    const start = file.byteOffset + 8 + headerLength;
    return file.buffer.slice(start + from, start + to) as ArrayBuffer;
  };
}

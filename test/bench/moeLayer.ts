/** One MoE layer as the engine runs it, with weights made up, for benchmarks of its own. */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { CPU, sessionOptions } from '../../extension/engine/device.ts';
import { moe } from '../../extension/models/blocks/moe.ts';
import { WEIGHT_FILE } from '../../extension/models/decoder.ts';
import { Graph } from '../../extension/models/graph.ts';
import { blockFormat } from '../../extension/models/quantization.ts';
import type { LinearSpec, MoeSpec } from '../../extension/models/spec.ts';
import { WeightPlan } from '../../extension/models/weights.ts';

export const HIDDEN = 512;
export const INTERMEDIATE = 256;
const THREADS = 2;

/** Weights that are all zeros but for the router's, which spread the tokens: what is multiplied does not change the time. */
export function writeWeights(folder: string, name: string, bytes: number, router: Float32Array, at: number): void {
  const file = openSync(join(folder, name), 'w');
  ftruncateSync(file, bytes);
  writeSync(file, new Uint8Array(router.buffer), 0, router.byteLength, at);
  closeSync(file);
}

export function random(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** A layer of so many experts, of which each token visits k. */
export function layer(experts: number, k: number): MoeSpec {
  const matrix = (name: string, rows: number, columns: number): LinearSpec => ({
    weight: { name, shape: [rows, columns] },
  });
  return {
    kind: 'moe',
    router: {
      projection: matrix('router', experts, HIDDEN),
      experts,
      k,
      scoring: 'softmax',
      renormalize: { epsilon: 0 },
    },
    expert: (e) => ({
      kind: 'mlp',
      intermediateSize: INTERMEDIATE,
      activation: 'silu',
      gate: matrix(`${e}.gate`, INTERMEDIATE, HIDDEN),
      up: matrix(`${e}.up`, INTERMEDIATE, HIDDEN),
      down: matrix(`${e}.down`, HIDDEN, INTERMEDIATE),
    }),
  };
}

export async function open(folder: string, graph: Uint8Array): Promise<InferenceSession> {
  return InferenceSession.create(graph, sessionOptions(CPU, folder, THREADS, []));
}

/** The layer as the engine runs it. */
export async function ours(
  folder: string,
  experts: number,
  k: number,
  precision: 'float32' | 'int4',
): Promise<InferenceSession> {
  const spec = layer(experts, k);
  const { projection } = spec.router;
  const networks = Array.from({ length: experts }, (_, e) => spec.expert(e));
  const matrices = [projection, ...networks.flatMap(({ gate, up, down }) => [gate as LinearSpec, up, down])];
  const tensors = new Map(
    matrices.map(({ weight: { name, shape } }) => {
      const bytes = 4 * shape.reduce((a, b) => a * b);
      return [name, { name, dtype: 'F32', shape, offset: 0, bytes, file: '', state: '' }] as const;
    }),
  );
  const blocks = blockFormat(precision);
  const plan = new WeightPlan(tensors, blocks ? { blocks } : {});
  const graph = new Graph(WEIGHT_FILE);
  const x = graph.input('x', 'float32', ['tokens', HIDDEN]);
  graph.output(moe(graph, plan, x, spec, HIDDEN).output, 'float32', ['tokens', HIDDEN]);
  const router = plan.weights.find(({ name }) => name === 'router')!;
  writeWeights(folder, WEIGHT_FILE, plan.bytes, random(experts * HIDDEN), router.offset);
  return open(folder, graph.bytes('ours'));
}

/** How near the engine is to what the machine can do at all. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { CheckpointModel } from '../../extension/engine/openCheckpoint.ts';
import { Graph } from '../../extension/models/graph.ts';

/** Rows and columns of matrices whose product is bound by nothing but the processor. */
const SIZE = 1024;
/** So many that the machine lends both cores in full for one of them. */
const RUNS = 99;

/**
 * Floating-point operations that prefill cannot do without: two a token and active parameter, embeddings that are only
 * looked up left out, and the two triangular products of causal attention.
 */
export function operations({ info, graphs }: CheckpointModel, tokens: number): number {
  const tied = graphs.plan.weights.filter(({ shape }) => shape[0] === info.vocabulary).length < 2;
  const used = info.parameters.active - (tied ? 0 : info.vocabulary * info.hiddenSize);
  const attention = graphs.body.caches.length * info.hiddenSize * 2 * tokens * tokens;
  return 2 * tokens * used + attention;
}

/** Floating-point operations a millisecond of one large product of float32 matrices, on as many threads: the best of some. */
export async function machineRate(threads: number): Promise<number> {
  const graph = new Graph('');
  const shape = [SIZE, SIZE];
  const [a, b] = [graph.input('a', 'float32', shape), graph.input('b', 'float32', shape)];
  const product = graph.output(graph.op('MatMul', [a, b]), 'float32', shape);
  const session = await InferenceSession.create(graph.bytes('product'), { intraOpNumThreads: threads });
  const values = (): Tensor => new Tensor('float32', new Float32Array(SIZE * SIZE).fill(0.5), shape);
  const feeds = { [a]: values(), [b]: values() };
  let best = Infinity;
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    await session.run(feeds, [product]);
    best = Math.min(best, performance.now() - start);
  }
  await session.release();
  return (2 * SIZE ** 3) / best;
}

import type { Graph, Value } from '../graph.ts';
import type { TensorSpec, WeightPlan } from '../weights.ts';

/**
 * x · Wᵀ for x [n, in] and W [out, in], which is how checkpoints store it: no transposed copy is needed. Several tensors
 * give their outputs side by side from one product.
 */
export function linear(graph: Graph, plan: WeightPlan, x: Value, ...tensors: readonly TensorSpec[]): Value {
  return graph.op('Gemm', [x, graph.weight(plan.take(...tensors))], { transB: 1 });
}

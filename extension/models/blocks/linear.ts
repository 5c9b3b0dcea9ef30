import type { Graph, Value } from '../graph.ts';
import type { LinearSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';

/**
 * x · Wᵀ + b for x [n, in] and W [out, in], which is how checkpoints store it: no transposed copy is needed. Several
 * projections give their outputs side by side from one product; all or none of them have a bias. A transposed weight comes
 * alone.
 */
export function linear(graph: Graph, plan: WeightPlan, x: Value, ...projections: readonly LinearSpec[]): Value {
  const inputs = [x, graph.weight(plan.take(...projections.map((p) => p.weight)))];
  const biases = projections.flatMap((p) => (p.bias ? [p.bias] : []));
  if (biases.length > 0) inputs.push(graph.weight(plan.take(...biases)));
  return graph.op('Gemm', inputs, { transB: projections[0]?.transposed ? 0 : 1 });
}

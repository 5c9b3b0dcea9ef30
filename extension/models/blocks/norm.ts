import type { Graph, Value } from '../graph.ts';
import type { NormSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';

/** Root mean square norm of x along its last axis. */
export function rmsNorm(graph: Graph, plan: WeightPlan, x: Value, norm: NormSpec): Value {
  return graph.op('SimplifiedLayerNormalization', [x, graph.weight(plan.take(norm.weight))], {
    axis: -1,
    epsilon: { float: norm.epsilon },
  });
}

/** Adds a branch to the residual stream and norms the sum, in one pass over memory. */
export function addAndNorm(
  graph: Graph,
  plan: WeightPlan,
  branch: Value,
  residual: Value,
  norm: NormSpec,
): { normed: Value; residual: Value } {
  const weight = graph.weight(plan.take(norm.weight));
  const outputs = graph.ops('SkipSimplifiedLayerNormalization', [branch, residual, weight], 4, {
    epsilon: { float: norm.epsilon },
  });
  return { normed: outputs[0]!, residual: outputs[3]! };
}

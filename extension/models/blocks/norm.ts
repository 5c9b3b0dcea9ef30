import type { Graph, Value } from '../graph.ts';
import type { NormSpec } from '../spec.ts';
import type { TensorSpec, WeightPlan } from '../weights.ts';

/** Root mean square norm of x along its last axis. */
export function rmsNorm(graph: Graph, plan: WeightPlan, x: Value, norm: NormSpec): Value {
  if (!norm.weight) {
    const mean = graph.op('ReduceMean', [graph.op('Mul', [x, x]), graph.ints([-1])], { keepdims: 1 });
    const root = graph.op('Sqrt', [graph.op('Add', [mean, graph.float(norm.epsilon)])]);
    return graph.op('Div', [x, root]);
  }
  return graph.op('SimplifiedLayerNormalization', [x, factors(graph, plan, norm.weight, norm)], {
    axis: -1,
    epsilon: { float: norm.epsilon },
  });
}

function factors(graph: Graph, plan: WeightPlan, weight: TensorSpec, { zeroCentred }: NormSpec): Value {
  const learned = graph.weight(plan.take(weight));
  return zeroCentred ? graph.op('Add', [learned, graph.float(1)]) : learned;
}

/** Adds a branch to the residual stream and norms the sum, in one pass over memory. */
export function addAndNorm(
  graph: Graph,
  plan: WeightPlan,
  branch: Value,
  residual: Value,
  norm: NormSpec,
): { normed: Value; residual: Value } {
  if (!norm.weight) {
    const sum = graph.op('Add', [branch, residual]);
    return { normed: rmsNorm(graph, plan, sum, norm), residual: sum };
  }
  const weight = factors(graph, plan, norm.weight, norm);
  const outputs = graph.ops('SkipSimplifiedLayerNormalization', [branch, residual, weight], 4, {
    epsilon: { float: norm.epsilon },
  });
  return { normed: outputs[0]!, residual: outputs[3]! };
}

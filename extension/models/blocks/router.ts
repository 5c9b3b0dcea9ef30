import type { Graph, Value } from '../graph.ts';
import type { RouterSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { linear } from './linear.ts';

/** A router's decision, T tokens. */
export interface Routing {
  /** Raw router logits; [T, E]. */
  readonly logits: Value;
  /** Probabilities of all experts; [T, E]. */
  readonly scores: Value;
  /** Chosen experts, highest score first; int64 [T, k]. */
  readonly experts: Value;
  /** What the chosen experts' outputs are multiplied by; [T, k]. */
  readonly weights: Value;
}

/** Routes x [T, H]. */
export function route(graph: Graph, plan: WeightPlan, x: Value, spec: RouterSpec): Routing {
  const logits = linear(graph, plan, x, spec.weight);
  const scores = graph.op('Softmax', [logits], { axis: -1 });
  const [chosen, experts] = graph.ops('TopK', [scores, graph.ints([spec.k])], 2, { axis: -1, sorted: 1 }) as [
    Value,
    Value,
  ];
  const weights = spec.renormalize
    ? graph.op('Div', [chosen, graph.op('ReduceSum', [chosen, graph.ints([-1])], { keepdims: 1 })])
    : chosen;
  return { logits, scores, experts, weights };
}

import { CAST_TO, type Graph, type Value } from '../graph.ts';
import type { ExpertsSpec, RouterSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { linear } from './linear.ts';
import type { Routing } from './router.ts';

/**
 * Σ_j weight_j · expert_j(x) over the chosen experts of each token of x [T, H]; [T, H].
 *
 * Slots (token, choice) are sorted by expert, so that each expert works on one contiguous block of rows, and only on the
 * tokens that chose it; then they are put back in order. The cost grows with the slots, not with the experts.
 */
export function experts(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  routing: Routing,
  router: RouterSpec,
  spec: ExpertsSpec,
  hiddenSize: number,
): Value {
  const { k, experts: count } = router;
  const slots = graph.op('Reshape', [routing.experts, graph.ints([-1])]);
  const total = graph.op('Shape', [slots]);
  const order = graph.ops('TopK', [slots, total], 2, { axis: 0, largest: 0, sorted: 1 })[1]!;
  const sorted = graph.op('Gather', [x, graph.op('Div', [order, graph.ints(k)])]);

  const ids = graph.ints(Array.from({ length: count }, (_, e) => e));
  const isExpert = graph.op('Equal', [graph.op('Unsqueeze', [slots, graph.ints([1])]), ids]);
  const perExpert = graph.op('ReduceSum', [graph.op('Cast', [isExpert], { to: CAST_TO.int64 }), graph.ints([0])], {
    keepdims: 0,
  });
  const blocks = graph.ops('Split', [sorted, perExpert], count, { axis: 0 });
  const outputs = blocks.map((block, e) => graph.in(`expert.${e}`, () => expert(graph, plan, block, spec, e)));

  const results = graph.op('Concat', outputs, { axis: 0 });
  // order[i] is the slot of row i; its own order is the row of each slot.
  const rows = graph.ops('TopK', [order, total], 2, { axis: 0, largest: 0, sorted: 1 })[1]!;
  const bySlot = graph.op('Gather', [results, rows]);
  const byToken = graph.op('Reshape', [bySlot, graph.ints([-1, k, hiddenSize])]);
  const weights = graph.op('Unsqueeze', [routing.weights, graph.ints([1])]);
  return graph.op('Squeeze', [graph.op('MatMul', [weights, byToken]), graph.ints([1])]);
}

/** One expert on its rows [n, H]; n may be 0. */
function expert(graph: Graph, plan: WeightPlan, x: Value, spec: ExpertsSpec, index: number): Value {
  const { gate, up, down } = spec.tensors(index);
  const both = linear(graph, plan, x, gate, up);
  const [gated, value] = graph.ops('Split', [both], 2, { axis: -1, num_outputs: 2 }) as [Value, Value];
  // SiLU is x · sigmoid(1 · x), the kernel's name for which is QuickGelu with alpha 1.
  const activated = graph.op('QuickGelu', [gated], { alpha: { float: 1 } });
  return linear(graph, plan, graph.op('Mul', [activated, value]), down);
}

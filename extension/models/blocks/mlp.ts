import type { Graph, Value } from '../graph.ts';
import type { Activation, MlpSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { linear } from './linear.ts';

/** down(activation(gate(x)) · up(x)), or down(activation(up(x))), for x [n, H]; n may be 0. */
export function mlp(graph: Graph, plan: WeightPlan, x: Value, spec: MlpSpec): Value {
  return linear(graph, plan, activated(graph, gateAndUp(graph, plan, x, spec), spec), spec.down);
}

/** The first products of an MLP, of x [n, H]: gate and up side by side, [n, 2·I], or up alone, [n, I]. */
export function gateAndUp(graph: Graph, plan: WeightPlan, x: Value, { gate, up }: MlpSpec): Value {
  return gate === undefined || gate === 'inUp' ? linear(graph, plan, x, up) : linear(graph, plan, x, gate, up);
}

/** What goes into an MLP's last product; [n, I]. */
export function activated(graph: Graph, x: Value, spec: MlpSpec): Value {
  if (spec.gate === undefined) return activate(graph, x, spec.activation);
  if (spec.clamped) return clampedGate(graph, x, spec, spec.clamped.limit);
  const [gated, value] = graph.ops('Split', [x], 2, { axis: -1, num_outputs: 2 }) as [Value, Value];
  return graph.op('Mul', [activate(graph, gated, spec.activation), value]);
}

/** activation(gate) · (value + 1) of gates and values that alternate in x [n, 2·I], cut to a limit. */
function clampedGate(graph: Graph, x: Value, { intermediateSize, activation }: MlpSpec, limit: number): Value {
  const everyOther = (from: number): Value =>
    graph.op('Slice', [x, graph.ints([from]), graph.ints([2 * intermediateSize]), graph.ints([1]), graph.ints([2])]);
  const gated = activate(graph, graph.op('Min', [everyOther(0), graph.float(limit)]), activation);
  const value = graph.op('Clip', [everyOther(1), graph.float(-limit), graph.float(limit)]);
  return graph.op('Mul', [gated, graph.op('Add', [value, graph.float(1)])]);
}

export function activate(graph: Graph, x: Value, activation: Activation): Value {
  switch (activation) {
    case 'relu':
      return graph.op('Relu', [x]);
    case 'silu':
      // x · sigmoid(1 · x): the kernel is named after what it is with alpha 1.702.
      return graph.op('QuickGelu', [x], { alpha: { float: 1 } });
    case 'quickGelu':
      return graph.op('QuickGelu', [x], { alpha: { float: 1.702 } });
    case 'geluTanh':
      return graph.op('Gelu', [x], { approximate: 'tanh' });
    case 'reluSquared': {
      const positive = graph.op('Relu', [x]);
      return graph.op('Mul', [positive, positive]);
    }
  }
}

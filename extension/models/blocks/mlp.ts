import type { Graph, Value } from '../graph.ts';
import type { Activation, MlpSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { linear } from './linear.ts';

/** down(activation(gate(x)) · up(x)), or down(activation(up(x))), for x [n, H]; n may be 0. */
export function mlp(graph: Graph, plan: WeightPlan, x: Value, spec: MlpSpec): Value {
  if (!spec.gate) {
    const raised = activate(graph, linear(graph, plan, x, spec.up), spec.activation);
    return linear(graph, plan, raised, spec.down);
  }
  const both = linear(graph, plan, x, spec.gate, spec.up);
  const [gated, value] = graph.ops('Split', [both], 2, { axis: -1, num_outputs: 2 }) as [Value, Value];
  return linear(graph, plan, graph.op('Mul', [activate(graph, gated, spec.activation), value]), spec.down);
}

export function activate(graph: Graph, x: Value, activation: Activation): Value {
  switch (activation) {
    case 'silu':
      // x · sigmoid(1 · x): the kernel is named after what it is with alpha 1.702.
      return graph.op('QuickGelu', [x], { alpha: { float: 1 } });
    case 'geluTanh':
      return graph.op('Gelu', [x], { approximate: 'tanh' });
    case 'reluSquared': {
      const positive = graph.op('Relu', [x]);
      return graph.op('Mul', [positive, positive]);
    }
  }
}

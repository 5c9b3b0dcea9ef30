import type { Graph, Value } from '../graph.ts';
import type { ShortConvSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { linear } from './linear.ts';
import { causalConv, type Recurrent } from './recurrence.ts';

/** Gated short convolution of x [T, H]. */
export function shortConv(graph: Graph, plan: WeightPlan, x: Value, spec: ShortConvSpec, name: string): Recurrent {
  const { channels } = spec.conv;
  const all = graph.op('Reshape', [linear(graph, plan, x, spec.input), graph.ints([1, -1, 3 * channels])]);
  const [before, after, inner] = graph.ops('Split', [all], 3, { axis: -1, num_outputs: 3 }) as [Value, Value, Value];
  const conv = causalConv(graph, plan, graph.op('Mul', [before, inner]), spec.conv, 'none', name);
  const gated = graph.op('Reshape', [graph.op('Mul', [after, conv.output]), graph.ints([-1, channels])]);
  return { output: linear(graph, plan, gated, spec.output), states: [conv.state] };
}

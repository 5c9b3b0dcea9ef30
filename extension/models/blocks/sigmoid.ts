import type { Graph, Value } from '../graph.ts';

/**
 * 1 / (1 + exp(−x)), each number as exact as float32 holds it. ONNX Runtime's own is within 1e-7, which is more than the
 * number itself from −16 on down, and 0 from −18 on: of scores as small, shares of their sum would be of its error.
 */
export function sigmoid(graph: Graph, x: Value): Value {
  // Of −|x|, so that nothing overflows.
  const power = graph.op('Exp', [graph.op('Neg', [graph.op('Abs', [x])])]);
  const numerator = graph.op('Where', [graph.op('Greater', [x, graph.float(0)]), graph.float(1), power]);
  return graph.op('Div', [numerator, graph.op('Add', [power, graph.float(1)])]);
}

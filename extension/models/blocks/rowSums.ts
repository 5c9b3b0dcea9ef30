import type { Graph, Value } from '../graph.ts';

/**
 * ONNX Runtime adds up so many numbers of a row at once, from the first on that lies at a multiple of them in memory. Rows of another
 * length each begin elsewhere, and would be added up in an order of their own.
 */
const AT_ONCE = 4;

/** The sum of each row of x [T, width], the same to the bit wherever the row stands; [T, 1]. */
export function rowSums(graph: Graph, x: Value, width: number): Value {
  const over = width % AT_ONCE;
  const rows =
    width > AT_ONCE && over > 0 ? graph.op('Pad', [x, graph.ints([0, 0, 0, AT_ONCE - over]), graph.float(0)]) : x;
  return graph.op('ReduceSum', [rows, graph.ints([-1])], { keepdims: 1 });
}

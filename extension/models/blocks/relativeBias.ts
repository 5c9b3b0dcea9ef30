import { CAST_TO, type Graph, type Value } from '../graph.ts';
import type { RelativeBiasSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import type { Positions } from './attention.ts';

/**
 * What relative positions add to the products of queries and keys; float32 [1, heads, T, tokens up to the last].
 *
 * @param bidirectional whether keys may come after queries
 */
export function relativeBias(
  graph: Graph,
  plan: WeightPlan,
  { positions, total }: Positions,
  spec: RelativeBiasSpec,
  bidirectional: boolean,
): Value {
  const { maxDistance } = spec;
  const keys = graph.op('Range', [graph.ints(0), graph.op('Cast', [total], { to: CAST_TO.int64 }), graph.ints(1)]);
  const queries = graph.op('Transpose', [positions], { perm: [1, 0] });
  const offset = graph.op('Clip', [
    graph.op('Sub', [keys, queries]),
    graph.ints(-maxDistance),
    graph.ints(maxDistance),
  ]);
  const table = graph.ints(
    Array.from({ length: 2 * maxDistance + 1 }, (_, i) => bucketOf(i - maxDistance, spec, bidirectional)),
  );
  const buckets = graph.op('Gather', [table, graph.op('Add', [offset, graph.ints(maxDistance)])]);
  const byKey = graph.op('Gather', [graph.weight(plan.take(spec.weight)), buckets]);
  return graph.op('Unsqueeze', [graph.op('Transpose', [byKey], { perm: [2, 0, 1] }), graph.ints([0])]);
}

/** The bucket of a key so many tokens after its query; rounded to float32 where the reference implementation rounds. */
function bucketOf(offset: number, { buckets, maxDistance }: RelativeBiasSpec, bidirectional: boolean): number {
  const count = bidirectional ? Math.floor(buckets / 2) : buckets;
  const first = bidirectional && offset > 0 ? count : 0;
  const distance = bidirectional ? Math.abs(offset) : Math.max(0, -offset);
  const exact = Math.floor(count / 2);
  if (distance < exact) return first + distance;
  const growth = Math.fround(Math.fround(Math.log(Math.fround(distance / exact))) / Math.log(maxDistance / exact));
  return first + Math.min(count - 1, exact + Math.trunc(Math.fround(growth * (count - exact))));
}

import type { Graph, Value } from '../graph.ts';
import type { RouterSpec } from '../spec.ts';
import { rowSums } from './rowSums.ts';

/**
 * Weights of the two chosen experts as a sparse mixer gives them (arXiv 2409.12136, algorithm 1, without its noise), [T, 2],
 * and what the others' would be in the second's place, [T, E].
 *
 * The first's is its softmax among the experts whose logits are close to its own; so is the second's, without the first. Both
 * have the highest logit of those they are compared with, so a weight is 1 / Σ exp(logit − highest).
 *
 * @param logits [T, E]
 * @param scores softmax of the logits; [T, E]
 * @param highest logits of the chosen, highest first; [T, 2]
 * @param experts the chosen; int64 [T, 2]
 */
export function sparseMixer(
  graph: Graph,
  logits: Value,
  scores: Value,
  highest: Value,
  experts: Value,
  spec: RouterSpec,
): { weights: Value; worth: Value } {
  const parts = (of: Value): [Value, Value] =>
    graph.ops('Split', [of], 2, { axis: -1, num_outputs: 2 }) as [Value, Value];
  const [first, second] = parts(highest);
  const [firstExpert, secondExpert] = parts(experts);
  const magnitudes = graph.op('Abs', [logits]);
  const closeness = graph.float(spec.sparseMixer!.closeness);
  const among = (top: Value, out: Value | undefined): Value => {
    const distance = graph.op('Sub', [top, logits]);
    const far = graph.op('Greater', [graph.op('Div', [distance, graph.op('Max', [magnitudes, top])]), closeness]);
    const left = out === undefined ? far : graph.op('Or', [far, out]);
    const counted = graph.op('Where', [left, graph.float(0), graph.op('Exp', [graph.op('Neg', [distance])])]);
    return graph.op('Reciprocal', [rowSums(graph, counted, spec.experts)]);
  };
  const ids = graph.ints(Array.from({ length: spec.experts }, (_, e) => e));
  const secondWeight = among(second, graph.op('Equal', [firstExpert, ids]));
  const weights = graph.op('Concat', [among(first, undefined), secondWeight], { axis: -1 });
  const scale = graph.op('Div', [secondWeight, graph.op('GatherElements', [scores, secondExpert], { axis: -1 })]);
  const others = graph.op('Mul', [scores, scale]);
  return { weights, worth: graph.op('ScatterElements', [others, experts, weights], { axis: -1 }) };
}

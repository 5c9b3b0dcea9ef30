import { CAST_TO, type Graph, type Value } from '../graph.ts';
import type { GroupLimit, RouterSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { exactLinear } from './linear.ts';
import { normalize } from './norm.ts';
import { rowSums } from './rowSums.ts';
import { sigmoid } from './sigmoid.ts';
import { sparseMixer } from './sparseMixer.ts';

/** A router's decision, T tokens. */
export interface Routing {
  /** Raw router logits; [T, E]. */
  readonly logits: Value;
  /** Scores of all experts, softmax or sigmoid of the logits; [T, E]. */
  readonly scores: Value;
  /** What the k highest of were chosen: the scores, or those with bias and mask; [T, E]. */
  readonly selection: Value;
  /** Chosen experts, highest selection score first; int64 [T, k]. */
  readonly experts: Value;
  /** What the chosen experts' outputs are multiplied by; [T, k]. */
  readonly weights: Value;
  /** What the weights are proportional to, for every expert: the scores, or what the router's options make of them; [T, E]. */
  readonly worth: Value;
  /** 1 where the expert has room for the token, 0 where not, for which it gives nothing; [T, k]. Absent without a limit. */
  readonly kept?: Value;
}

/** What of a router's decision can be changed from run to run: inputs of its graph. */
export interface RouterKnobs {
  /** Added to the logits: 0, or `NO_LOGIT` for an expert that is to be as if it were not there; float32 [E]. */
  readonly mask: Value;
  /** Added to what the k highest of are chosen; float32 [E]. */
  readonly bias: Value;
  /** Whether any of the biases is not 0; bool, a scalar. */
  readonly biased: Value;
  /** Divides the logits; float32, a scalar. */
  readonly temperature: Value;
  /** int64 [1]. */
  readonly k: Value;
}

/** The logit of an expert that is not there: exp of it is 0 in float32, and so are its products with 0. */
export const NO_LOGIT = -1e30;

/** Routes x [T, H]. With knobs that change nothing, exactly as without. */
export function route(graph: Graph, plan: WeightPlan, x: Value, spec: RouterSpec, knobs?: RouterKnobs): Routing {
  let input = x;
  if (spec.input) {
    input = graph.op('Mul', [normalize(graph, plan, x, spec.input.norm), graph.float(spec.input.scale)]);
  }
  let logits = exactLinear(graph, plan, input, spec.projection);
  if (knobs) logits = graph.op('Add', [graph.op('Div', [logits, knobs.temperature]), knobs.mask]);
  const scores = spec.scoring === 'softmax' ? graph.op('Softmax', [logits], { axis: -1 }) : sigmoid(graph, logits);
  let selection = scores;
  if (spec.selectionBias) selection = graph.op('Add', [selection, graph.weight(plan.take(spec.selectionBias))]);
  if (knobs) selection = graph.op('Add', [selection, knobs.bias]);
  if (spec.groups) selection = limitToGroups(graph, selection, spec.groups, spec.experts);
  let choice = selection;
  if (spec.choosesByLogits) choice = knobs ? graph.op('Where', [knobs.biased, selection, logits]) : logits;
  let [highest, experts] = highestOf(graph, choice, knobs?.k ?? graph.ints([spec.k]));
  let weights = choice === scores ? highest : graph.op('GatherElements', [scores, experts], { axis: -1 });
  if (spec.renormalize) weights = graph.op('Div', [weights, total(graph, weights, spec.k, spec.renormalize)]);
  if (spec.scale !== undefined && spec.scale !== 1) weights = graph.op('Mul', [weights, graph.float(spec.scale)]);
  let worth = scores;
  if (spec.sparseMixer && knobs) {
    // A bias may have chosen them in another order than that of their logits.
    const [logit, order] = highestOf(graph, graph.op('GatherElements', [logits, experts], { axis: -1 }), knobs.k);
    highest = logit;
    experts = graph.op('GatherElements', [experts, order], { axis: -1 });
  }
  if (spec.sparseMixer) ({ weights, worth } = sparseMixer(graph, logits, scores, highest, experts, spec));
  if (spec.expertScale) {
    const scale = graph.weight(plan.take(spec.expertScale));
    weights = graph.op('Mul', [weights, graph.op('Gather', [scale, experts])]);
    worth = graph.op('Mul', [scores, scale]);
  }
  const kept = spec.capacity === undefined ? {} : { kept: withinCapacity(graph, experts, spec.capacity, spec.experts) };
  return { logits, scores, selection, experts, weights, worth, ...kept };
}

/** The k highest of each row and where they stand, highest first. */
function highestOf(graph: Graph, rows: Value, k: Value): [Value, Value] {
  return graph.ops('TopK', [rows, k], 2, { axis: -1, sorted: 1 }) as [Value, Value];
}

/** What the weights [T, k] are divided by; [T, 1]. */
function total(
  graph: Graph,
  weights: Value,
  k: number,
  { epsilon, p = 1, least = 0 }: NonNullable<RouterSpec['renormalize']>,
): Value {
  const powers = p === 1 ? weights : graph.op('Pow', [weights, graph.float(p)]);
  let sum = rowSums(graph, powers, k);
  if (p !== 1) sum = graph.op('Pow', [sum, graph.float(1 / p)]);
  if (epsilon > 0) sum = graph.op('Add', [sum, graph.float(epsilon)]);
  return least > 0 ? graph.op('Max', [sum, graph.float(least)]) : sum;
}

/** Which of the choices [T, 1] are among the first so many of their expert. */
function withinCapacity(graph: Graph, chosen: Value, capacity: number, experts: number): Value {
  const ids = graph.ints(Array.from({ length: experts }, (_, e) => e));
  const isExpert = graph.op('Cast', [graph.op('Equal', [chosen, ids])], { to: CAST_TO.int64 });
  const queue = graph.op('CumSum', [isExpert, graph.ints(0)]);
  const place = graph.op('GatherElements', [queue, chosen], { axis: 1 });
  return graph.op('Cast', [graph.op('LessOrEqual', [place, graph.ints(capacity)])], { to: CAST_TO.float32 });
}

/** Puts −∞ for the experts of all but the best groups. */
function limitToGroups(graph: Graph, selection: Value, { count, keep, score }: GroupLimit, experts: number): Value {
  const size = experts / count;
  const grouped = graph.op('Reshape', [selection, graph.ints([-1, count, size])]);
  const best = graph.ops('TopK', [grouped, graph.ints([score === 'max' ? 1 : 2])], 2, { axis: -1 })[0]!;
  const groupScores = graph.op('ReduceSum', [best, graph.ints([-1])], { keepdims: 0 });
  const kept = graph.ops('TopK', [groupScores, graph.ints([keep])], 2, { axis: -1 })[1]!;
  // [T, keep, 1] = [count] gives one row per kept group; their sum marks them.
  const ids = graph.ints(Array.from({ length: count }, (_, g) => g));
  const isKept = graph.op('Equal', [graph.op('Unsqueeze', [kept, graph.ints([-1])]), ids]);
  const marks = graph.op('ReduceSum', [graph.op('Cast', [isKept], { to: CAST_TO.int32 }), graph.ints([1])], {
    keepdims: 0,
  });
  const open = graph.op('Cast', [graph.op('Unsqueeze', [marks, graph.ints([-1])])], { to: CAST_TO.bool });
  const limited = graph.op('Where', [open, grouped, graph.float(-Infinity)]);
  return graph.op('Reshape', [limited, graph.ints([-1, experts])]);
}

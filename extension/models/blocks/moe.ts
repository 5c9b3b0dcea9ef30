import type { Graph, Value } from '../graph.ts';
import type { MlpSpec, MoeSpec, NormPair, RouterSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { exactLinear, linear } from './linear.ts';
import { activated, gateAndUp, mlp } from './mlp.ts';
import { normalize } from './norm.ts';
import { route, type RouterKnobs, type Routing } from './router.ts';

/** Routed experts of x [T, H], and the shared one where there is one; [T, H]. */
export function moe(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  spec: MoeSpec,
  hiddenSize: number,
): { output: Value; routing: Routing } {
  const routing = router(graph, plan, x, spec.router);
  return { output: mixture(graph, plan, x, spec, hiddenSize, routing), routing };
}

/** The router's part of a layer with experts. */
export function router(graph: Graph, plan: WeightPlan, x: Value, spec: RouterSpec, knobs?: RouterKnobs): Routing {
  return graph.in('router', () => graph.exactly(() => route(graph, plan, x, spec, knobs)));
}

/** Which experts the tokens visit, as in Routing. */
export interface Visits extends Pick<Routing, 'experts' | 'weights' | 'kept'> {
  /** How many each visits, where that is not the spec's k for good; int64 [1]. */
  readonly k?: Value;
}

/**
 * The experts' part: what the chosen ones make of x [T, H], and the shared one where there is one; [T, H].
 *
 * @param sharedFactor multiplies the output of the shared one; a scalar
 */
export function mixture(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  spec: MoeSpec,
  hiddenSize: number,
  visits: Visits,
  sharedFactor?: Value,
): Value {
  const within = (norms: NormPair | undefined, network: (input: Value) => Value): Value =>
    norms ? normalize(graph, plan, network(normalize(graph, plan, x, norms.before)), norms.after) : network(x);
  const routed = graph.in('experts', () =>
    within(spec.norms, (input) => {
      if (!spec.latent) return experts(graph, plan, input, visits, spec, hiddenSize);
      const { size, reduce, expand } = spec.latent;
      const narrow = linear(graph, plan, input, reduce);
      return linear(graph, plan, experts(graph, plan, narrow, visits, spec, size), expand);
    }),
  );
  if (!spec.shared) return routed;
  const { mlp: network, gate, norms } = spec.shared;
  const shared = graph.in('shared', () => {
    const output = within(norms, (input) => mlp(graph, plan, input, network));
    return gate ? graph.op('Mul', [output, graph.op('Sigmoid', [exactLinear(graph, plan, x, gate)])]) : output;
  });
  const counted = sharedFactor === undefined ? shared : graph.op('Mul', [shared, sharedFactor]);
  return graph.op('Add', [routed, counted]);
}

/**
 * Σ_j weight_j · expert_j(x) over the chosen experts of each token, or Σ_j expert_j(weight_j · x).
 *
 * Slots (token, choice) are sorted by expert, so that each expert works on one contiguous block of rows, and only on the
 * tokens that chose it; then they are put back in order. The cost grows with the slots, not with the experts.
 */
function experts(graph: Graph, plan: WeightPlan, x: Value, visits: Visits, spec: MoeSpec, hiddenSize: number): Value {
  const { k, experts: count } = spec.router;
  const slots = graph.op('Reshape', [visits.experts, anyRank(graph, visits.experts)]);
  const total = graph.op('Shape', [slots]);
  const order = graph.ops('TopK', [slots, total], 2, { axis: 0, largest: 0, sorted: 1 })[1]!;
  let sorted = graph.op('Gather', [x, graph.op('Div', [order, visits.k ?? graph.ints(k)])]);
  if (spec.weighsInput) {
    const column = graph.op('Reshape', [visits.weights, graph.ints([-1, 1])]);
    sorted = graph.op('Mul', [sorted, graph.op('Gather', [column, order])]);
  }

  const sizes = sizesOf(graph, slots, total, count);
  const outputs = networks(graph, plan, blocksOf(graph, sorted, sizes, count), sizes, spec);

  // order[i] is the slot of row i; its own order is the row of each slot.
  const rows = graph.ops('TopK', [order, total], 2, { axis: 0, largest: 0, sorted: 1 })[1]!;
  const bySlot = joined(graph, outputs, rows, slots, x);
  const shape =
    visits.k === undefined
      ? graph.ints([-1, k, hiddenSize])
      : graph.op('Concat', [graph.ints([-1]), visits.k, graph.ints([hiddenSize])], { axis: 0 });
  const byToken = graph.op('Reshape', [bySlot, shape]);
  if (spec.weighsInput) return graph.op('ReduceSum', [byToken, graph.ints([1])], { keepdims: 0 });
  const counted = visits.kept === undefined ? visits.weights : graph.op('Mul', [visits.weights, visits.kept]);
  const weights = graph.op('Unsqueeze', [counted, graph.ints([1])]);
  return graph.op('Squeeze', [graph.op('MatMul', [weights, byToken]), graph.ints([1])]);
}

/** How many of the slots [n] go to each expert; int64 [count]. */
function sizesOf(graph: Graph, slots: Value, total: Value, count: number): Value {
  const none = graph.ints(Array.from({ length: count }, () => 0));
  const one = graph.op('Expand', [graph.ints(1), total]);
  return graph.op('ScatterElements', [none, slots, one], { axis: 0, reduction: 'add' });
}

/**
 * What each expert makes of its block of rows.
 *
 * Products take a node an expert, activations one for all where that can be: a node costs microseconds before it computes, also
 * those of an expert that no token visits, and after many short ones threads wait for one another.
 */
function networks(graph: Graph, plan: WeightPlan, blocks: readonly Value[], sizes: Value, spec: MoeSpec): Value[] {
  const each = (inputs: readonly Value[], part: (x: Value, expert: MlpSpec) => Value): Value[] =>
    inputs.map((x, e) => graph.in(`expert.${e}`, () => part(x, spec.expert(e))));
  const raised = each(blocks, (x, expert) => gateAndUp(graph, plan, x, expert));
  const inner =
    graph.form.expertRows === 'slice'
      ? each(raised, (x, expert) => activated(graph, x, expert))
      : blocksOf(
          graph,
          activated(graph, graph.op('Concat', raised, { axis: 0 }), spec.expert(0)),
          sizes,
          raised.length,
        );
  return each(inner, (x, { down }) => linear(graph, plan, x, down));
}

/** Rows x [n, …] cut into blocks of the given sizes; int64 [count]. */
function blocksOf(graph: Graph, x: Value, sizes: Value, count: number): Value[] {
  if (graph.form.expertRows === 'split') return graph.ops('Split', [x, sizes], count, { axis: 0 });
  const ends = graph.op('CumSum', [sizes, graph.ints(0)]);
  const each = (of: Value): Value[] => graph.ops('Split', [of], count, { axis: 0, num_outputs: count });
  const from = each(graph.op('Sub', [ends, sizes]));
  return each(ends).map((end, e) => graph.op('Slice', [x, from[e]!, end, graph.ints([0])]));
}

/** Experts whose rows WebGPU puts together at a time: it has as many buffers on every device, one for a row more. */
const JOINED = 6;

/**
 * Given rows of the experts' outputs, as if these lay one below the other.
 *
 * @param rows which of them; int64 [n]
 * @param slots the expert of each; int64 [n]
 * @param x any rows of the same width, at least one
 */
function joined(graph: Graph, outputs: readonly Value[], rows: Value, slots: Value, x: Value): Value {
  if (graph.form.expertRows === 'split') {
    return graph.op('Gather', [graph.op('Concat', outputs, { axis: 0 }), rows]);
  }
  // WebGPU fails on parts that are all empty, so each begins with a row that nobody reads.
  const unread = graph.op('Gather', [x, graph.ints([0])]);
  const parts: Value[] = [];
  for (let from = 0; from < outputs.length; from += JOINED) {
    parts.push(graph.op('Concat', [unread, ...outputs.slice(from, from + JOINED)], { axis: 0 }));
  }
  const before = graph.op('Add', [graph.op('Div', [slots, graph.ints(JOINED)]), graph.ints(1)]);
  return graph.op('Gather', [graph.op('Concat', parts, { axis: 0 }), graph.op('Add', [rows, before])]);
}

/**
 * The shape [-1], in a form that does not let the runtime tell beforehand how many axes it names, so that all that is made of the
 * rows has an unknown rank. For every output whose rank is known ONNX Runtime 1.30 looks through all buffers that are free by then
 * for one of the same shape. With experts, whose rows nobody knows beforehand, it finds none, and takes minutes for 48 × 128 of them.
 *
 * @param experts [T, k]
 */
function anyRank(graph: Graph, experts: Value): Value {
  const tokens = graph.op('Shape', [experts], { start: 0, end: 1 });
  return graph.op('Slice', [graph.ints([-1]), graph.ints([0]), tokens]);
}

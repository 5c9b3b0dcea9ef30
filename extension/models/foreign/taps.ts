/** Makes a foreign graph hand out what its routers decide, as the graphs of checkpoints do. */
import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as Type,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
} from '../../formats/onnx_pb.ts';
import type { RouterTap } from '../stack.ts';
import type { FoundRouter, FusedChoice, NodeChoice } from './found.ts';
import type { RouterSet } from './findRouters.ts';
import type { Value } from './graphIndex.ts';

/** Adds nodes to a graph, behind those that it has. */
export class GraphExtension {
  readonly #graph: GraphProto;
  /** Begins the names of all that is added. */
  readonly #prefix: string;
  #count = 0;

  constructor(graph: GraphProto, part: string) {
    this.#graph = graph;
    this.#prefix = `moescope/${part}`;
  }

  op(type: string, inputs: readonly Value[], attributes: Readonly<Record<string, number>> = {}): Value {
    return this.ops(type, inputs, 1, attributes)[0]!;
  }

  ops(
    type: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Readonly<Record<string, number>> = {},
  ): Value[] {
    const name = `${this.#prefix}/${type}#${this.#count++}`;
    const values = Array.from({ length: outputs }, (_, i) => `${name}.${i}`);
    const attribute = Object.entries(attributes).map(([key, value]) =>
      create(AttributeProtoSchema, { name: key, type: AttributeProto_AttributeType.INT, i: BigInt(value) }),
    );
    this.#graph.node.push(
      create(NodeProtoSchema, { opType: type, name, input: [...inputs], output: values, attribute }),
    );
    return values;
  }

  ints(values: readonly number[]): Value {
    return this.#constant(
      Type.INT64,
      [BigInt(values.length)],
      new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    );
  }

  float(value: number): Value {
    return this.#constant(Type.FLOAT, [], new Uint8Array(Float32Array.of(value).buffer));
  }

  cast(value: Value, to: Type): Value {
    return this.op('Cast', [value], { to });
  }

  /** Makes a value of the graph a cast of another, in front of all that uses it. */
  feed(value: Value, source: Value, to: Type): void {
    this.cast(source, to);
    const node = this.#graph.node.pop()!;
    node.output = [value];
    this.#graph.node.unshift(node);
  }

  /** Rows of so many float32 each. */
  rows(value: Value, width: number): Value {
    return this.op('Reshape', [this.cast(value, Type.FLOAT), this.ints([-1, width])]);
  }

  input(name: string, type: Type, shape: readonly (number | string)[]): Value {
    this.#graph.input.push(valueInfo(`${this.#prefix}/${name}`, type, shape));
    return `${this.#prefix}/${name}`;
  }

  output(value: Value, type: Type, shape: readonly (number | string)[]): Value {
    if (!this.#graph.output.some(({ name }) => name === value)) this.#graph.output.push(valueInfo(value, type, shape));
    return value;
  }

  #constant(dataType: Type, dims: bigint[], rawData: Uint8Array): Value {
    const name = `${this.#prefix}/constant#${this.#count++}`;
    this.#graph.initializer.push(create(TensorProtoSchema, { name, dataType, dims, rawData }));
    return name;
  }
}

/** Adds the taps of a set of routers; they are float32 and int32 outputs of the graph. */
export function addTaps(graph: GraphProto, { candidate, routers }: RouterSet): RouterTap[] {
  const extension = new GraphExtension(graph, 'routers');
  return routers.map((router, i) => tap(extension, router, candidate.layers[i]!.layer));
}

function tap(graph: GraphExtension, router: FoundRouter, layer: number): RouterTap {
  const { experts: count, k, scoring, choice } = router;
  const logits = graph.rows(router.logits, count);
  const scores =
    router.scores === undefined
      ? graph.op(scoring === 'softmax' ? 'Softmax' : 'Sigmoid', [logits], scoring === 'softmax' ? { axis: -1 } : {})
      : graph.rows(router.scores, count);
  const selection = selectionOf(graph, router, scores);
  const chosen =
    choice.kind === 'fused' ? ofOperator(graph, choice, count, k) : ofNodes(graph, choice, count, k, scores);
  // An operator orders by what it is fed, which may not be what was chosen by.
  const sorted = choice.kind === 'nodes' ? choice.sorted : router.selection === undefined;
  const { indices, weights } = sorted ? chosen : inOrder(graph, chosen, selection, k);
  const experts = graph.cast(indices, Type.INT32);
  for (const value of [logits, scores, selection]) graph.output(value, Type.FLOAT, ['moescope_tokens', count]);
  graph.output(weights, Type.FLOAT, ['moescope_tokens', k]);
  graph.output(experts, Type.INT32, ['moescope_tokens', k]);
  const worth = router.rule === 'mixer' ? worthInTurn(graph, scores, chosen) : scores;
  graph.output(worth, Type.FLOAT, ['moescope_tokens', count]);
  return { layer, spec: { experts: count, k, scoring }, logits, scores, selection, experts, weights, worth };
}

/** What a token's k experts are, int64, and their weights. */
interface Chosen {
  readonly indices: Value;
  readonly weights: Value;
}

function selectionOf(graph: GraphExtension, { selection, experts }: FoundRouter, scores: Value): Value {
  if (!selection) return scores;
  const value = graph.rows(selection.value, experts);
  if (selection.masked === undefined) return value;
  const closed = graph.op('Equal', [value, graph.cast(selection.masked, Type.FLOAT)]);
  return graph.op('Where', [closed, graph.float(-Infinity), value]);
}

/** Does once more what the operator does inside. Of equal entries it takes the later, as ONNX Runtime's does. */
function ofOperator(graph: GraphExtension, choice: FusedChoice, count: number, k: number): Chosen {
  const input = graph.rows(choice.input, count);
  const backwards = graph.op('Slice', [input, ...[[-1], [-count - 1], [1], [-1]].map((list) => graph.ints(list))]);
  const [values, places] = graph.ops('TopK', [backwards, graph.ints([k])], 2, { axis: -1 }) as [Value, Value];
  const indices = graph.op('Sub', [graph.ints([count - 1]), places]);
  const gathered = (from: Value): Value => graph.op('GatherElements', [from, indices], { axis: 1 });
  if (choice.weights === 'ofChosen') return { indices, weights: graph.op('Softmax', [values], { axis: -1 }) };
  if (choice.weights === 'ofAll') return { indices, weights: gathered(graph.op('Softmax', [input], { axis: -1 })) };
  const weights = gathered(graph.rows(choice.weights.value, count));
  if (!choice.weights.normalize) return { indices, weights };
  const sum = graph.op('ReduceSum', [weights, graph.ints([-1])], { keepdims: 1 });
  return { indices, weights: graph.op('Div', [weights, sum]) };
}

function ofNodes(graph: GraphExtension, { picks }: NodeChoice, count: number, k: number, scores: Value): Chosen {
  const width = k / picks.length;
  const chosen = picks.map(({ indices, weights, dense }) => {
    const rows = graph.op('Reshape', [graph.cast(indices, Type.INT64), graph.ints([-1, width])]);
    if (weights !== undefined && dense !== true) return { indices: rows, weights: graph.rows(weights, width) };
    const from = weights === undefined ? scores : graph.rows(weights, count);
    return { indices: rows, weights: graph.op('GatherElements', [from, rows], { axis: 1 }) };
  });
  const [only] = chosen;
  if (chosen.length === 1) return only!;
  return {
    indices: graph.op(
      'Concat',
      chosen.map(({ indices }) => indices),
      { axis: 1 },
    ),
    weights: graph.op(
      'Concat',
      chosen.map(({ weights }) => weights),
      { axis: 1 },
    ),
  };
}

/** Where each choice has weights of its own kind: the chosen ones' are as they are, the others' on the scale of the last. */
function worthInTurn(graph: GraphExtension, scores: Value, { indices, weights }: Chosen): Value {
  const last = [[-1], [2 ** 31], [1]].map((list) => graph.ints(list));
  const score = graph.op('GatherElements', [scores, graph.op('Slice', [indices, ...last])], { axis: 1 });
  const scale = graph.op('Div', [graph.op('Slice', [weights, ...last]), score]);
  return graph.op('ScatterElements', [graph.op('Mul', [scores, scale]), indices, weights], { axis: 1 });
}

/** Highest selection first. */
function inOrder(graph: GraphExtension, { indices, weights }: Chosen, selection: Value, k: number): Chosen {
  const gathered = (from: Value, at: Value): Value => graph.op('GatherElements', [from, at], { axis: 1 });
  const order = graph.ops('TopK', [gathered(selection, indices), graph.ints([k])], 2, { axis: -1 })[1]!;
  return { indices: gathered(indices, order), weights: gathered(weights, order) };
}

function valueInfo(name: string, elemType: Type, shape: readonly (number | string)[]) {
  const dim = shape.map((size) =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } },
  });
}

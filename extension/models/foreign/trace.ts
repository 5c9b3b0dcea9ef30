/** Ways through a graph around a router: back to the projection that scores the experts, and on to the weights. */
import type { NodeProto } from '../../formats/onnx_pb.ts';
import type { Scoring } from '../../protocol/trace.ts';
import { intAttribute, isRearranging, type GraphIndex, type Value } from './graphIndex.ts';

/** The fewest and the most experts of a layer that are taken for such; the most known are 512. */
export const MIN_EXPERTS = 2;
export const MAX_EXPERTS = 1024;
/** Nodes from a projection to a choice; the longest known way, group-limited with a bias, has some 15. */
const MAX_STEPS = 64;

/** x · W with a constant matrix: the router's own, if what comes of it decides. */
export interface Projection {
  readonly node: NodeProto;
  readonly output: Value;
  /** Columns: one an expert. */
  readonly experts: number;
}

/** From a projection to a value, node by node in the order of the graph. */
export interface Way {
  readonly projection: Projection;
  readonly nodes: readonly NodeProto[];
}

/** What a node does with the numbers of a row, one an expert. */
type Step = 'linear' | 'curve' | 'none';

const LINEAR = new Set(['Add', 'Sub', 'Mul', 'Div', 'Cast', 'Transpose', 'Dropout', 'CastLike']);
const CURVES = new Set([
  ...['Softmax', 'LogSoftmax', 'Sigmoid', 'HardSigmoid', 'Tanh', 'Softplus', 'Sqrt', 'Exp', 'Neg', 'Reciprocal', 'Log'],
  ...['Clip', 'Abs', 'Relu', 'Pow', 'Min', 'Max', 'Where', 'ScatterElements'],
]);

function stepOf(node: NodeProto): Step {
  if (isRearranging(node) || LINEAR.has(node.opType)) return 'linear';
  return CURVES.has(node.opType) ? 'curve' : 'none';
}

/** The way from a router's projection to a value [.., E]; undefined when it does not come from one. */
export function wayTo(index: GraphIndex, value: Value): Way | undefined {
  const seen = new Set<NodeProto>();
  const walk = (at: Value, steps: number): Way | undefined => {
    const node = index.producer(at);
    if (!node || seen.has(node) || steps > MAX_STEPS) return undefined;
    seen.add(node);
    const experts = projectionWidth(index, node);
    if (experts !== undefined) {
      const fits = experts >= MIN_EXPERTS && experts <= MAX_EXPERTS;
      return fits ? { projection: { node, output: node.output[0]!, experts }, nodes: [] } : undefined;
    }
    if (stepOf(node) === 'none') return undefined;
    for (const input of dataInputs(node)) {
      if (index.isConstant(input)) continue;
      const way = walk(input, steps + 1);
      if (way) return { ...way, nodes: [...way.nodes, node] };
    }
    return undefined;
  };
  return walk(value, 0);
}

/** Inputs that carry the numbers, not how they are arranged or which are masked. */
function dataInputs({ opType, input }: NodeProto): readonly string[] {
  if (opType === 'Where') return input.slice(1);
  if (opType === 'ScatterElements') return [input[2]!, input[0]!];
  return ['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max'].includes(opType) ? input : input.slice(0, 1);
}

/** Columns of a product with a constant matrix; undefined for any other node. */
function projectionWidth(index: GraphIndex, node: NodeProto): number | undefined {
  const { opType, input } = node;
  if (opType === 'MatMulNBits') return intAttribute(node, 'N', 0);
  if (!['MatMul', 'Gemm', 'FusedMatMul', 'MatMulInteger'].includes(opType)) return undefined;
  const weight = input[1] ?? '';
  if (!index.isConstant(weight)) return undefined;
  const shape = index.shape(weight);
  if (shape?.length !== 2) return undefined;
  return shape[intAttribute(node, 'transB', 0) === 1 ? 0 : 1];
}

/** The last size that a way's nodes give the axis of experts, where one of them says it. */
export function lastWidth(index: GraphIndex, way: Way): number | undefined {
  for (const node of way.nodes.toReversed()) {
    if (node.opType !== 'Reshape') continue;
    const last = index.numbers(node.input[1] ?? '')?.at(-1);
    if (last !== undefined && last > 0) return last;
  }
  return way.projection.experts;
}

/** Where the router's logits stand: the last value of the way before the first curve. */
export function logitsOf(way: Way): Value {
  const bent = way.nodes.findIndex((node) => stepOf(node) === 'curve');
  const linear = bent < 0 ? way.nodes : way.nodes.slice(0, bent);
  return linear.at(-1)?.output[0] ?? way.projection.output;
}

/** What the logits are turned into along a way: a distribution, a score for each alone, or nothing. */
export function scoringOf(way: Way): Scoring | undefined {
  const curves = way.nodes.filter((node) => CURVES.has(node.opType)).map((node) => node.opType);
  if (curves.includes('Softmax') || curves.includes('LogSoftmax')) return 'softmax';
  // The sigmoid may be spelled out: 1 / (1 + exp(−x)).
  const scores = ['Sigmoid', 'HardSigmoid', 'Exp', 'Sqrt', 'Softplus', 'Relu'];
  return curves.some((type) => scores.includes(type)) ? 'sigmoid' : undefined;
}

/** Follows a value through nodes that only arrange its numbers anew; that node's consumers are what really uses it. */
export function usesOf(index: GraphIndex, value: Value): { readonly node: NodeProto; readonly value: Value }[] {
  const uses: { node: NodeProto; value: Value }[] = [];
  const seen = new Set<Value>();
  const pending = [value];
  while (pending.length > 0) {
    const at = pending.pop()!;
    if (seen.has(at)) continue;
    seen.add(at);
    for (const node of index.consumers(at)) {
      const arranged =
        (isRearranging(node) || node.opType === 'Cast' || node.opType === 'Transpose') && node.input[0] === at;
      if (arranged) pending.push(node.output[0]!);
      else uses.push({ node, value: at });
    }
  }
  return uses;
}

/** Operators from the projection to the choice, those that only arrange left out. */
export function patternOf(way: Way, choice: NodeProto): string {
  const nodes = way.nodes.filter((node) => !isRearranging(node) && node.opType !== 'Cast');
  // However the matrix is stored, and in whichever operator: a model may have both.
  return ['MatMul', ...[...nodes, choice].map((node) => node.opType)].join(' → ');
}

/** Name of the projection's matrix. */
export function weightName({ projection }: Way): string {
  return projection.node.input[1] ?? '';
}

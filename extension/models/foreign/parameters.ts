/** How much a foreign model's weights are, and in what precision they lie. */
import { bytesOf } from '../../formats/onnxTensor.ts';
import { type NodeProto, TensorProto_DataType as Type, type TensorProto } from '../../formats/onnx_pb.ts';
import type { LayerShape, ModelInfo } from '../../protocol/trace.ts';
import { elements } from '../weights.ts';
import { intAttribute, type GraphIndex } from './graphIndex.ts';

/** Matrices that an operator takes packed: places of its inputs, and the attribute that tells the bits of an element. */
const PACKED: Readonly<Record<string, { readonly inputs: readonly number[]; readonly bits: string }>> = {
  MatMulNBits: { inputs: [1], bits: 'bits' },
  QMoE: { inputs: [2, 5, 8], bits: 'expert_weight_bits' },
  GatherBlockQuantized: { inputs: [0], bits: 'bits' },
};

/** Places of inputs that are no parameters: scales and zero points of what is packed, tables of cosines and sines. */
const TABLES: Readonly<Record<string, readonly number[]>> = {
  MatMulNBits: [2, 3, 4],
  QMoE: [3, 6, 9, 11, 12, 13],
  GatherBlockQuantized: [2, 3],
  DequantizeLinear: [1, 2],
  MatMulInteger: [2, 3],
  DynamicQuantizeMatMul: [2, 3],
  // Of ONNX, which has the tables before the positions, and of ONNX Runtime.
  RotaryEmbedding: [1, 2, 3],
  MRotaryEmbedding: [2, 3],
  GroupQueryAttention: [7, 8],
};

/** Operators that take the part of a stack that each expert has. */
const PICKING = new Set(['MoE', 'QMoE', 'Gather', 'GatherND']);

const PRECISIONS: Readonly<Record<number, string>> = {
  [Type.FLOAT]: 'float32',
  [Type.FLOAT16]: 'float16',
  [Type.BFLOAT16]: 'bfloat16',
  [Type.INT8]: 'int8',
  [Type.UINT8]: 'int8',
  [Type.INT4]: 'int4',
  [Type.UINT4]: 'int4',
};

/**
 * Counts parameters, and names the precision of most of them, and bytes, in whichever they lie. Active are those that a token
 * uses: without the share of the experts it does not visit, where they can be told by their shape, [E, .., ..], or by the path
 * in the names of what uses them.
 */
export function foreignWeights(
  index: GraphIndex,
  layers: readonly LayerShape[],
): Pick<ModelInfo, 'precision' | 'parameters' | 'bytes'> {
  const counts = new Map<string, number>();
  const parameters = { total: 0, active: 0 };
  const bytes = { total: 0, active: 0 };
  for (const tensor of index.graph.initializer) {
    const users = index.consumers(tensor.name);
    const used = 1 - idleShare(tensor, users, layers);
    const size = bytesOf(tensor)!;
    bytes.total += size;
    bytes.active += size * used;
    const bits = packedBits(tensor, users);
    const precision = bits === undefined ? PRECISIONS[tensor.dataType] : `int${bits}`;
    if (precision === undefined || isTable(tensor, users)) continue;
    const count = bits === undefined ? elements(tensor.dims.map(Number)) : (size * 8) / bits;
    counts.set(precision, (counts.get(precision) ?? 0) + count);
    parameters.total += count;
    parameters.active += count * used;
  }
  parameters.active = Math.round(parameters.active);
  bytes.active = Math.round(bytes.active);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return { precision: most?.[0] ?? 'float32', parameters, bytes };
}

function isTable({ name }: TensorProto, users: readonly NodeProto[]): boolean {
  return users.some((node) => TABLES[node.opType]?.some((place) => node.input[place] === name));
}

function packedBits({ name }: TensorProto, users: readonly NodeProto[]): number | undefined {
  for (const node of users) {
    const packed = PACKED[node.opType];
    if (packed?.inputs.some((place) => node.input[place] === name)) return intAttribute(node, packed.bits, 4);
  }
  return undefined;
}

function idleShare({ name, dims }: TensorProto, users: readonly NodeProto[], layers: readonly LayerShape[]): number {
  // A packed matrix has three axes, too, and a router's has the experts along its first.
  const isStack =
    dims.length === 3
      ? users.every(({ opType }) => opType !== 'MatMulNBits')
      : dims.length === 2 && users.some(({ opType }) => PICKING.has(opType));
  const stacked = isStack ? layers.find(({ experts }) => Number(dims[0]) === experts) : undefined;
  if (stacked) return 1 - stacked.k / stacked.experts;
  const own = [name, ...users.map((node) => node.name)].some((path) => /experts?[._/]\d+[._/]/.test(path));
  const [first] = layers;
  return own && first ? 1 - first.k / first.experts : 0;
}

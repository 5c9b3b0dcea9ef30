/** A graph that others wrote, made searchable: who produces and who consumes a value, and what is known of it. */
import * as l10n from '@vscode/l10n';
import {
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType as Type,
} from '../../formats/onnx_pb.ts';
import { viewOf } from '../../formats/viewOf.ts';
import { UserError } from '../../protocol/errors.ts';

/** Name of a value in the graph. */
export type Value = string;

/** Sizes along each axis; undefined where they differ from run to run. */
export type Shape = readonly (number | undefined)[];

/** Longest list of integers that is worth knowing: shapes and the like. */
const MAX_CONSTANT = 4096;
/** Longest chain of nodes between a constant and what is wanted of it. */
const MAX_DEPTH = 8;

/** Operators that compute the same numbers in another arrangement, row by row in the same order. */
const REARRANGE = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

export class GraphIndex {
  readonly graph: GraphProto;
  readonly #producers = new Map<Value, NodeProto>();
  readonly #consumers = new Map<Value, NodeProto[]>();
  readonly #initializers: ReadonlyMap<Value, TensorProto>;
  readonly #shapes = new Map<Value, Shape>();
  readonly #inputs: ReadonlySet<Value>;
  readonly #constant = new Map<Value, boolean>();

  /** @throws UserError `weights-invalid` for a graph that has cycles, or a value made twice */
  constructor(graph: GraphProto) {
    this.graph = graph;
    this.#initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    this.#inputs = new Set(graph.input.map(({ name }) => name).filter((name) => !this.#initializers.has(name)));
    for (const node of graph.node) {
      for (const value of node.output) {
        if (value === '') continue;
        if (this.#producers.has(value)) throw invalid(l10n.t`it computes ${JSON.stringify(value)} twice`);
        this.#producers.set(value, node);
      }
      for (const value of new Set(node.input)) {
        if (value === '') continue;
        const others = this.#consumers.get(value);
        if (others) others.push(node);
        else this.#consumers.set(value, [node]);
      }
    }
    this.#refuseCycles();
    for (const { name, type } of [...graph.valueInfo, ...graph.input, ...graph.output]) {
      if (type?.value.case !== 'tensorType' || !type.value.value.shape) continue;
      const { dim } = type.value.value.shape;
      this.#shapes.set(
        name,
        dim.map(({ value }) => (value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : undefined)),
      );
    }
  }

  producer(value: Value): NodeProto | undefined {
    return this.#producers.get(value);
  }

  consumers(value: Value): readonly NodeProto[] {
    return this.#consumers.get(value) ?? [];
  }

  /** The same in every run, whatever is fed. */
  isConstant(value: Value): boolean {
    const known = this.#constant.get(value);
    if (known !== undefined) return known;
    // Iterative: chains of constants can be long. Nodes without inputs count as constant unless they draw at random.
    const stack = [value];
    while (stack.length > 0) {
      const at = stack.at(-1)!;
      const node = this.#producers.get(at);
      const pending = (node?.input ?? []).filter((name) => name !== '' && !this.#constant.has(name));
      if (this.#constant.has(at) || pending.length === 0) {
        const constant =
          this.#initializers.has(at) ||
          (node !== undefined &&
            !this.#inputs.has(at) &&
            !node.opType.startsWith('Random') &&
            node.input.every((name) => name === '' || this.#constant.get(name) === true));
        this.#constant.set(at, constant);
        stack.pop();
      } else {
        stack.push(...pending);
      }
    }
    return this.#constant.get(value)!;
  }

  /** Shape of a value, as far as the graph says it or a constant has it. */
  shape(value: Value, depth = 0): Shape | undefined {
    const known = this.#tensor(value)?.dims.map(Number) ?? this.#shapes.get(value);
    if (known) return known;
    // A constant weight may be stored in another form: quantised, in another type, or turned.
    const node = this.#producers.get(value);
    if (!node || depth > MAX_DEPTH) return undefined;
    const source = (): Shape | undefined => this.shape(node.input[0] ?? '', depth + 1);
    if (node.opType === 'Transpose') return source()?.toReversed();
    return ['Cast', 'Identity', 'DequantizeLinear'].includes(node.opType) ? source() : undefined;
  }

  /** A short constant list, or a single number, of integers or floats; undefined for everything else. */
  numbers(value: Value, depth = 0): readonly number[] | undefined {
    const tensor = this.#tensor(value);
    if (tensor) return numbersOf(tensor);
    const node = this.#producers.get(value);
    if (!node || depth > MAX_DEPTH) return undefined;
    if (node.opType === 'Constant') {
      const one = attribute(node, 'value_int') ?? attribute(node, 'value_float');
      if (one) return [one.name === 'value_int' ? Number(one.i) : one.f];
      const ints = attribute(node, 'value_ints');
      return ints ? ints.ints.map(Number) : attribute(node, 'value_floats')?.floats;
    }
    const passes = REARRANGE.has(node.opType) || node.opType === 'Cast';
    if (passes) return this.numbers(node.input[0] ?? '', depth + 1);
    if (node.opType !== 'Concat') return undefined;
    const parts = node.input.map((name) => this.numbers(name, depth + 1));
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  }

  /** Everything that a value is computed from, by node. */
  ancestors(value: Value): Set<NodeProto> {
    const found = new Set<NodeProto>();
    const pending = [value];
    while (pending.length > 0) {
      const node = this.#producers.get(pending.pop()!);
      if (!node || found.has(node)) continue;
      found.add(node);
      pending.push(...node.input);
    }
    return found;
  }

  #tensor(value: Value): TensorProto | undefined {
    const node = this.#producers.get(value);
    return node?.opType === 'Constant' ? attribute(node, 'value')?.t : this.#initializers.get(value);
  }

  #refuseCycles(): void {
    const open = new Map<NodeProto, number>();
    const ready: NodeProto[] = [];
    for (const node of this.graph.node) {
      const inner = new Set(node.input.filter((name) => this.#producers.has(name)));
      open.set(node, inner.size);
      if (inner.size === 0) ready.push(node);
    }
    let done = 0;
    for (let node = ready.pop(); node; node = ready.pop()) {
      done += 1;
      for (const output of node.output) {
        for (const next of output === '' ? [] : this.consumers(output)) {
          const left = open.get(next)! - 1;
          open.set(next, left);
          if (left === 0) ready.push(next);
        }
      }
    }
    if (done < this.graph.node.length) throw invalid(l10n.t`its graph has a cycle`);
  }
}

export function isRearranging(node: NodeProto): boolean {
  return REARRANGE.has(node.opType);
}

export function attribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((a) => a.name === name);
}

export function intAttribute(node: NodeProto, name: string, fallback: number): number {
  const found = attribute(node, name);
  return found ? Number(found.i) : fallback;
}

/** How the elements of a type are read from raw bytes, and where they stand without these. */
interface ElementReader {
  readonly bytes: number;
  readonly read: (view: DataView, offset: number) => number;
  readonly listed: (tensor: TensorProto) => readonly number[];
}

const READERS: Readonly<Record<number, ElementReader>> = {
  [Type.INT64]: {
    bytes: 8,
    read: (view, offset) => Number(view.getBigInt64(offset, true)),
    listed: ({ int64Data }) => int64Data.map(Number),
  },
  [Type.INT32]: {
    bytes: 4,
    read: (view, offset) => view.getInt32(offset, true),
    listed: ({ int32Data }) => int32Data,
  },
  [Type.BOOL]: { bytes: 1, read: (view, offset) => view.getUint8(offset), listed: ({ int32Data }) => int32Data },
  [Type.FLOAT]: {
    bytes: 4,
    read: (view, offset) => view.getFloat32(offset, true),
    listed: ({ floatData }) => floatData,
  },
};

function numbersOf(tensor: TensorProto): readonly number[] | undefined {
  const { dataType, rawData, dims, externalData } = tensor;
  const reader = READERS[dataType];
  const count = dims.reduce((product, dim) => product * Number(dim), 1);
  if (!reader || count > MAX_CONSTANT || externalData.length > 0) return undefined;
  if (rawData.length === 0) return reader.listed(tensor);
  if (rawData.length !== count * reader.bytes) return undefined;
  const view = viewOf(rawData);
  return Array.from({ length: count }, (_, i) => reader.read(view, i * reader.bytes));
}

function invalid(why: string): UserError {
  return new UserError('weights-invalid', l10n.t`The ONNX model is damaged: ${why}.`);
}

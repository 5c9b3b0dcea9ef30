/**
 * Writes ONNX graphs: nodes are added in order, values are named by the strings that `op` returns. Weights are external
 * data in one file, so a graph of any model is some hundred kilobytes.
 */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  type TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../formats/onnx_pb.ts';
import type { FileRange, PlannedBlocks, PlannedWeight } from './weights.ts';

/** Name of a value in the graph; '' leaves an optional input out. */
export type Value = string;

export type ElementType = 'float32' | 'float16' | 'int32' | 'int64' | 'bool';

/** How a graph is written for the device that runs it. */
export interface GraphForm {
  /**
   * In what the graph computes but for `exactly`. Weights, constants and inputs stay float32 where they come in and are cast, which
   * ONNX Runtime does once, when it loads them.
   */
  readonly activations: 'float32' | 'float16';
  /**
   * How each expert comes to its rows: `split` is one node, with an output an expert, `slice` a node an expert. WebGPU has no
   * more than a dozen buffers for a node.
   */
  readonly expertRows: 'split' | 'slice';
  /**
   * Operator of products with weights. Gemm tells the runtime the width of what it gives even where the rows are unknown, which
   * makes sessions with thousands of experts slow to create; WebGPU has no kernel for the other.
   */
  readonly product: 'FusedMatMul' | 'Gemm';
  /**
   * What a pass hands out of its keys and values: `rows`, those of its own tokens, for whoever keeps the others, or `all`, where
   * they stay on the device.
   */
  readonly caches: 'rows' | 'all';
  /** What products with weights in blocks round activations to. */
  readonly blockActivations: 'int8' | 'none';
}

/** The form for the CPU. */
export const CPU_FORM: GraphForm = {
  activations: 'float32',
  expertRows: 'split',
  product: 'FusedMatMul',
  caches: 'rows',
  blockActivations: 'int8',
};

/** What a node runs by itself, with values of the graph around it. */
interface Branch {
  readonly nodes: readonly Node[];
  readonly outputs: readonly Value[];
}

type Attribute = number | string | readonly number[] | { readonly float: number } | Branch;

const ELEMENT: Readonly<Record<ElementType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  bool: TensorProto_DataType.BOOL,
};

/** Numbers ONNX uses for element types, for the attribute `to` of Cast. */
export const CAST_TO: Readonly<Record<ElementType, number>> = ELEMENT;

const OPSET = 21;
const IR_VERSION = 10;

/** Operators of ONNX Runtime that ONNX itself has not. */
const MICROSOFT = new Set([
  'CausalConvWithState',
  'FusedMatMul',
  'GroupQueryAttention',
  'LinearAttention',
  'MatMulNBits',
  'QuickGelu',
  'RotaryEmbedding',
  'SkipLayerNormalization',
  'SkipSimplifiedLayerNormalization',
]);

/** As `ops` was told of it: a graph that nobody asks for in bytes costs little. */
interface Node {
  readonly type: string;
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Operators whose result is not of the floating-point type of what goes in. */
const NOT_FLOAT = new Set(['ArgMax', 'Equal', 'Greater', 'LessOrEqual', 'NonZero', 'Shape']);

export class Graph {
  readonly form: GraphForm;
  readonly #weightFile: string;
  #nodes: Node[] = [];
  /** Nodes that have a name, also those of branches. */
  #named = 0;
  readonly #initializers = new Map<string, () => TensorProto>();
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  /** Of values that are floating-point numbers, which kind; kept where there are two kinds. */
  readonly #floats = new Map<Value, 'float32' | 'float16'>();
  readonly #casts = new Map<string, Value>();
  #scope = '';
  #exact = false;

  /** @param weightFile name of the file beside the graph that holds the weights */
  constructor(weightFile: string, form: GraphForm = CPU_FORM) {
    this.#weightFile = weightFile;
    this.form = form;
  }

  /** How many there are, also those of branches. */
  get nodes(): number {
    return this.#named;
  }

  /** Runs `build` with a prefix for the names of what it adds, so that a profile tells the parts of a model apart. */
  in<T>(scope: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = outer ? `${outer}/${scope}` : scope;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  /** Runs `build` with float32 for all that is computed: for what decides, and for sums over many tokens. */
  exactly<T>(build: () => T): T {
    return this.#at(true, build);
  }

  /** Runs `build` in the form's type, wherever it stands: for the products with large matrices. */
  loosely<T>(build: () => T): T {
    return this.#at(false, build);
  }

  #at<T>(exact: boolean, build: () => T): T {
    const outer = this.#exact;
    this.#exact = exact;
    try {
      return build();
    } finally {
      this.#exact = outer;
    }
  }

  input(name: string, type: ElementType, shape: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    if (type === 'float32' || type === 'float16') this.#floats.set(name, type);
    return name;
  }

  /** Makes a value an output of the graph, cast to that type if need be; the output's name. */
  output(value: Value, type: ElementType, shape: readonly (number | string)[]): Value {
    const cast = type === 'float32' || type === 'float16' ? this.#as(value, type) : value;
    this.#outputs.push(valueInfo(cast, type, shape));
    return cast;
  }

  /** Adds a node with one output. */
  op(type: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    return this.ops(type, inputs, 1, attributes)[0]!;
  }

  /** Adds a node with several outputs. */
  ops(
    type: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value[] {
    const float = this.#exact ? 'float32' : this.form.activations;
    const hasFloat = type !== 'Cast' && inputs.some((value) => this.#floats.has(value));
    const cast = hasFloat ? inputs.map((value) => this.#as(value, float)) : inputs;
    const values = this.#node(type, cast, outputs, attributes);
    if (type === 'Cast' && attributes['to'] === CAST_TO.float32) this.#floats.set(values[0]!, 'float32');
    if (hasFloat && !NOT_FLOAT.has(type)) {
      for (const value of type === 'TopK' ? values.slice(0, 1) : values) this.#floats.set(value, float);
    }
    return values;
  }

  /**
   * What one of two branches gives, both as many float32 values: each is a value that a node of the branch makes. Only the branch
   * that is taken runs. For graphs of one kind of floating-point numbers.
   *
   * @param condition bool [1]
   */
  either(condition: Value, first: () => readonly Value[], second: () => readonly Value[]): Value[] {
    const [then, otherwise] = [this.#branch(first), this.#branch(second)];
    return this.ops('If', [condition], then.outputs.length, { then_branch: then, else_branch: otherwise });
  }

  #branch(build: () => readonly Value[]): Branch {
    const outer = this.#nodes;
    const nodes: Node[] = (this.#nodes = []);
    try {
      return { outputs: build(), nodes };
    } finally {
      this.#nodes = outer;
    }
  }

  /** The value as that type, if it is a floating-point number. */
  #as(value: Value, type: 'float32' | 'float16'): Value {
    const known = this.#floats.get(value);
    if (known === undefined || known === type) return value;
    const key = `${type} ${value}`;
    const cast = this.#casts.get(key) ?? this.#node('Cast', [value], 1, { to: CAST_TO[type] })[0]!;
    this.#casts.set(key, cast);
    this.#floats.set(cast, type);
    return cast;
  }

  #node(
    type: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>>,
  ): Value[] {
    const name = `${this.#scope}/${type}#${this.#named++}`;
    const values = Array.from({ length: outputs }, (_, i) => (i === 0 ? name : `${name}.${i}`));
    this.#nodes.push({ type, name, inputs, outputs: values, attributes });
    return values;
  }

  /** A float32 weight in the weight file. */
  weight({ name, shape, offset, bytes }: PlannedWeight): Value {
    return this.#external(name, TensorProto_DataType.FLOAT, shape, { offset, bytes });
  }

  /** The parts of a matrix that lies in blocks in the weight file. */
  blocks(name: string, { shapes, ...at }: PlannedBlocks): { values: Value; scales: Value } {
    const { UINT8, FLOAT } = TensorProto_DataType;
    return {
      values: this.#external(name, UINT8, shapes.values, at.values),
      scales: this.#external(`${name}/scales`, FLOAT, shapes.scales, at.scales),
    };
  }

  #external(name: string, dataType: TensorProto_DataType, shape: readonly number[], at: FileRange): Value {
    if (dataType === TensorProto_DataType.FLOAT) this.#floats.set(name, 'float32');
    if (!this.#initializers.has(name)) {
      this.#initializers.set(name, () =>
        create(TensorProtoSchema, {
          name,
          dataType,
          dims: shape.map(BigInt),
          dataLocation: TensorProto_DataLocation.EXTERNAL,
          externalData: [
            { key: 'location', value: this.#weightFile },
            { key: 'offset', value: String(at.offset) },
            { key: 'length', value: String(at.bytes) },
          ],
        }),
      );
    }
    return name;
  }

  /** A constant of integers, shared by all who ask for the same one. A number is a scalar, a list is one axis. */
  ints(values: number | readonly number[], type: 'int32' | 'int64' = 'int64'): Value {
    const list = typeof values === 'number' ? [values] : values;
    const name = `${type}:${typeof values === 'number' ? 'scalar' : 'list'}:${list.join(',')}`;
    if (!this.#initializers.has(name)) {
      const data = type === 'int64' ? BigInt64Array.from(list.map(BigInt)) : Int32Array.from(list);
      this.#initializers.set(name, () =>
        create(TensorProtoSchema, {
          name,
          dataType: ELEMENT[type],
          dims: typeof values === 'number' ? [] : [BigInt(list.length)],
          rawData: new Uint8Array(data.buffer),
        }),
      );
    }
    return name;
  }

  /** A float32 scalar constant. */
  float(value: number): Value {
    const name = `float32:${value}`;
    this.#floats.set(name, 'float32');
    if (!this.#initializers.has(name)) {
      this.#initializers.set(name, () =>
        create(TensorProtoSchema, {
          name,
          dataType: TensorProto_DataType.FLOAT,
          dims: [],
          rawData: new Uint8Array(Float32Array.of(value).buffer),
        }),
      );
    }
    return name;
  }

  /** The model as ONNX bytes. */
  bytes(name: string): Uint8Array {
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, {
        irVersion: BigInt(IR_VERSION),
        producerName: 'MoEScope',
        opsetImport: [
          { domain: '', version: BigInt(OPSET) },
          { domain: 'com.microsoft', version: 1n },
        ],
        graph: create(GraphProtoSchema, {
          name,
          node: this.#nodes.map(nodeProto),
          initializer: Array.from(this.#initializers.values(), (tensor) => tensor()),
          input: this.#inputs,
          output: this.#outputs,
        }),
      }),
    );
  }
}

/** Takes what a graph takes and keeps none of it: for whoever wants to know which weights a model needs, and no graph. */
export class GraphDraft extends Graph {
  #names = 0;

  override ops(type: string, _inputs: readonly Value[], outputs: number): Value[] {
    const name = `${type}#${this.#names++}`;
    return Array.from({ length: outputs }, (_, i) => `${name}.${i}`);
  }

  override weight({ name }: PlannedWeight): Value {
    return name;
  }
}

function nodeProto({ type, name, inputs, outputs, attributes }: Node): NodeProto {
  return create(NodeProtoSchema, {
    opType: type,
    domain: MICROSOFT.has(type) ? 'com.microsoft' : '',
    name,
    input: [...inputs],
    output: outputs,
    attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  });
}

/** Floating-point numbers of whatever shape. */
const FLOATS = { value: { case: 'tensorType', value: { elemType: TensorProto_DataType.FLOAT } } } as const;

function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: ELEMENT[type],
          shape: {
            dim: shape.map(dimension),
          },
        },
      },
    },
  });
}

/** A fixed size, or the name of one that differs from run to run. */
function dimension(size: number | string): MessageInitShape<typeof TensorShapeProto_DimensionSchema> {
  return typeof size === 'number'
    ? { value: { case: 'dimValue', value: BigInt(size) } }
    : { value: { case: 'dimParam', value: size } };
}

/** A whole number becomes an int attribute; `{ float }` says that a number is meant as a float whatever it looks like. */
function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === 'string') {
    const s = new TextEncoder().encode(value);
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s });
  }
  if ('nodes' in value) {
    const g = create(GraphProtoSchema, {
      name,
      node: value.nodes.map(nodeProto),
      output: value.outputs.map((output) => create(ValueInfoProtoSchema, { name: output, type: FLOATS })),
    });
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g });
  }
  if ('float' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.float });
  }
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) });
}

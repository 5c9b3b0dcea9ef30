/** An ONNX model that others exported: what it is fed, where its routers are, and the graph that hands both out. */
import * as l10n from '@vscode/l10n';
import { toBinary } from '@bufbuild/protobuf';
import type { OnnxFacts } from '../../formats/onnxFolder.ts';
import type { OnnxFile } from '../../formats/onnxModel.ts';
import { type GraphProto, ModelProtoSchema, TensorProto_DataType as Type } from '../../formats/onnx_pb.ts';
import { UserError } from '../../protocol/errors.ts';
import type { RouterTap } from '../stack.ts';
import { findRouters, type RouterSet } from './findRouters.ts';
import { flatten } from './flatten.ts';
import { GraphIndex, type Value } from './graphIndex.ts';
import { modelPorts, type ModelPorts, type Port } from './inputs.ts';
import { addTaps, GraphExtension } from './taps.ts';

/** What is added to the graph leans on operators as this version of ONNX defines them. */
const MIN_OPSET = 13;

export interface ForeignModel {
  readonly file: OnnxFile;
  readonly index: GraphIndex;
  readonly ports: ModelPorts;
  /** The program that wrote the file. */
  readonly producer: string;
  /** At least one. */
  readonly sets: readonly RouterSet[];
  readonly vocabulary: number;
  /** 0 where nothing tells it. */
  readonly hiddenSize: number;
}

/**
 * Understands the model of an ONNX file.
 *
 * @throws UserError `architecture-unsupported`, `weights-invalid`, or `not-moe` when no router is found
 */
export function describeForeign(file: OnnxFile, facts: OnnxFacts): ForeignModel {
  const { model, graph } = file;
  const opset = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n;
  if (opset < MIN_OPSET) {
    throw new UserError(
      'architecture-unsupported',
      l10n.t`This ONNX model uses operator set ${String(opset)}; MoEScope reads those from ${MIN_OPSET} on: export it again.`,
    );
  }
  flatten(model, graph);
  const index = new GraphIndex(graph);
  const ports = modelPorts(index, facts);
  const sets = findRouters(index, ports.logits.name, facts.layers);
  if (sets.length === 0) {
    throw new UserError(
      'not-moe',
      l10n.t`${file.path} has no router: no MoE operator, and no choice of the highest of 2 to 1,024 scores that leads to its logits.`,
    );
  }
  const embedding = embeddingShape(index, ports);
  const width = ports.logits.dims.at(-1);
  const vocabulary = typeof width === 'number' && width > 0 ? width : (facts.vocabulary ?? embedding?.[0]);
  if (vocabulary === undefined) {
    throw new UserError('architecture-unsupported', l10n.t`This ONNX model does not tell the size of its vocabulary.`);
  }
  const producer = `${model.producerName} ${model.producerVersion}`.trim();
  return {
    file,
    index,
    ports,
    producer: producer === '' ? l10n.t`an unknown exporter` : producer,
    sets,
    vocabulary,
    hiddenSize: facts.hiddenSize ?? embedding?.[1] ?? 0,
  };
}

/** [V, H] of the table that the token ids are looked up in. */
function embeddingShape(index: GraphIndex, { inputs }: ModelPorts): readonly (number | undefined)[] | undefined {
  const ids = inputs.find(({ role }) => role === 'ids')!.name;
  const gather = index.consumers(ids).find(({ opType }) => opType === 'Gather');
  return gather && index.shape(gather.input[0]!);
}

/** A foreign graph that hands out what a run needs. */
export interface TappedGraph extends Pick<ModelPorts, 'inputs' | 'caches'> {
  readonly bytes: Uint8Array;
  readonly taps: readonly RouterTap[];
  /** int64 [T]: for each token the one whose log-probability is wanted after it. Absent where only the last token has logits. */
  readonly targets?: Value;
  /** float32 [T, 1]. */
  readonly logProb?: Value;
  /** Of the last token; float32 [1, V]. */
  readonly lastLogits: Value;
}

/** Adds the outputs of a set of routers and of the head, and leaves out those that nobody asks for. Changes the file's graph. */
export function tapForeign({ file, ports, vocabulary }: ForeignModel, set: RouterSet): TappedGraph {
  const { graph, model } = file;
  const presents = new Set(ports.caches.map(({ present }) => present));
  graph.output = graph.output.filter(({ name }) => presents.has(name));
  const extension = new GraphExtension(graph, 'head');
  const fed = {
    inputs: ports.inputs.map((input) => asFloat32(graph, extension, input)),
    caches: ports.caches.map((cache) => asFloat32(graph, extension, cache)),
  };
  const taps = addTaps(graph, set);
  const rows = extension.rows(ports.logits.name, vocabulary);
  if (ports.lastOnly) {
    const lastLogits = extension.output(rows, Type.FLOAT, [1, vocabulary]);
    return { ...fed, bytes: toBinary(ModelProtoSchema, model), taps, lastLogits };
  }
  const targets = extension.input('targets', Type.INT64, ['moescope_tokens']);
  const column = extension.op('Unsqueeze', [targets, extension.ints([1])]);
  const all = extension.op('LogSoftmax', [rows], { axis: -1 });
  const logProb = extension.op('GatherElements', [all, column], { axis: 1 });
  const end = [[-1], [2 ** 31], [0]].map((list) => extension.ints(list));
  const lastLogits = extension.op('Slice', [rows, ...end]);
  extension.output(logProb, Type.FLOAT, ['moescope_tokens', 1]);
  extension.output(lastLogits, Type.FLOAT, [1, vocabulary]);
  return { ...fed, bytes: toBinary(ModelProtoSchema, model), taps, targets, logProb, lastLogits };
}

/** Makes an input of half precision, and the output that feeds it again, float32: JavaScript has no other floats on every version. */
function asFloat32<P extends Port & { readonly present?: Value }>(
  graph: GraphProto,
  extension: GraphExtension,
  port: P,
): P {
  if (port.type !== 'float16' && port.type !== 'bfloat16') return port;
  const input = graph.input.find(({ name }) => name === port.name)!;
  if (input.type?.value.case === 'tensorType') input.type.value.value.elemType = Type.FLOAT;
  input.name = `${port.name}.float32`;
  const narrow = port.type === 'float16' ? Type.FLOAT16 : Type.BFLOAT16;
  extension.feed(port.name, input.name, narrow);
  const { present } = port;
  if (present === undefined) return { ...port, name: input.name, type: 'float32' };
  graph.output = graph.output.filter(({ name }) => name !== present);
  const wide = extension.output(
    extension.cast(present, Type.FLOAT),
    Type.FLOAT,
    port.dims.map((size) => size ?? ''),
  );
  return { ...port, name: input.name, type: 'float32', present: wide };
}

/** An ONNX file: its graph, with every weight left where it lies. */
import * as l10n from '@vscode/l10n';
import { fromBinary } from '@bufbuild/protobuf';
import { readFile, realpath } from 'node:fs/promises';
import { basename, relative, sep } from 'node:path';
import { messageOf, UserError } from '../protocol/errors.ts';
import {
  ModelProtoSchema,
  TensorProto_DataLocation,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from './onnx_pb.ts';
import { refuseLfsPointer } from './lfsPointer.ts';
import { bytesOf, ExternalFiles, setExternal } from './onnxTensor.ts';
import { regularFile } from './regularFile.ts';

/** Protocol buffers end at 2 GiB: a larger model has its weights in other files. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
/** The largest graphs known, those that loop over hundreds of experts a layer, have some 500,000. */
const MAX_NODES = 2_000_000;
/** Smaller tensors stay in the graph: they may be shapes, which ONNX Runtime wants to see while it loads. */
const MIN_MOVED_BYTES = 64 * 1024;

export interface OnnxFile {
  readonly path: string;
  /** With all weights of more than a few kilobytes as external data, places relative to `weightFolder`. */
  readonly model: ModelProto;
  readonly graph: GraphProto;
  /** Real path of the folder that holds every file that external data names. */
  readonly weightFolder: string;
  /** Of all initializers. */
  readonly weightBytes: number;
}

/**
 * Reads an ONNX file, and checks where its weights lie: in it, or in files of its own folder. In a Hugging Face cache these
 * are links to files of the same repository. No weight is read.
 *
 * @throws UserError `folder-missing`, `weights-missing` or `weights-invalid`, with a sentence that names the file or tensor
 */
export async function readOnnxFile(path: string): Promise<OnnxFile> {
  const bytes = await readBytes(path);
  const { model, graph } = parseOnnx(bytes, basename(path));
  const files = await ExternalFiles.of(path);
  let weightBytes = 0;
  for (const tensor of tensorsOf(graph, model.functions)) {
    weightBytes += bytesOf(tensor)!;
    if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) await files.place(tensor);
  }
  const self = relative(files.root, await realpath(path));
  if (!self.startsWith('..')) moveOut(graph.initializer, bytes, self.split(sep).join('/'));
  return { path, model, graph, weightFolder: files.root, weightBytes };
}

/**
 * Understands an ONNX file's bytes.
 *
 * @param name what an error calls it
 * @throws UserError `weights-invalid`
 */
function parseOnnx(bytes: Uint8Array, name: string): Pick<OnnxFile, 'model' | 'graph'> {
  const invalid = (why: string, cause?: unknown): UserError =>
    new UserError('weights-invalid', l10n.t`${name} is not an ONNX model that can be read: ${why}.`, { cause });
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw invalid(l10n.t`it is damaged or cut short (${messageOf(error)})`, error);
  }
  const { graph, opsetImport, functions } = model;
  if (!graph || graph.node.length === 0) throw invalid(l10n.t`it has no graph`);
  if (opsetImport.length === 0) throw invalid(l10n.t`it names no operator set`);
  const nodes = functions.reduce((sum, f) => sum + f.node.length, graph.node.length);
  if (nodes > MAX_NODES) throw invalid(l10n.t`it has ${nodes} nodes`);
  for (const tensor of tensorsOf(graph, functions)) {
    const external = tensor.dataLocation === TensorProto_DataLocation.EXTERNAL;
    const size = bytesOf(tensor);
    if (size === undefined) throw invalid(l10n.t`the tensor ${tensor.name} has no possible size`);
    if (!external && tensor.rawData.length > 0 && tensor.rawData.length !== size) {
      throw invalid(l10n.t`the tensor ${tensor.name} has ${tensor.rawData.length} bytes where its shape needs ${size}`);
    }
  }
  return { model, graph };
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    // Before it is opened: a pipe would keep us waiting.
    const { size } = await regularFile(path);
    if (size > MAX_FILE_BYTES) {
      throw new UserError(
        'weights-invalid',
        l10n.t`${path} has ${(size / 1e9).toFixed(1)} GB; an ONNX file of more than 2 GB cannot be whole.`,
      );
    }
    await refuseLfsPointer(path, size, 'weights-missing');
    return await readFile(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('folder-missing', l10n.t`${path} does not exist or cannot be read.`, { cause: error });
  }
}

/** Every tensor of a model, those in the attributes of nodes included. */
function* tensorsOf(graph: GraphProto, functions: readonly FunctionProto[]): Generator<TensorProto> {
  yield* ofGraph(graph);
  for (const { node } of functions) yield* ofNodes(node);
}

function* ofGraph(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  yield* ofNodes(graph.node);
}

function* ofNodes(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const { attribute } of nodes) {
    for (const { t, tensors, g, graphs } of attribute) {
      if (t) yield t;
      yield* tensors;
      for (const graph of g ? [g, ...graphs] : graphs) yield* ofGraph(graph);
    }
  }
}

/** Makes what lies in the file itself external data of it, so that the graph alone is small. */
function moveOut(initializers: readonly TensorProto[], bytes: Uint8Array, self: string): void {
  for (const tensor of initializers) {
    const { rawData, dataLocation } = tensor;
    if (dataLocation === TensorProto_DataLocation.EXTERNAL || rawData.length < MIN_MOVED_BYTES) continue;
    setExternal(tensor, { location: self, offset: rawData.byteOffset - bytes.byteOffset, length: rawData.length });
  }
}

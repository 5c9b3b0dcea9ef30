/**
 * Contract between whoever wants to know what a model is (extension host, command line) and the inspector process, which
 * reads configs and headers, never weights, and loads no native module.
 */
import { RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { ErrorData } from './errors.ts';
import type { RouterFinding } from './routers.ts';
import type { Recording } from './recording.ts';
import type { ModelShape } from './server.ts';
import type { Inspection, LocalModels, TensorQuery, TensorRows } from './model.ts';

/** Caller to inspector. Requests run side by side. */
export const toInspector = {
  /** What the checkpoint in a folder, or around a file, is. */
  inspect: new RequestType<string, Inspection, ErrorData>('inspect'),
  /** What the config.json of a folder says of its layers, weights or not. */
  shape: new RequestType<string, ModelShape, ErrorData>('shape'),
  /** What a file of recorded routing holds. */
  recording: new RequestType<string, Recording, ErrorData>('recording'),
  /** Tensors of a checkpoint, in the order of their names. */
  tensors: new RequestType<TensorQuery, TensorRows, ErrorData>('tensors'),
  /** What the routers of an ONNX model seem to be; null where the path means a checkpoint. */
  routers: new RequestType<string, RouterFinding | null, ErrorData>('routers'),
  /** What can be found on this machine without being told where. */
  find: new RequestType0<LocalModels, ErrorData>('find'),
} as const;

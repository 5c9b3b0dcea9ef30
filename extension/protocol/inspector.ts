/**
 * Contract between whoever wants to know what a model is (extension host, command line) and the inspector process, which
 * reads configs and headers, never weights, and loads no native module.
 */
import { RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { ErrorData } from './errors.ts';
import type { RouterFinding } from './routers.ts';
import type { Apart } from './apart.ts';
import type { RecordingPaths } from './recording.ts';
import type { ModelShape } from './server.ts';
import type { Inspection, LocalModels, TensorQuery, TensorRows } from './model.ts';

export interface Piece {
  readonly column: number;
  /** In bytes. */
  readonly from: number;
}

/** Caller to inspector. Requests run side by side. */
export const toInspector = {
  /** What the checkpoint in a folder, or around a file, is. */
  inspect: new RequestType<string, Inspection, ErrorData>('inspect'),
  /** What the config.json of a folder says of its layers, weights or not. */
  shape: new RequestType<string, ModelShape, ErrorData>('shape'),
  /** What files of recorded routing hold together: an OpenedRecording, taken apart. */
  recording: new RequestType<RecordingPaths, Apart, ErrorData>('recording'),
  /** A piece of a column of the recording that was asked for last; a column goes when its end was taken. */
  piece: new RequestType<Piece, Uint8Array, ErrorData>('piece'),
  /** Tensors of a checkpoint, in the order of their names. */
  tensors: new RequestType<TensorQuery, TensorRows, ErrorData>('tensors'),
  /** What the routers of an ONNX model seem to be; null where the path means a checkpoint. */
  routers: new RequestType<string, RouterFinding | null, ErrorData>('routers'),
  /** What can be found on this machine without being told where. */
  find: new RequestType0<LocalModels, ErrorData>('find'),
} as const;

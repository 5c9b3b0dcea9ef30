import { bytesOf, putTogether, sharedColumn, type Column, type ColumnShape } from '../protocol/apart.ts';
import { toInspector } from '../protocol/inspector.ts';
import type { Inspection, LocalModels, TensorQuery, TensorRows } from '../protocol/model.ts';
import type { OpenedRecording, RecordingPaths } from '../protocol/recording.ts';
import type { RouterFinding } from '../protocol/routers.ts';
import type { ModelShape } from '../protocol/server.ts';
import { PeerProcess, type PeerOptions } from './peerProcess.ts';

/** In MB: of a hundred thousand tensors nearly all that is made of their headers stays, and is not to be copied about. */
const YOUNG_GENERATION = '--max-semi-space-size=64';

/** One life of the inspector process. */
export class InspectorProcess extends PeerProcess {
  constructor(options: PeerOptions) {
    super('inspector', { ...options, execArgv: [YOUNG_GENERATION, ...(options.execArgv ?? [])] });
  }

  inspect(path: string, signal: AbortSignal): Promise<Inspection> {
    return this.request(signal, (connection, token) => connection.sendRequest(toInspector.inspect, path, token));
  }

  shape(folder: string, signal: AbortSignal): Promise<ModelShape> {
    return this.request(signal, (connection, token) => connection.sendRequest(toInspector.shape, folder, token));
  }

  /** However large it is, it comes in pieces: its columns lie in memory that threads share. */
  async recording(paths: RecordingPaths, signal: AbortSignal): Promise<OpenedRecording> {
    const apart = await this.request(signal, (connection, token) =>
      connection.sendRequest(toInspector.recording, paths, token),
    );
    const columns: Column[] = [];
    for (const shape of apart.columns) columns.push(await this.#column(columns.length, shape, signal));
    return putTogether(apart, columns) as OpenedRecording;
  }

  tensors(query: TensorQuery, signal: AbortSignal): Promise<TensorRows> {
    return this.request(signal, (connection, token) => connection.sendRequest(toInspector.tensors, query, token));
  }

  routers(path: string, signal: AbortSignal): Promise<RouterFinding | null> {
    return this.request(signal, (connection, token) => connection.sendRequest(toInspector.routers, path, token));
  }

  find(signal: AbortSignal): Promise<LocalModels> {
    return this.request(signal, (connection, token) => connection.sendRequest(toInspector.find, token));
  }

  async #column(number: number, shape: ColumnShape, signal: AbortSignal): Promise<Column> {
    const column = sharedColumn(shape);
    const bytes = bytesOf(column);
    for (let from = 0; from < bytes.length;) {
      const piece = await this.request(signal, (connection, token) =>
        connection.sendRequest(toInspector.piece, { column: number, from }, token),
      );
      bytes.set(piece, from);
      from += piece.length;
    }
    return column;
  }
}

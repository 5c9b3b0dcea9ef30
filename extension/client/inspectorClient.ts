import * as l10n from '@vscode/l10n';
import type { MessageConnection, CancellationToken } from 'vscode-jsonrpc/node';
import { bytesOf, putTogether, sharedColumn, type Column, type ColumnShape } from '../protocol/apart.ts';
import { UserError } from '../protocol/errors.ts';
import { toInspector } from '../protocol/inspector.ts';
import type { Inspection, LocalModels, TensorQuery, TensorRows } from '../protocol/model.ts';
import type { OpenedRecording, RecordingPaths } from '../protocol/recording.ts';
import type { ModelShape } from '../protocol/server.ts';
import type { RouterFinding } from '../protocol/routers.ts';
import type { PeerOptions, PeerProcess } from './peerProcess.ts';

/** It holds the headers of the model asked for last. */
const IDLE_MS = 60_000;
/** In MB: of a hundred thousand tensors nearly all that is made of their headers stays, and is not to be copied about. */
const YOUNG_GENERATION = '--max-semi-space-size=64';

/**
 * The inspector process as its callers see it: started when it is asked, ended when idle. A file that it dies of costs the
 * request that named the file.
 */
export class InspectorClient {
  readonly #options: PeerOptions;
  #process: PeerProcess | undefined;
  #pending = 0;
  #idle: NodeJS.Timeout | undefined;
  #disposed = false;

  /** @param options where the inspector's bundle is */
  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /** What the checkpoint in a folder, or around a file, is. Throws UserError. */
  inspect(path: string, signal: AbortSignal): Promise<Inspection> {
    return this.#request(signal, (connection, token) => connection.sendRequest(toInspector.inspect, path, token));
  }

  /** What a folder's config.json says of its layers. Throws UserError. */
  shape(folder: string, signal: AbortSignal): Promise<ModelShape> {
    return this.#request(signal, (connection, token) => connection.sendRequest(toInspector.shape, folder, token));
  }

  /**
   * What files of recorded routing hold together. However large it is, it comes in pieces: its columns lie in memory that threads
   * share. One recording at a time. Throws UserError.
   */
  async recording(paths: RecordingPaths, signal: AbortSignal): Promise<OpenedRecording> {
    const apart = await this.#request(signal, (connection, token) =>
      connection.sendRequest(toInspector.recording, paths, token),
    );
    const columns: Column[] = [];
    for (const shape of apart.columns) columns.push(await this.#column(columns.length, shape, signal));
    return putTogether(apart, columns) as OpenedRecording;
  }

  /** A piece of the list of a checkpoint's tensors. Throws UserError. */
  tensors(query: TensorQuery, signal: AbortSignal): Promise<TensorRows> {
    return this.#request(signal, (connection, token) => connection.sendRequest(toInspector.tensors, query, token));
  }

  /** What the routers of an ONNX model seem to be; null where the path means a checkpoint. Throws UserError. */
  routers(path: string, signal: AbortSignal): Promise<RouterFinding | null> {
    return this.#request(signal, (connection, token) => connection.sendRequest(toInspector.routers, path, token));
  }

  /** Models on this machine. Throws UserError. */
  find(signal: AbortSignal): Promise<LocalModels> {
    return this.#request(signal, (connection, token) => connection.sendRequest(toInspector.find, token));
  }

  /** Ends the process; calls under way reject. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#idle);
    this.#process?.kill();
  }

  async #column(number: number, shape: ColumnShape, signal: AbortSignal): Promise<Column> {
    const column = sharedColumn(shape);
    const bytes = bytesOf(column);
    for (let from = 0; from < bytes.length;) {
      const piece = await this.#request(signal, (connection, token) =>
        connection.sendRequest(toInspector.piece, { column: number, from }, token),
      );
      bytes.set(piece, from);
      from += piece.length;
    }
    return column;
  }

  async #request<R>(
    signal: AbortSignal,
    send: (connection: MessageConnection, token: CancellationToken) => Promise<R>,
  ): Promise<R> {
    this.#pending += 1;
    clearTimeout(this.#idle);
    try {
      return await (await this.#running()).request(signal, send);
    } finally {
      this.#pending -= 1;
      if (this.#pending === 0 && !this.#disposed) {
        this.#idle = setTimeout(() => this.#process?.kill(), IDLE_MS);
        this.#idle.unref();
      }
    }
  }

  async #running(): Promise<PeerProcess> {
    // Loaded with the first request: activation does not wait for it.
    const { PeerProcess } = await import('./peerProcess.ts');
    if (this.#disposed) throw new UserError('inspector-gone', l10n.t`MoEScope is shutting down.`);
    if (this.#process) return this.#process;
    const started = new PeerProcess('inspector', {
      ...this.#options,
      execArgv: [YOUNG_GENERATION, ...(this.#options.execArgv ?? [])],
    });
    this.#process = started;
    void started.exited.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    return started;
  }
}

import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import type { Inspection, LocalModels, TensorQuery, TensorRows } from '../protocol/model.ts';
import type { OpenedRecording, RecordingPaths } from '../protocol/recording.ts';
import type { ModelShape } from '../protocol/server.ts';
import type { RouterFinding } from '../protocol/routers.ts';
import { answered } from './answered.ts';
import type { InspectorProcess } from './inspectorProcess.ts';
import type { PeerOptions } from './peerProcess.ts';

/** It holds the headers of the model asked for last. */
const IDLE_MS = 60_000;

/**
 * The inspector process as its callers see it: started when it is asked, ended when idle. A file that it dies of costs the
 * request that named the file.
 */
export class InspectorClient {
  readonly #options: PeerOptions;
  #process: InspectorProcess | undefined;
  #pending = 0;
  #idle: NodeJS.Timeout | undefined;
  #disposed = false;

  /** @param options where the inspector's bundle is */
  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /** What the checkpoint in a folder, or around a file, is. Throws UserError. */
  inspect(path: string, signal: AbortSignal): Promise<Inspection> {
    return this.#request((inspector) => inspector.inspect(path, signal));
  }

  /** What a folder's config.json says of its layers. Throws UserError. */
  shape(folder: string, signal: AbortSignal): Promise<ModelShape> {
    return this.#request((inspector) => inspector.shape(folder, signal));
  }

  /** What files of recorded routing hold together. One recording at a time. Throws UserError. */
  recording(paths: RecordingPaths, signal: AbortSignal): Promise<OpenedRecording> {
    return this.#request((inspector) => inspector.recording(paths, signal));
  }

  /** A piece of the list of a checkpoint's tensors. Throws UserError. */
  tensors(query: TensorQuery, signal: AbortSignal): Promise<TensorRows> {
    return this.#request((inspector) => inspector.tensors(query, signal));
  }

  /** What the routers of an ONNX model seem to be; null where the path means a checkpoint. Throws UserError. */
  routers(path: string, signal: AbortSignal): Promise<RouterFinding | null> {
    return this.#request((inspector) => inspector.routers(path, signal));
  }

  /** Models on this machine. Throws UserError. */
  find(signal: AbortSignal): Promise<LocalModels> {
    return this.#request((inspector) => inspector.find(signal));
  }

  /** Ends the process; calls under way reject. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#idle);
    this.#process?.kill();
  }

  async #request<R>(send: (inspector: InspectorProcess) => Promise<R>): Promise<R> {
    this.#pending += 1;
    clearTimeout(this.#idle);
    try {
      return await answered(() => this.#running(), send);
    } finally {
      this.#pending -= 1;
      if (this.#pending === 0 && !this.#disposed) {
        this.#idle = setTimeout(() => this.#process?.kill(), IDLE_MS);
        this.#idle.unref();
      }
    }
  }

  async #running(): Promise<InspectorProcess> {
    // What speaks to the process is loaded with the first request: activation does not wait for it.
    const { InspectorProcess } = await import('./inspectorProcess.ts');
    if (this.#disposed) throw new UserError('inspector-gone', l10n.t`MoEScope is shutting down.`);
    if (this.#process && !this.#process.killed) return this.#process;
    const started = new InspectorProcess(this.#options);
    this.#process = started;
    void started.exited.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    return started;
  }
}

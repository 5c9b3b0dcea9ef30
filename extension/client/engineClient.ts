import * as l10n from '@vscode/l10n';
import type { Continued, ContinueParams } from '../protocol/continuation.ts';
import type {
  AnalyzeResult,
  AnalyzeSink,
  BalanceParams,
  Began,
  CachedModel,
  ClearedCache,
  LiveParams,
  MeasureParams,
  ModelRequest,
  ProfileParams,
  Progress,
  TokenizeParams,
  TokenRanges,
} from '../protocol/engine.ts';
import { throwIfAborted, UserError } from '../protocol/errors.ts';
import type { FittedBias, Measured } from '../protocol/intervention.ts';
import type { ModelProfile } from '../protocol/profile.ts';
import type { ServerSpec } from '../protocol/server.ts';
import type { ModelInfo, Provider } from '../protocol/trace.ts';
import { answered } from './answered.ts';
import type { EngineProcess } from './engineProcess.ts';
import type { PeerOptions } from './peerProcess.ts';

export interface EngineClientOptions extends PeerOptions {
  /** Routes a text whose model is on a server; without it there are none. Throws UserError. */
  readonly elsewhere?: (
    server: ServerSpec,
    run: number,
    text: string,
    sink: AnalyzeSink,
    signal: AbortSignal,
    live: LiveParams | undefined,
  ) => Promise<AnalyzeResult>;
}

/** Receives what comes of interventions, in any order. */
export interface MeasureSink {
  progress(progress: Progress): void;
  began(began: Began): void;
  measured(measured: Measured): void;
}

/** Receives tokens that a model adds to a text. */
export interface ContinueSink {
  progress(progress: Progress): void;
  began(began: Began): void;
  continued(token: Continued): void;
}

export type EngineSink = AnalyzeSink & MeasureSink & ContinueSink;

/** As vscode-languageclient does: a fourth crash within three minutes is no accident. */
const MAX_RESTARTS = 3;
const CRASH_WINDOW_MS = 3 * 60_000;
/** An engine that nobody asks for so long gives its memory back. */
const IDLE_MS = 10 * 60_000;

/**
 * The engine process as its callers see it: started on first use, started again after a crash, stopped when idle. Every
 * call settles: with a value, a UserError, or as cancelled.
 */
export class EngineClient {
  readonly #options: EngineClientOptions;
  readonly #sinks = new Map<number, Partial<EngineSink>>();
  #engine: EngineProcess | undefined;
  #crashes: number[] = [];
  #runs = 0;
  #pending = 0;
  #idle: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: EngineClientOptions) {
    this.#options = options;
  }

  /** Process id of the running engine; undefined when none runs. */
  get pid(): number | undefined {
    return this.#engine?.pid;
  }

  /** Opens a model so that it is ready for use. Throws UserError. */
  open(model: ModelRequest, progress: (p: Progress) => void, signal: AbortSignal): Promise<ModelInfo> {
    return this.#request({ progress }, signal, (engine, run) => engine.open({ run, model: here(model) }, signal));
  }

  /**
   * Routes a text, and as many generated tokens; the sink hears of it before the promise settles. Throws UserError.
   *
   * @param live for a text that is being edited; nothing is generated then
   */
  analyze(
    model: ModelRequest,
    text: string,
    sink: AnalyzeSink,
    signal: AbortSignal,
    generate = 0,
    live?: LiveParams,
  ): Promise<AnalyzeResult> {
    const { elsewhere } = this.#options;
    if (model.server && elsewhere) return elsewhere(model.server, ++this.#runs, text, sink, signal, live);
    const what = { model, text, generate, ...(live ? { live } : {}) };
    return this.#request(sink, signal, (engine, run) => engine.analyze({ run, ...what }, signal));
  }

  /** Runs a text under interventions; the sink hears of each before the promise settles. Throws UserError. */
  async measure(
    model: ModelRequest,
    what: Pick<MeasureParams, 'text' | 'interventions' | 'logProb' | 'routing'>,
    sink: MeasureSink,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#request(sink, signal, (engine, run) => engine.measure({ run, model: here(model), ...what }, signal));
  }

  /** Fits biases that even out the load of a text; one entry a MoE layer. Throws UserError. */
  balance(
    model: ModelRequest,
    what: Pick<BalanceParams, 'text' | 'target'>,
    sink: Pick<MeasureSink, 'progress'>,
    signal: AbortSignal,
  ): Promise<readonly FittedBias[]> {
    return this.#request(sink, signal, (engine, run) => engine.balance({ run, model: here(model), ...what }, signal));
  }

  /** Measures where the time of forward passes goes. Throws UserError. */
  profile(
    model: ModelRequest,
    what: Pick<ProfileParams, 'text' | 'batches' | 'generate'>,
    sink: Pick<EngineSink, 'progress'>,
    signal: AbortSignal,
  ): Promise<ModelProfile> {
    return this.#request(sink, signal, (engine, run) => engine.profile({ run, model: here(model), ...what }, signal));
  }

  /** Writes a text on; the sink hears of each token before the promise settles with how many there are. Throws UserError. */
  async continue(
    model: ModelRequest,
    what: Pick<ContinueParams, 'text' | 'tokens' | 'sampling' | 'memory'>,
    sink: ContinueSink,
    signal: AbortSignal,
  ): Promise<number> {
    return this.#request(sink, signal, (engine, run) => engine.continue({ run, model: here(model), ...what }, signal));
  }

  /** A text's tokens by the tokenizer.json of a folder. Throws UserError. */
  tokenize(params: TokenizeParams, signal: AbortSignal): Promise<TokenRanges> {
    return this.#request({}, signal, (engine) => engine.tokenize(params, signal));
  }

  /** The models of a cache, the one used last first. Throws UserError. */
  listCache(cache: string): Promise<CachedModel[]> {
    const { signal } = new AbortController();
    return this.#request({}, signal, (engine) => engine.listCache(cache, signal));
  }

  /** Deletes the models of a cache that no other engine has open, once what is under way is done. Throws UserError. */
  clearCache(cache: string): Promise<ClearedCache> {
    const { signal } = new AbortController();
    return this.#request({}, signal, (engine) => engine.clearCache(cache, signal));
  }

  /** The execution providers that ONNX Runtime has for this platform. Throws UserError. */
  providers(signal: AbortSignal): Promise<readonly Provider[]> {
    return this.#request({}, signal, (engine) => engine.providers(signal));
  }

  /** Forgets earlier crashes: the user wants another try. */
  resetCrashes(): void {
    this.#crashes = [];
  }

  /** Ends the engine, which may hang; a new one, whatever crashed before, answers what was under way. */
  restart(): void {
    this.resetCrashes();
    this.#engine?.kill();
  }

  /** Ends the engine; calls under way reject. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#idle);
    this.#engine?.kill();
  }

  async #request<R>(
    sink: Partial<EngineSink>,
    signal: AbortSignal,
    send: (engine: EngineProcess, run: number) => Promise<R>,
  ): Promise<R> {
    throwIfAborted(signal);
    const run = ++this.#runs;
    this.#sinks.set(run, sink);
    this.#pending += 1;
    clearTimeout(this.#idle);
    try {
      return await answered(
        () => this.#running(signal),
        (engine) => send(engine, run),
      );
    } finally {
      this.#sinks.delete(run);
      this.#pending -= 1;
      if (this.#pending === 0 && !this.#disposed) {
        this.#idle = setTimeout(() => this.#engine?.kill(), IDLE_MS);
        this.#idle.unref();
      }
    }
  }

  /** The engine, started if need be. Throws UserError: `engine-failed` when it crashed too often to be tried again, `cancelled`. */
  async #running(signal: AbortSignal): Promise<EngineProcess> {
    // What speaks to the process is loaded with the first request: activation does not wait for it.
    const { EngineProcess } = await import('./engineProcess.ts');
    // Two models at once may not fit.
    while (this.#engine?.killed) {
      throwIfAborted(signal);
      await Promise.race([this.#engine.exited, abortOf(signal)]);
    }
    if (this.#disposed) throw new UserError('engine-gone', l10n.t`MoEScope is shutting down.`);
    if (this.#engine) return this.#engine;
    this.#crashes = this.#crashes.filter((at) => Date.now() - at < CRASH_WINDOW_MS);
    if (this.#crashes.length > MAX_RESTARTS) {
      throw new UserError(
        'engine-failed',
        l10n.t`The engine process ended unexpectedly ${this.#crashes.length} times within three minutes and was not started again.`,
      );
    }
    const engine = new EngineProcess(this.#options, this.#sinks);
    this.#engine = engine;
    void engine.exited.then(() => {
      if (this.#engine === engine) this.#engine = undefined;
      if (!engine.killed) this.#crashes.push(Date.now());
    });
    return engine;
  }
}

function abortOf(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}

/** A model that this machine runs. Throws UserError for one on a server: that routes, and cannot be changed or measured. */
function here(model: ModelRequest): ModelRequest {
  if (!model.server) return model;
  const place = new URL(model.server.url).host;
  throw new UserError(
    'server-unfit',
    l10n.t`The server at ${place} only routes: what needs the model itself takes one that this machine runs.`,
  );
}

/** The engine process: one model open at a time, one request after the other, everything else refused or queued. */
import * as l10n from '@vscode/l10n';
import '../protocol/childLanguage.ts';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  ResponseError,
  type CancellationToken,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { env } from 'onnxruntime-node';
import { filesStamp } from '../formats/filesStamp.ts';
import {
  fromEngine,
  toEngine,
  type AnalyzeParams,
  type AnalyzeResult,
  type BalanceParams,
  type LogLine,
  type MeasureParams,
  type ModelRequest,
  type OpenParams,
  type ProfileParams,
  type Stage,
} from '../protocol/engine.ts';
import { snapshotOf } from '../formats/hubCache.ts';
import type { ContinueParams } from '../protocol/continuation.ts';
import { isUserError, messageOf, UserError, type ErrorData } from '../protocol/errors.ts';
import type { ModelProfile } from '../protocol/profile.ts';
import type { FittedBias } from '../protocol/intervention.ts';
import { fitBiases } from './balance.ts';
import { AddedText, chooser } from './live/continuation.ts';
import { LiveRouter, type LiveText } from './live/liveRouter.ts';
import { measurableOf, measure } from './measure.ts';
import { explainedFailure } from './memory.ts';
import type { OpenModel } from './model.ts';
import { cachedModels, clearCache } from './modelCache.ts';
import { openModel } from './open.ts';
import { Tokenizer } from './tokenizer.ts';
import { prefill, windowStarts } from './prefill.ts';
import { profileModel } from './profile.ts';
import { shippedProviders } from './provider.ts';
import { refuseBroken } from './refuseBroken.ts';

/** Progress goes out at most this often. */
const PROGRESS_INTERVAL_MS = 50;

/** Whoever types asks many times a second: whether the files have changed meanwhile is looked at this often. */
const LIVE_STAMP_MS = 1000;

interface Opened {
  /** The request that it was opened for. */
  readonly key: string;
  /** Changes when the model's files do. */
  readonly stamp: string;
  /** When they were looked at last. */
  stamped: number;
  readonly model: OpenModel;
  live?: LiveRouter;
}

class Engine {
  readonly #connection: MessageConnection;
  #open: Opened | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(connection: MessageConnection) {
    this.#connection = connection;
    connection.onRequest(toEngine.open, ({ run, model }, token) =>
      this.#next(token, async (signal) => (await this.#model(run, model, signal)).info),
    );
    connection.onRequest(toEngine.analyze, (params, token) =>
      this.#next(token, (signal) => this.#analyze(params, signal)),
    );
    connection.onRequest(toEngine.measure, (params, token) =>
      this.#next(token, (signal) => this.#measure(params, signal)),
    );
    connection.onRequest(toEngine.balance, (params, token) =>
      this.#next(token, (signal) => this.#balance(params, signal)),
    );
    connection.onRequest(toEngine.profile, (params, token) =>
      this.#next(token, (signal) => this.#profile(params, signal)),
    );
    connection.onRequest(toEngine.continue, (params, token) =>
      this.#next(token, (signal) => this.#continue(params, signal)),
    );
    connection.onRequest(toEngine.tokenize, (params, token) =>
      this.#next(token, async () => {
        const tokenizer = await Tokenizer.open(await snapshotOf(params.folder), params.vocabulary);
        return tokenizer.encode(params.text);
      }),
    );
    connection.onRequest(toEngine.listCache, ({ cache }, token) => this.#next(token, () => cachedModels(cache)));
    connection.onRequest(toEngine.clearCache, ({ cache }, token) =>
      this.#next(token, async () => {
        await this.#close();
        return clearCache(cache);
      }),
    );
    connection.onRequest(toEngine.providers, () => shippedProviders());
  }

  /** Starts to take requests. */
  listen(): void {
    this.#connection.listen();
    void this.#connection.sendNotification(fromEngine.ready, { onnxruntime: env.versions.node ?? '' });
  }

  async #analyze(params: AnalyzeParams, signal: AbortSignal): Promise<AnalyzeResult> {
    const { run, text, generate } = params;
    const { model, ids, windows, known, milliseconds } = await this.#begin(params, generate, signal);
    const tokenized = performance.now();
    const progress = this.#progress(run);
    const total = ids.length + generate;
    const generated: number[] = [];
    for await (const part of known?.parts(signal) ??
      this.#sparing(() => prefill(model, ids, windows, generate, signal))) {
      refuseBroken(part.layers, model.info);
      if (part.generated) generated.push(...part.generated);
      await this.#connection.sendNotification(fromEngine.routed, { run, ...part });
      progress('route', part.to, total);
    }
    // An answer begins a text of its own.
    const before = model.answers ? [] : ids;
    return {
      milliseconds: { ...milliseconds, route: performance.now() - tokenized },
      ...(generate > 0 ? { continuation: await model.tokenizer.decode(generated, text.length, before) } : {}),
    };
  }

  async #measure(params: MeasureParams, signal: AbortSignal): Promise<null> {
    const { run, interventions, logProb, routing } = params;
    const { model, ids, windows } = await this.#begin(params, 0, signal);
    const progress = this.#progress(run);
    const options = {
      logProb,
      routing,
      signal,
      progress: (done: number, total: number) => {
        progress('measure', done, total);
      },
    };
    const measurable = await this.#onceSpared(() => measurableOf(model));
    for await (const measured of this.#sparing(() => measure(measurable, ids, windows, interventions, options))) {
      refuseBroken(measured.layers, model.info);
      await this.#connection.sendNotification(fromEngine.measured, { run, ...measured });
    }
    return null;
  }

  async #balance(params: BalanceParams, signal: AbortSignal): Promise<readonly FittedBias[]> {
    const { model, ids, windows } = await this.#begin(params, 0, signal);
    const report = this.#progress(params.run);
    const progress = (done: number, total: number): void => {
      report('balance', done, total);
    };
    return this.#onceSpared(async () =>
      fitBiases(await measurableOf(model), ids, windows, params.target, { signal, progress }),
    );
  }

  async #profile(params: ProfileParams, signal: AbortSignal): Promise<ModelProfile> {
    const { run, model: request, text, batches, generate } = params;
    if (text.trim() === '') throw new UserError('text-empty', l10n.t`There is no text to analyze.`);
    const report = this.#progress(run);
    const open = async (profile?: string): Promise<OpenModel> => {
      if (profile === undefined) return this.#model(run, request, signal);
      await this.#close();
      const model = await this.#opened(run, request, signal, profile);
      // Nobody else is to find a model that is being profiled.
      this.#open = { key: '', stamp: '', stamped: 0, model };
      return model;
    };
    const progress = (done: number, total: number): void => {
      report('profile', done, total);
    };
    try {
      return await profileModel({ text, batches, generate, signal, progress, open });
    } finally {
      if (this.#open?.key === '') await this.#close();
    }
  }

  async #continue(params: ContinueParams, signal: AbortSignal): Promise<number> {
    const { run, tokens, sampling, memory } = params;
    const { model, ids: all, end } = await this.#begin(params, 0, signal);
    // What a tokenizer puts behind each text, the end of it, say, is not what stands before the cursor.
    const last = end.findLastIndex((unit) => unit > 0);
    const ids = last < 0 ? all : all.subarray(0, last + 1);
    const added = new AddedText(model.tokenizer, ids);
    let count = 0;
    for await (const token of this.#live(model).write(ids, tokens, chooser(sampling), memory, signal)) {
      refuseBroken(token.layers, model.info);
      if (await model.tokenizer.isSpecial(token.id)) break;
      await this.#connection.sendNotification(fromEngine.continued, { run, ...token, text: await added.add(token.id) });
      count += 1;
    }
    return count;
  }

  /** Opens a request's model, cuts its text into tokens, and says so. */
  async #begin(
    { run, model: request, text, live }: OpenParams & Pick<AnalyzeParams, 'text' | 'live'>,
    generate: number,
    signal: AbortSignal,
  ): Promise<{
    readonly model: OpenModel;
    readonly ids: Int32Array;
    /** Where each token ends in the text; 0 where it stands for none. */
    readonly end: Uint32Array;
    readonly windows: Uint32Array;
    /** What is known of the text, if it is one that is being edited. */
    readonly known: LiveText | undefined;
    readonly milliseconds: Omit<AnalyzeResult['milliseconds'], 'route'>;
  }> {
    if (text.trim() === '') throw new UserError('text-empty', l10n.t`There is no text to analyze.`);
    const began = performance.now();
    const model = await this.#model(run, request, signal, live !== undefined);
    const opened = performance.now();
    this.#progress(run)('tokenize', 0, 0);
    const { tokenizer } = model;
    const encoded = await (live ? tokenizer.encodeEdited(text) : tokenizer.encode(text));
    const { ids, end } = encoded;
    if (ids.length === 0) throw new UserError('text-empty', l10n.t`The text has no tokens.`);
    const windows = windowStarts(ids.length, model.info.context);
    const known = live && this.#live(model).begin(run, ids, windows, live);
    await this.#connection.sendNotification(fromEngine.began, {
      run,
      model: model.info,
      ...encoded,
      windows,
      generate,
      ...(known?.kept ? { kept: known.kept } : {}),
    });
    const milliseconds = { open: opened - began, tokenize: performance.now() - opened };
    return { model, ids, end, windows, known, milliseconds };
  }

  /** The model of a request, opened unless it is the one that is open: training writes the next checkpoint over the last. */
  async #model(run: number, named: ModelRequest, signal: AbortSignal, live = false): Promise<OpenModel> {
    // Some ask for a repository of the hub, others for what of it is open.
    const request = { ...named, folder: await snapshotOf(named.folder) };
    const key = JSON.stringify(request);
    const open = this.#open?.key === key ? this.#open : undefined;
    const stamped = performance.now();
    if (open && live && stamped - open.stamped < LIVE_STAMP_MS) return open.model;
    const stamp = await filesStamp(request.folder);
    if (open?.stamp === stamp) {
      open.stamped = stamped;
      return open.model;
    }
    // The old model goes first: two at once may not fit.
    await this.#close();
    const model = await this.#opened(run, request, signal);
    this.#open = { key, stamp, stamped, model };
    const { name, skipped } = model.info;
    if (skipped) this.#log('info', l10n.t`${name} is open without what text does not need: ${skipped.join(', ')}.`);
    return model;
  }

  #opened(run: number, request: ModelRequest, signal: AbortSignal, profile?: string): Promise<OpenModel> {
    return openModel(request, {
      importer: join(__dirname, 'importer.js'),
      progress: this.#progress(run),
      signal,
      log: (message) => {
        this.#log('info', message);
      },
      ...(profile === undefined ? {} : { profile }),
    });
  }

  /** What a run gives. Where memory is short before it has given anything, what Live keeps goes, and it begins again. */
  async *#sparing<T>(run: () => AsyncGenerator<T, void>): AsyncGenerator<T, void> {
    let begun = false;
    try {
      for await (const part of run()) {
        begun = true;
        yield part;
      }
    } catch (error) {
      if (begun || !this.#spares(error)) throw error;
      yield* run();
    }
  }

  /** The same of what gives nothing before it is done. */
  async #onceSpared<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!this.#spares(error)) throw error;
      return work();
    }
  }

  /** Gives up what Live keeps, where there is such and memory was short. */
  #spares(error: unknown): boolean {
    // Some say with it which setting takes less.
    const isShort = [error, (error as Error).cause].some((each) => isUserError(each, 'out-of-memory'));
    if (!isShort || !this.#open?.live) return false;
    delete this.#open.live;
    return true;
  }

  #live(model: OpenModel): LiveRouter {
    if (this.#open?.model !== model) throw new Error('the model is not the one that is open');
    return (this.#open.live ??= new LiveRouter(model));
  }

  async #close(): Promise<void> {
    const open = this.#open;
    // Whatever comes of it, it is closed once.
    this.#open = undefined;
    await open?.model.close();
  }

  #progress(run: number): (stage: Stage, done: number, total: number) => void {
    let last = -Infinity;
    let lastStage: Stage | undefined;
    return (stage, done, total) => {
      const now = performance.now();
      if (stage === lastStage && done < total && now - last < PROGRESS_INTERVAL_MS) return;
      last = now;
      lastStage = stage;
      void this.#connection.sendNotification(fromEngine.progress, { run, stage, done, total });
    };
  }

  /** Runs a request when those before it are done; errors leave as data. */
  #next<R>(token: CancellationToken, work: (signal: AbortSignal) => Promise<R>): Promise<R | ResponseError<ErrorData>> {
    const result = this.#queue.then(async () => {
      const cancel = new AbortController();
      const listener = token.onCancellationRequested(() => {
        cancel.abort();
      });
      try {
        if (token.isCancellationRequested) throw new UserError('cancelled', l10n.t`The request was cancelled.`);
        return await work(cancel.signal);
      } catch (error) {
        const model = this.#open?.model;
        // An exported model runs in its own precision alone.
        return this.#report(explainedFailure(error, model?.measurable && model.info.precision));
      } finally {
        listener.dispose();
      }
    });
    this.#queue = result;
    return result;
  }

  #log(level: LogLine['level'], message: string): void {
    void this.#connection.sendNotification(fromEngine.log, { level, message });
  }

  #report(error: unknown): ResponseError<ErrorData> {
    if (isUserError(error)) {
      if (error.cause !== undefined) this.#log('info', `${error.message} ${messageOf(error.cause)}`);
      return new ResponseError(1, error.message, { code: error.code });
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log('error', stack);
    const first = stack.split('\n', 1)[0]!;
    return new ResponseError(1, l10n.t`The engine failed: ${first}`, { code: 'internal' });
  }
}

// Ctrl+C in a terminal reaches every process of a command. Whoever started this one says what comes of it.
process.on('SIGINT', () => undefined);
// The host is gone: nobody can want an answer any more. The thread sees it where this one is busy.
process.on('disconnect', () => process.exit());
new Worker(join(__dirname, 'parentWatch.js'), {
  workerData: process.ppid,
  resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
}).unref();
new Engine(createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process))).listen();

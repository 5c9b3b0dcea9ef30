/** A text's way from the command line through the engine. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { EngineClient } from '../client/engineClient.ts';
import { TraceBuilder } from '../client/traceBuilder.ts';
import { isAbsent } from '../formats/regularFile.ts';
import type { RecordedTrace } from '../formats/traceJson.ts';
import { CACHE_LIMIT } from '../protocol/defaults.ts';
import type { Began, ModelRequest, Progress, Routed as Part } from '../protocol/engine.ts';
import { ENGINE_FAILURES, isUserError, messageOf, UserError } from '../protocol/errors.ts';
import { modelCache } from './cacheFolder.ts';
import { chooseRouter } from './routers.ts';
import { logProblems, served, type ServerOptions } from './served.ts';
import { UsageError } from './usage.ts';

export interface RouteOptions extends Pick<ModelRequest, 'threads' | 'context' | 'precision' | 'provider'> {
  readonly model: string | undefined;
  readonly generate: number;
  /** Which of the routers that an ONNX model may have. */
  readonly router?: string | undefined;
  /** Routes there instead of on this machine; the model's folder is then looked at for its config and tokenizer alone. */
  readonly server?: ServerOptions | undefined;
}

export interface Routed {
  readonly recorded: RecordedTrace;
  /** Stopped by Ctrl+C: the trace is a part. */
  readonly interrupted: boolean;
}

/** Exit code after Ctrl+C, as shells have it: 128 + SIGINT. */
export const INTERRUPTED = 130;

/** The bundles lie in dist/, beside media/. */
const BUNDLED = join(__dirname, '../media/demo-models');
const BUNDLED_NAMES = ['balanced', 'collapsed'];
const DEFAULT_MODEL = join(BUNDLED, 'balanced');

/** Where a model lies that is named by its path, or that is bundled, by its name. */
export function modelPath(named: string): string {
  return BUNDLED_NAMES.includes(named) && !existsSync(named) ? join(BUNDLED, named) : resolve(named);
}

/** A folder is a model, and so are an ONNX file and the name of a bundled one. */
export async function isModel(named: string): Promise<boolean> {
  if (named.endsWith('.onnx')) return true;
  const found = await stat(modelPath(named)).catch(() => undefined);
  return found?.isDirectory() === true;
}

export const ENGINE = join(__dirname, 'engine.js');

/** What a file is called; "-" is standard input. */
export function fileName(file: string): string {
  return file === '-' ? 'standard input' : basename(file);
}

/** The text of the one file that is named. */
export async function readOneText(files: readonly string[]): Promise<string> {
  const [file, ...more] = files;
  if (file === undefined) throw new UsageError('Which FILE? "-" reads standard input.');
  if (more.length > 0) throw new UsageError('One FILE at a time.');
  return readText(file);
}

/** A file's text, or that of standard input. A byte order mark is dropped, as editors do. */
export async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = file === '-' ? await buffer(process.stdin) : await readFile(file);
  } catch (error) {
    if (isAbsent(error)) throw new UsageError(`There is no file ${file}.`, { cause: error });
    if ((error as NodeJS.ErrnoException).code === 'EISDIR')
      throw new UsageError(`${file} is a folder, not a file.`, { cause: error });
    throw new UsageError(`${file} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UsageError(`${file === '-' ? 'Standard input' : file} is not UTF-8 text.`, { cause: error });
  }
}

/** The end of what an engine wrote that is shown when it fails. */
const WRITTEN_KEPT = 10_000;

/** What a command does with an engine of its own. */
export interface EngineWork {
  readonly client: EngineClient;
  readonly model: ModelRequest;
  /** Aborted by Ctrl+C. */
  readonly signal: AbortSignal;
  /** Shows how far it is. */
  readonly progress: (progress: Progress) => void;
}

/** Starts an engine for a command, and stops it. Throws UserError. */
export async function inEngine<R>(
  options: Omit<RouteOptions, 'generate'>,
  work: (engine: EngineWork) => Promise<R>,
): Promise<R> {
  const stop = new AbortController();
  const onInterrupt = (): void => {
    stop.abort();
  };
  process.once('SIGINT', onInterrupt);
  const there =
    options.server &&
    served(options.server, options.model === undefined ? undefined : modelPath(options.model), (params, signal) =>
      client.tokenize(params, signal),
    );
  // Drivers write warnings and errors while they are looked for, which are nobody's concern where all goes well without them.
  let written = '';
  const client: EngineClient = new EngineClient({
    entry: ENGINE,
    log: logProblems,
    written: (text) => (written = (written + text).slice(-WRITTEN_KEPT)),
    ...(there ? { elsewhere: there.elsewhere } : {}),
  });
  try {
    // What a server runs need not be a model that this machine could open.
    const folder = there || options.model === undefined ? DEFAULT_MODEL : modelPath(options.model);
    const router = await chooseRouter(folder, options.router, stop.signal);
    return await work({
      client,
      model: {
        folder,
        ...(router === undefined ? {} : { router }),
        ...(there ? { server: await there.server(stop.signal) } : {}),
        cache: modelCache(),
        cacheLimit: CACHE_LIMIT,
        threads: options.threads,
        context: options.context,
        precision: options.precision,
        provider: options.provider,
      },
      signal: stop.signal,
      progress: ({ stage, done, total }) => {
        showProgress(total > 0 ? `${stage} ${Math.floor((100 * done) / total)} %` : stage);
      },
    });
  } catch (error) {
    const asked = options.provider !== 'auto' && isUserError(error, 'precision-unsupported');
    if (written !== '' && (asked || !isUserError(error) || ENGINE_FAILURES.has(error.code))) {
      logProblems({ level: 'warn', message: written.trimEnd() });
    }
    throw error;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    there?.dispose();
    client.dispose();
    showProgress('');
  }
}

/** Routes a text; when it is stopped, what is there of it. Throws UserError. */
export async function route(text: string, options: RouteOptions): Promise<Routed> {
  const [routed] = await routeAll([text], options);
  return routed!;
}

/** Routes texts one after the other with one engine; when it is stopped, what is there of them. Throws UserError. */
export async function routeAll(texts: readonly string[], options: RouteOptions): Promise<Routed[]> {
  return inEngine(options, async (engine) => {
    const all: Routed[] = [];
    const stopped = (): boolean => engine.signal.aborted;
    for (const text of texts) {
      if (stopped()) break;
      try {
        all.push(await routeOne(text, options, engine));
      } catch (error) {
        if (!stopped() || all.length === 0) throw error;
      }
    }
    const last = all.at(-1);
    return stopped() && last ? [...all.slice(0, -1), { ...last, interrupted: true }] : all;
  });
}

async function routeOne(text: string, options: RouteOptions, engine: EngineWork): Promise<Routed> {
  let builder: TraceBuilder | undefined;
  const sink = {
    progress: engine.progress,
    began: (began: Began) => {
      builder = new TraceBuilder(began);
    },
    routed: (part: Part) => {
      builder?.add(part);
    },
  };
  try {
    const result = await engine.client.analyze(engine.model, text, sink, engine.signal, options.generate);
    if (!builder) throw new UserError('internal', 'The engine sent no routing.');
    const whole = text + (result.continuation?.text ?? '');
    return { recorded: { trace: builder.finish(result), text: whole }, interrupted: false };
  } catch (error) {
    // What is there of a stopped run is shown, and said to be a part.
    if (isUserError(error, 'cancelled') && builder) {
      return { recorded: { trace: builder.trace, text }, interrupted: true };
    }
    throw error;
  }
}

/** One line that rewrites itself, for people only; what finds no room in a narrow terminal must not begin another line. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K\x1b[?7l${text}\x1b[?7h`);
}

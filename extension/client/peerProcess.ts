import * as l10n from '@vscode/l10n';
import { fork, type ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { constants as system, setPriority } from 'node:os';
import { dirname } from 'node:path';
import {
  CancellationTokenSource,
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  ResponseError,
  type CancellationToken,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { fromEngine, type LogLine } from '../protocol/engine.ts';
import { languageEnv } from '../protocol/language.ts';
import {
  cancelled,
  isUserError,
  messageOf,
  SUPERSEDED,
  UserError,
  type ErrorCode,
  type ErrorData,
} from '../protocol/errors.ts';

/** A chunk or the creation of a session cannot be interrupted; what takes longer to stop is killed. */
const CANCEL_GRACE_MS = 2_000;
/** The end of stderr that a start failure carries. */
const STDERR_KEPT = 4_000;
/** Last words of a process that got no memory. Linux ends one without a word. */
const STARVED = /bad_alloc|out of memory|allocation failed/i;

export interface PeerOptions {
  /** Absolute path of the process's bundle. */
  readonly entry: string;
  readonly log: (line: LogLine) => void;
  /** What its native parts write to standard error by themselves; warnings of the log unless it is taken. */
  readonly written?: (text: string) => void;
  /** Options of Node itself. */
  readonly execArgv?: readonly string[];
  /** Whoever types goes first: the process takes what others leave of the processor. */
  readonly yields?: boolean;
  /** Of its environment, what is not that of ours. */
  readonly env?: NodeJS.ProcessEnv;
  /** It works on one request at a time, in the order in which they come. */
  readonly inTurn?: boolean;
}

/** What to think of a process that got no memory. */
const REMEDIES = {
  engine: l10n.t`Memory may have run out: in int8 or int4 the model takes less.`,
  inspector: l10n.t`The file may take more memory than there is.`,
} as const;

/** What to think of one that read from memory where a file that it maps has nothing. */
const CUT_SHORT = l10n.t`A file of the model was cut short while it was open, or its disk is gone.`;

/** What a child process is called in error codes, and in sentences. */
export type PeerName = 'engine' | 'inspector';
const NAMES: Readonly<Record<PeerName, string>> = { engine: l10n.t`engine`, inspector: l10n.t`inspector` };

/** One life of a child process; every request settles: with a value, a UserError, or as cancelled. */
export class PeerProcess {
  /** Resolves with how the process ended. */
  readonly exited: Promise<string>;
  /** We ended it on purpose. */
  killed = false;
  readonly #name: PeerName;
  readonly #process: ChildProcess;
  readonly #connection: MessageConnection;
  readonly #log: (line: LogLine) => void;
  /** Requests that are worked on one after the other: the first one now. Empty where they are not. */
  readonly #line = new Map<symbol, AbortSignal>();
  readonly #inTurn: boolean;
  /** Resolves when the process answers; rejects with UserError when it cannot start. */
  readonly #ready: Promise<void>;
  #stderr = '';

  /** @param listen registers what arrives unasked, before anything can */
  constructor(name: PeerName, options: PeerOptions, listen: (connection: MessageConnection) => void = () => undefined) {
    this.#name = name;
    this.#process = fork(options.entry, [], {
      cwd: startFolder(options.entry),
      // Inside VS Code, process.execPath is Electron. NODE_OPTIONS are meant for the editor, not for us.
      env: {
        ...process.env,
        ...languageEnv(),
        ...options.env,
        ELECTRON_RUN_AS_NODE: '1',
        NODE_OPTIONS: '',
      },
      execArgv: [...(options.execArgv ?? [])],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#log = options.log;
    this.#inTurn = options.inTurn ?? false;
    if (options.yields) this.#yield();
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
      if (options.written) options.written(text);
      else options.log({ level: 'warn', message: text.trimEnd() });
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      options.log({ level: 'debug', message: text.trimEnd() });
    });
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        resolve(error.message);
      });
      this.#process.once('close', (code, signal) => {
        resolve(signal ?? l10n.t`exit code ${String(code)}`);
      });
    });
    this.#connection = createMessageConnection(
      new IPCMessageReader(this.#process),
      new IPCMessageWriter(this.#process),
    );
    // A write to a process that has just died is reported here; the exit settles everything.
    this.#connection.onError(([error]) => {
      options.log({ level: 'debug', message: `connection: ${error.message}` });
    });
    listen(this.#connection);
    this.#connection.onNotification(fromEngine.log, options.log);
    this.#ready = new Promise((resolve, reject) => {
      this.#connection.onNotification(fromEngine.ready, () => {
        resolve();
      });
      void this.exited.then((how) => {
        // Without this every pending call would hang: the connection itself does not notice.
        this.#connection.dispose();
        const said = this.#stderr.trim().split('\n').slice(-3).join(' ').trim();
        const message = said
          ? l10n.t`The ${NAMES[name]} process did not start (${how}): ${said}`
          : l10n.t`The ${NAMES[name]} process did not start (${how}).`;
        reject(new UserError(`${name}-failed`, message));
      });
    });
    // Whoever waits for it hears of it; nobody may be waiting.
    this.#ready.catch(() => undefined);
    this.#connection.listen();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  kill(): void {
    this.killed = true;
    this.#process.kill('SIGKILL');
  }

  /** Whether a request failed with a process that was ended for the sake of another one: a new process can answer it. */
  lost(error: unknown): boolean {
    const lost: ErrorCode[] = [`${this.#name}-gone`, `${this.#name}-failed`];
    return this.killed && isUserError(error) && lost.includes(error.code);
  }

  /**
   * Sends when the process is up. One that is cancelled and does not stop takes the process with it, unless that is at work on another.
   *
   * @param inTurn whether it waits for those before it
   */
  async request<R>(
    signal: AbortSignal,
    send: (connection: MessageConnection, token: CancellationToken) => Promise<R>,
    inTurn = this.#inTurn,
  ): Promise<R> {
    if (isAborted(signal)) throw cancelled();
    const cancel = new CancellationTokenSource();
    const turn = Symbol();
    if (inTurn) this.#line.set(turn, signal);
    let grace: NodeJS.Timeout | undefined;
    let withdraw = (): void => undefined;
    const withdrawn = new Promise<never>((_, reject) => {
      withdraw = () => {
        reject(cancelled());
      };
    });
    const isBehindAnother = (): boolean => {
      const [first] = this.#line;
      return first !== undefined && first[0] !== turn && !first[1].aborted;
    };
    const abort = (): void => {
      cancel.cancel();
      if (isBehindAnother()) withdraw();
      else if (signal.reason !== SUPERSEDED) grace = setTimeout(end, CANCEL_GRACE_MS);
    };
    const end = (): void => {
      if (!isBehindAnother() && !this.killed) {
        this.#log({ level: 'warn', message: `The ${this.#name} process did not stop in time and is ended.` });
        this.kill();
      }
      // Nobody waits for the end: while a disk hangs, what has to do with it does not end.
      withdraw();
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      const sent = this.#ready.then(() => {
        if (isAborted(signal)) throw cancelled();
        return send(this.#connection, cancel.token);
      });
      return await Promise.race([sent, withdrawn]);
    } catch (error) {
      // Read anew: while we waited the caller may have cancelled.
      throw isAborted(signal) ? cancelled() : await this.#explain(error);
    } finally {
      this.#line.delete(turn);
      clearTimeout(grace);
      signal.removeEventListener('abort', abort);
      cancel.dispose();
    }
  }

  /** On Linux a thread has the priority of the one that started it: those of the runtime come later and have this one. */
  #yield(): void {
    if (this.#process.pid === undefined) return;
    try {
      setPriority(this.#process.pid, system.priority.PRIORITY_BELOW_NORMAL);
    } catch (error) {
      this.#log({ level: 'debug', message: `The ${this.#name} process keeps its priority: ${messageOf(error)}` });
    }
  }

  /** Turns whatever a call rejected with into the error that its caller shows. */
  async #explain(error: unknown): Promise<UserError> {
    if (isUserError(error)) return error;
    const data = error instanceof ResponseError ? (error as ResponseError<ErrorData | undefined>).data : undefined;
    if (data !== undefined) return new UserError(data.code, messageOf(error), { cause: error });
    // Without data the connection itself broke, and the exit that broke it may not have been seen yet.
    const how = await this.exited;
    const starved = how === 'SIGKILL' || STARVED.test(this.#stderr);
    const message = l10n.t`The ${NAMES[this.#name]} process ended unexpectedly (${how}).`;
    const why = starved ? REMEDIES[this.#name] : how === 'SIGBUS' ? CUT_SHORT : undefined;
    return new UserError(`${this.#name}-gone`, why === undefined ? message : `${message} ${why}`, { cause: error });
  }
}

/** Ours, if it is still there: Node starts no thread in a folder that is gone. */
function startFolder(entry: string): string {
  try {
    const folder = process.cwd();
    accessSync(folder, constants.X_OK);
    return folder;
  } catch {
    return dirname(entry);
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

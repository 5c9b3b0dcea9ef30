import * as l10n from '@vscode/l10n';
import { Worker } from 'node:worker_threads';
import type { ReplyContext } from '../formats/engineReply.ts';
import { UserError, type ErrorCode } from '../protocol/errors.ts';
import { languageEnv } from '../protocol/language.ts';
import type { DecodedReply } from './decode.ts';

/** A thread that nobody needs for so long is ended. */
const IDLE_MS = 60_000;

export interface ToDecoder {
  readonly request: number;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly context: ReplyContext;
}

export type FromDecoder = { readonly request: number } & (
  { readonly reply: DecodedReply } | { readonly error: { readonly code: ErrorCode; readonly message: string } }
);

interface Pending {
  readonly resolve: (reply: DecodedReply) => void;
  readonly reject: (error: Error) => void;
}

/** The thread that decodes answers, as its callers see it: started when it is asked, ended when idle. */
export class Decoder {
  readonly #entry: string;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #requests = 0;
  #idle: NodeJS.Timeout | undefined;

  /** @param entry absolute path of the thread's bundle */
  constructor(entry: string) {
    this.#entry = entry;
  }

  /** Decodes an answer, which is no longer to be used by then. Throws UserError `server-unfit`. */
  decode(body: Uint8Array<ArrayBuffer>, context: ReplyContext): Promise<DecodedReply> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      const message: ToDecoder = { request, body, context };
      worker.postMessage(message, [body.buffer]);
    });
  }

  dispose(): void {
    this.#stop(new UserError('engine-gone', l10n.t`MoEScope is shutting down.`));
  }

  #start(): Worker {
    const worker = new Worker(this.#entry, { name: 'moescope-decoder', env: { ...process.env, ...languageEnv() } });
    this.#worker = worker;
    worker.on('message', (message: FromDecoder) => {
      const pending = this.#pending.get(message.request);
      this.#pending.delete(message.request);
      if ('reply' in message) pending?.resolve(message.reply);
      else pending?.reject(new UserError(message.error.code, message.error.message));
      if (this.#pending.size === 0) this.#rest();
    });
    const ended = (error: Error): void => {
      if (this.#worker === worker) this.#stop(error);
    };
    worker.on('error', ended);
    worker.on('exit', (code) => {
      ended(new Error(`The decoder ended with code ${code}.`));
    });
    return worker;
  }

  #rest(): void {
    this.#idle = setTimeout(() => {
      this.#stop(new Error('The decoder rests.'));
    }, IDLE_MS);
    this.#idle.unref();
  }

  #stop(why: Error): void {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(why);
    void worker?.terminate();
  }
}

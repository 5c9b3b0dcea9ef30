import * as l10n from '@vscode/l10n';
import { Worker } from 'node:worker_threads';
import type { Subject } from '../analysis/sections/subject.ts';
import type { Answers, FromAnalyst, Question, SectionTitle, ToAnalyst } from '../protocol/analyst.ts';
import { UserError } from '../protocol/errors.ts';
import { languageEnv } from '../protocol/language.ts';

/** It holds copies of traces. */
const IDLE_MS = 120_000;

/** What a question is about. A new version is sent to the analyst before the next question. */
export interface SubjectSource {
  readonly id: string;
  readonly version: number;
  readonly make: () => Subject;
}

/** The analyst as its callers see it: started when it is asked, ended when idle. */
export class AnalystClient {
  readonly #entry: string;
  readonly #env: Readonly<Record<string, string>>;
  #thread: Thread | undefined;
  #idle: NodeJS.Timeout | undefined;
  #disposed = false;

  /**
   * @param entry absolute path of the analyst's bundle
   * @param env what it gets to know of the language to speak; of none, and it speaks English
   */
  constructor(entry: string, env = languageEnv()) {
    this.#entry = entry;
    this.#env = env;
  }

  /** Which sections a report has, in order. Rejects as `ask` does. */
  async sections(): Promise<readonly SectionTitle[]> {
    return this.#running().sections;
  }

  /** Rejects with an Error that carries the analyst's stack where it has a bug, and with UserError when it is shut down. */
  async ask<Q extends Question>(source: SubjectSource, question: Q): Promise<Answers[Q['kind']]> {
    return this.#running().ask(source, question);
  }

  /** Frees what the analyst holds of a subject. */
  forget(id: string): void {
    this.#thread?.forget(id);
  }

  /** Ends the thread; questions under way reject. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#idle);
    this.#thread?.stop(shutDown());
  }

  #running(): Thread {
    if (this.#disposed) throw shutDown();
    clearTimeout(this.#idle);
    if (this.#thread) return this.#thread;
    const thread: Thread = new Thread(this.#entry, this.#env, {
      settled: () => {
        if (this.#thread === thread) this.#rest(thread);
      },
      ended: () => {
        if (this.#thread === thread) this.#thread = undefined;
      },
    });
    this.#thread = thread;
    return thread;
  }

  #rest(thread: Thread): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      thread.stop(new Error('The analyst rests.'));
    }, IDLE_MS);
    this.#idle.unref();
  }
}

function shutDown(): UserError {
  return new UserError('engine-gone', l10n.t`MoEScope is shutting down.`);
}

interface Pending {
  readonly resolve: (answer: Answers[Question['kind']]) => void;
  readonly reject: (error: unknown) => void;
}

/** One life of the worker thread. */
class Thread {
  readonly sections: Promise<readonly SectionTitle[]>;
  readonly #worker: Worker;
  readonly #ended: () => void;
  readonly #pending = new Map<number, Pending>();
  /** Version of each subject that the analyst has. */
  readonly #sent = new Map<string, number>();
  #requests = 0;

  /** @param on what is told when no question is under way any more, and when the thread has ended */
  constructor(
    entry: string,
    env: Readonly<Record<string, string>>,
    on: { readonly settled: () => void; readonly ended: () => void },
  ) {
    this.#ended = on.ended;
    this.#worker = new Worker(entry, { name: 'moescope-analyst', env: { ...process.env, ...env } });
    this.sections = new Promise((resolve, reject) => {
      this.#worker.once('message', (message: FromAnalyst) => {
        if (message.type === 'ready') resolve(message.sections);
      });
      this.#worker.once('exit', () => {
        reject(new Error('The analyst did not start.'));
      });
    });
    // Whoever waits for it hears of it; nobody may be waiting.
    this.sections.catch(() => undefined);
    this.#worker.on('message', (message: FromAnalyst) => {
      if (message.type === 'ready') return;
      const pending = this.#pending.get(message.request);
      this.#pending.delete(message.request);
      if (message.type === 'answer') pending?.resolve(message.answer);
      else pending?.reject(new Error(`The analyst failed: ${message.stack}`));
      if (this.#pending.size === 0) on.settled();
    });
    this.#worker.on('error', (error) => {
      this.stop(error);
    });
    this.#worker.on('exit', (code) => {
      this.stop(new Error(`The analyst ended with code ${code}.`));
    });
  }

  ask<Q extends Question>(source: SubjectSource, question: Q): Promise<Answers[Q['kind']]> {
    if (this.#sent.get(source.id) !== source.version) {
      this.#post({ type: 'subject', id: source.id, subject: source.make() });
      // Memory may be too short for it.
      this.#sent.set(source.id, source.version);
    }
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve: resolve as Pending['resolve'], reject });
      this.#post({ type: 'ask', request, subject: source.id, question });
    });
  }

  forget(id: string): void {
    if (this.#sent.delete(id)) this.#post({ type: 'forget', id });
  }

  stop(why: Error): void {
    this.#ended();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(why);
    void this.#worker.terminate();
  }

  #post(message: ToAnalyst): void {
    this.#worker.postMessage(message);
  }
}

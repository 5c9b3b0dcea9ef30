import { Worker } from 'node:worker_threads';
import type { Subject } from '../analysis/sections/subject.ts';
import type { Answers, FromAnalyst, Question, ToAnalyst } from '../protocol/analyst.ts';
import { UserError } from '../protocol/errors.ts';

/** It holds copies of traces. */
const IDLE_MS = 120_000;

/** What a question is about. A new version is sent to the analyst before the next question. */
export interface SubjectSource {
  readonly id: string;
  readonly version: number;
  readonly make: () => Subject;
}

interface Pending {
  readonly resolve: (answer: Answers[Question['kind']]) => void;
  readonly reject: (error: unknown) => void;
}

/** The analyst as its callers see it: started when it is asked, ended when idle. */
export class AnalystClient {
  readonly #entry: string;
  readonly #pending = new Map<number, Pending>();
  /** Version of each subject that the analyst has. */
  readonly #sent = new Map<string, number>();
  #worker: Worker | undefined;
  #requests = 0;
  #idle: NodeJS.Timeout | undefined;
  #disposed = false;

  /** @param entry absolute path of the analyst's bundle */
  constructor(entry: string) {
    this.#entry = entry;
  }

  /** Rejects with an Error that carries the analyst's stack where it has a bug, and with UserError when it is shut down. */
  async ask<Q extends Question>(source: SubjectSource, question: Q): Promise<Answers[Q['kind']]> {
    if (this.#disposed) throw new UserError('engine-gone', 'MoEScope is shutting down.');
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    if (this.#sent.get(source.id) !== source.version) {
      this.#sent.set(source.id, source.version);
      this.#post(worker, { type: 'subject', id: source.id, subject: source.make() });
    }
    const request = ++this.#requests;
    const answer = new Promise<Answers[Question['kind']]>((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
    });
    this.#post(worker, { type: 'ask', request, subject: source.id, question });
    return (await answer) as Answers[Q['kind']];
  }

  /** Frees what the analyst holds of a subject. */
  forget(id: string): void {
    if (this.#sent.delete(id) && this.#worker) this.#post(this.#worker, { type: 'forget', id });
  }

  /** Ends the thread; questions under way reject. */
  dispose(): void {
    this.#disposed = true;
    this.#stop(new UserError('engine-gone', 'MoEScope is shutting down.'));
  }

  #post(worker: Worker, message: ToAnalyst): void {
    worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(this.#entry, { name: 'moescope-analyst' });
    this.#worker = worker;
    worker.on('message', (message: FromAnalyst) => {
      const pending = this.#pending.get(message.request);
      this.#pending.delete(message.request);
      if (message.type === 'answer') pending?.resolve(message.answer);
      else pending?.reject(new Error(`The analyst failed: ${message.stack}`));
      if (this.#pending.size === 0 && this.#worker === worker) this.#rest();
    });
    const ended = (error: Error): void => {
      if (this.#worker === worker) this.#stop(error);
    };
    worker.on('error', ended);
    worker.on('exit', (code) => {
      ended(new Error(`The analyst ended with code ${code}.`));
    });
    return worker;
  }

  #rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      this.#stop(new Error('The analyst rests.'));
    }, IDLE_MS);
    this.#idle.unref();
  }

  #stop(why: Error): void {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    this.#sent.clear();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(why);
    void worker?.terminate();
  }
}

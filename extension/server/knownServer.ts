import * as l10n from '@vscode/l10n';
import type { TokenRanges } from '../protocol/engine.ts';
import { isUserError, throwIfAborted, UserError } from '../protocol/errors.ts';
import type { EngineName, ModelShape, ServedModel, ServerIdentity, ServerSpec } from '../protocol/server.ts';
import { identify, listedModels, servedModel, tokenizeThere } from './engines.ts';
import type { HttpClient } from './http.ts';
import { unlessAborted } from './unlessAborted.ts';

/** What a text is taken apart into to see whether a server routes, and as the local folder does. */
export const PROBE_TEXT = 'The router sends each token to a few experts.';

/** What a local folder knows of a model that a server runs. */
export interface LocalFolder {
  /** What the local folder's config says. Throws UserError. */
  readonly shape: (folder: string, signal: AbortSignal) => Promise<ModelShape>;
  /** Takes a text apart with the local folder's tokenizer. Throws UserError. */
  readonly tokenize: (shape: ModelShape, text: string, signal: AbortSignal) => Promise<TokenRanges>;
}

/** What is known of a server. */
export interface Known {
  /** Its list of models as it came: what an engine says beside it may limit the contexts further. */
  readonly listed: readonly ServedModel[] | undefined;
  readonly identity: ServerIdentity;
  readonly model: ServedModel;
  readonly shape: ModelShape | undefined;
  /** When that was, as performance.now() has it. */
  readonly found: number;
  /** Whether it has no routing of tokens that it has cached. */
  forgets: boolean;
}

/** Finds out what a server is: once for all who ask, and anew after a failure or where its models have changed. */
export class KnownServer {
  readonly #spec: ServerSpec;
  readonly #http: HttpClient;
  readonly #local: LocalFolder;
  /** What was found out, for as long as the server answers. */
  #known: Promise<Known> | undefined;

  constructor(spec: ServerSpec, http: HttpClient, local: LocalFolder) {
    this.#spec = spec;
    this.#http = http;
    this.#local = local;
  }

  /** The next who asks has it found out anew. */
  forget(): void {
    this.#known = undefined;
  }

  /** Does something with what is known of the server, which goes with a failure: it may be another one when it is there again. */
  async use<T>(signal: AbortSignal, work: (known: Known) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#current(signal));
    } catch (error) {
      if (!isUserError(error, 'cancelled')) this.#known = undefined;
      throw error;
    }
  }

  /** What is known of the server, as long as its models and their contexts are the same: it may have been started anew while nobody asked. */
  async #current(signal: AbortSignal): Promise<Known> {
    const asked = performance.now();
    const finding = this.#known;
    const known = await this.#find(signal);
    if (known.found >= asked) return known;
    const listed = await listedModels(this.#http, signal);
    if (JSON.stringify(listed) === JSON.stringify(known.listed)) return known;
    if (this.#known === finding) this.#known = undefined;
    return this.#find(signal);
  }

  /** What all who ask at the same time find out together. */
  async #find(signal: AbortSignal): Promise<Known> {
    while (this.#known) {
      try {
        return await unlessAborted(this.#known, signal);
      } catch (error) {
        // Where only the one was cancelled who began it, the others begin again.
        if (signal.aborted || !isUserError(error, 'cancelled')) throw error;
      }
    }
    const finding = this.#identify(signal);
    this.#known = finding;
    // Ahead of all who wait for it.
    finding.catch(() => {
      if (this.#known === finding) this.#known = undefined;
    });
    return unlessAborted(finding, signal);
  }

  async #identify(signal: AbortSignal): Promise<Known> {
    const { folder, model } = this.#spec;
    const shape = folder === undefined ? undefined : await this.#local.shape(folder, signal);
    const { listed, identity } = await this.ask(signal);
    const served = servedModel(this.#http, identity, model);
    if (shape?.tokenizer) await this.#requireSameTokens(identity.engine, served.name, shape, signal);
    return { listed, identity, model: served, shape, found: performance.now(), forgets: false };
  }

  /** What the server says of itself. Throws UserError. */
  async ask(signal: AbortSignal): Promise<Pick<Known, 'listed' | 'identity'>> {
    const listed = await listedModels(this.#http, signal);
    return { listed, identity: await identify(this.#http, listed, signal) };
  }

  /** An engine routes whatever ids it is sent. Throws UserError where it takes a text apart otherwise than the local folder. */
  async #requireSameTokens(engine: EngineName, model: string, shape: ModelShape, signal: AbortSignal): Promise<void> {
    // A server need not have a tokenizer, or a way to it.
    const there = await tokenizeThere(this.#http, engine, model, PROBE_TEXT, signal).catch(() => undefined);
    throwIfAborted(signal);
    if (!there) return;
    const { ids } = await this.#local.tokenize(shape, PROBE_TEXT, signal);
    const [own, others] = [ids, there.ids].map((list) => `,${list.join()},`) as [string, string];
    // Special tokens around a text may be set beside tokenizer.json.
    if (own.includes(others) || others.includes(own)) return;
    throw new UserError(
      'server-unfit',
      l10n.t`The local folder's tokenizer.json is another model's: the server at ${this.#http.place} splits a text into other tokens.`,
    );
  }
}

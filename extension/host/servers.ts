import { EventEmitter, window, type Event, type Memento, type SecretStorage } from 'vscode';
import * as v from 'valibot';
import type { EngineClientOptions } from '../client/engineClient.ts';
import { cancelled } from '../protocol/errors.ts';
import type { ServerProbe, ServerSpec } from '../protocol/server.ts';
import { isReadable } from '../server/address.ts';
import type { Decoder } from '../server/decoder.ts';
import { ServerClient, type ServerClientOptions } from '../server/serverClient.ts';
import { Disposables } from './disposables.ts';

const CHOSEN = 'server';
const RECENT = 'recentServers';
const READABLE = 'plainHttpServers';
const MAX_RECENT = 8;

const specSchema = v.object({
  url: v.string(),
  model: v.string(),
  folder: v.exactOptional(v.string()),
});
const chosenSchema = v.fallback(v.optional(specSchema), undefined);
const recentSchema = v.fallback(v.array(specSchema), []);
const readableSchema = v.fallback(v.array(v.string()), []);

/** Pause of the typing after which an edited text goes to a server: each request costs it a pass over the text. */
const EDIT_MS = 150;

export interface ServersParts {
  readonly workspaceState: Memento;
  readonly globalState: Memento;
  readonly secrets: SecretStorage;
  readonly decoder: Decoder;
  readonly local: Pick<ServerClientOptions, 'shape' | 'tokenize'>;
}

/** The server that routes instead of this machine, if one is chosen, and those that were used lately. Keys are secrets. */
export class Servers {
  readonly #parts: ServersParts;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<void>());
  readonly onDidChange: Event<void> = this.#changed.event;
  /** Connections to the server that was asked last. */
  #open: { readonly key: string; readonly client: ServerClient } | undefined;

  constructor(parts: ServersParts) {
    this.#parts = parts;
  }

  get chosen(): ServerSpec | undefined {
    return v.parse(chosenSchema, this.#parts.workspaceState.get(CHOSEN));
  }

  /** Newest first. */
  get recent(): readonly ServerSpec[] {
    return v.parse(recentSchema, this.#parts.globalState.get(RECENT));
  }

  /** Routes there from now on; without a server, on this machine. */
  async choose(server: ServerSpec | undefined): Promise<void> {
    await this.#parts.workspaceState.update(CHOSEN, server);
    if (server) {
      const others = this.recent.filter(({ url, model }) => url !== server.url || model !== server.model);
      await this.#parts.globalState.update(RECENT, [server, ...others].slice(0, MAX_RECENT));
    }
    this.#changed.fire();
  }

  /** Whether what is sent to an address may be readable on its way; asks once. */
  async agreeToPlainHttp(url: string): Promise<boolean> {
    const agreed = v.parse(readableSchema, this.#parts.globalState.get(READABLE));
    if (!isReadable(url) || agreed.includes(url)) return true;
    const send = 'Send All the Same';
    const detail =
      'The address begins with http: your text and an API key, if there is one, could be read on their way.';
    const answer = await window.showWarningMessage(
      `Send texts to ${new URL(url).host} unencrypted?`,
      { modal: true, detail },
      send,
    );
    if (answer !== send) return false;
    await this.#parts.globalState.update(READABLE, [...agreed, url]);
    return true;
  }

  async keep(url: string, apiKey: string): Promise<void> {
    await this.#parts.secrets.store(secretOf(url), apiKey);
    this.#close();
  }

  /** Names of the models that a server has. Throws UserError. */
  async models(server: ServerSpec, signal: AbortSignal): Promise<readonly string[]> {
    return (await this.#client(server)).models(signal);
  }

  /** Finds out what a server is. Throws UserError. */
  async probe(server: ServerSpec, signal: AbortSignal): Promise<ServerProbe> {
    return (await this.#client(server)).probe(signal);
  }

  /** Has a server count what it routes from now on. Throws UserError. */
  async startRecording(server: ServerSpec, signal: AbortSignal): Promise<void> {
    await (await this.#client(server)).startRecording(signal);
  }

  /** Has it stop and write the counts; where they lie if that can be told. Throws UserError. */
  async stopRecording(server: ServerSpec, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#client(server)).stopRecording(signal);
  }

  /** Routes a text on a server, as the engine's client does on this machine. Throws UserError. */
  readonly analyze: NonNullable<EngineClientOptions['elsewhere']> = async (server, run, text, sink, signal, live) => {
    if (!(await this.agreeToPlainHttp(server.url))) throw cancelled();
    // A text that is being edited goes without probabilities: only then may the server use what it knows of the text before.
    const edited = live?.base !== undefined;
    if (edited) await pause(EDIT_MS, signal);
    const client = await this.#client(server);
    return client.analyze(run, text, sink, signal, { logProb: !edited });
  };

  dispose(): void {
    this.#close();
    this.#parts.decoder.dispose();
    this.#disposables.dispose();
  }

  async #client(server: ServerSpec): Promise<ServerClient> {
    const key = JSON.stringify(server);
    if (this.#open?.key === key) return this.#open.client;
    const apiKey = await this.#parts.secrets.get(secretOf(server.url));
    this.#close();
    const client = new ServerClient(server, { apiKey, decoder: this.#parts.decoder, ...this.#parts.local });
    this.#open = { key, client };
    return client;
  }

  #close(): void {
    this.#open?.client.dispose();
    this.#open = undefined;
  }
}

function secretOf(url: string): string {
  return `apiKey:${url}`;
}

/** Throws `cancelled` when the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(cancelled());
      },
      { once: true },
    );
  });
}

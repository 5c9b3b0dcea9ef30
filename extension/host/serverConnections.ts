import * as l10n from '@vscode/l10n';
import type { SecretStorage } from 'vscode';
import type { EngineClientOptions } from '../client/engineClient.ts';
import { cancelled, UserError } from '../protocol/errors.ts';
import { urlsOf, type ServerProbe, type ServerSpec } from '../protocol/server.ts';
import { Decoder } from '../server/decoder.ts';
import { askEach, type Answers } from '../server/recorder.ts';
import { ServerClient, type ServerClientOptions } from '../server/serverClient.ts';
import { ServerPool } from '../server/serverPool.ts';
import type { Servers } from './servers.ts';

/** Pause of the typing after which an edited text goes to a server: each request costs it a pass over the text. */
const EDIT_MS = 150;

export interface ConnectionParts {
  readonly servers: Pick<Servers, 'agreeToPlainHttp'>;
  readonly secrets: Pick<SecretStorage, 'get' | 'store' | 'delete'>;
  /** Absolute path of the decoder's bundle. */
  readonly decoder: string;
  readonly local: Pick<ServerClientOptions, 'shape' | 'tokenize'>;
}

/** What is asked of servers. Their keys are secrets. */
export class ServerConnections {
  readonly #parts: ConnectionParts;
  readonly #decoder: Decoder;
  /** Connections to servers that were asked, by address, model, folder and API key; and what several of them share. */
  readonly #clients = new Map<string, ServerClient>();
  readonly #pools = new Map<string, { readonly clients: readonly ServerClient[]; readonly pool: ServerPool }>();

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#decoder = new Decoder(parts.decoder);
  }

  /** Keeps the key of a server. What is under way with the former one comes to its end. */
  async keep(url: string, apiKey: string): Promise<void> {
    await this.#parts.secrets.store(secretOf(url), apiKey);
  }

  /** Whether the key of a server is kept. */
  async hasKey(url: string): Promise<boolean> {
    return Boolean(await this.#parts.secrets.get(secretOf(url)));
  }

  async forget(url: string): Promise<void> {
    await this.#parts.secrets.delete(secretOf(url));
  }

  /**
   * Names of the models that a server has. Throws UserError.
   *
   * @param apiKey to be tried; absent for the one that is kept
   */
  async models(server: ServerSpec, signal: AbortSignal, apiKey?: string): Promise<readonly string[]> {
    return (await this.#client(server, server.url, apiKey)).models(signal);
  }

  /**
   * Finds out what servers are: the first one, where all are alike. Throws UserError.
   *
   * @param apiKey to be tried; absent for the one that is kept
   */
  async probe(server: ServerSpec, signal: AbortSignal, apiKey?: string): Promise<ServerProbe> {
    const probes = await Promise.all(
      urlsOf(server).map(async (url) => ({ url, ...(await (await this.#client(server, url, apiKey)).probe(signal)) })),
    );
    const first = probes[0]!;
    const layersOf = ({ moeLayers }: ServerProbe): string =>
      JSON.stringify(moeLayers.map(({ layer, k }) => [layer, k]));
    const odd = probes.find((probe) => layersOf(probe) !== layersOf(first));
    if (odd) {
      throw new UserError('server-unfit', l10n.t`The model at ${odd.url} has other layers than that at ${first.url}.`);
    }
    return first;
  }

  /** Has each of some servers count what it routes from now on. Throws UserError where none does. */
  async startRecording(server: ServerSpec, signal: AbortSignal): Promise<Answers<void>> {
    return askEach(await this.#all(server), (client) => client.startRecording(signal));
  }

  /** Has each stop and write its counts; where they lie as far as that can be told. Throws UserError where none does. */
  async stopRecording(server: ServerSpec, signal: AbortSignal): Promise<Answers<readonly string[]>> {
    return askEach(await this.#all(server), (client) => client.stopRecording(signal));
  }

  /** Routes a text on a server, as the engine's client does on this machine. Throws UserError. */
  readonly analyze: NonNullable<EngineClientOptions['elsewhere']> = async (server, run, text, sink, signal, live) => {
    if (!(await this.#parts.servers.agreeToPlainHttp(server))) throw cancelled();
    // A text that is being edited goes without probabilities: only then may the server use what it knows of the text before.
    const edited = live?.follows ?? false;
    if (edited) await pause(EDIT_MS, signal);
    const pool = await this.#pool(server);
    return pool.analyze(run, text, sink, signal, { logProb: !edited, stays: live !== undefined });
  };

  dispose(): void {
    for (const client of this.#clients.values()) client.dispose();
    this.#decoder.dispose();
  }

  async #client({ model, folder }: ServerSpec, url: string, given?: string): Promise<ServerClient> {
    // Another window may have stored a new one.
    const apiKey = given ?? (await this.#parts.secrets.get(secretOf(url)));
    const key = JSON.stringify([url, model, folder, apiKey]);
    let client = this.#clients.get(key);
    if (!client) {
      const spec = { url, model, ...(folder === undefined ? {} : { folder }) };
      client = new ServerClient(spec, { apiKey, decoder: this.#decoder, ...this.#parts.local });
      this.#clients.set(key, client);
    }
    return client;
  }

  #all(server: ServerSpec): Promise<ServerClient[]> {
    return Promise.all(urlsOf(server).map((url) => this.#client(server, url)));
  }

  async #pool(server: ServerSpec): Promise<ServerPool> {
    const clients = await this.#all(server);
    const key = JSON.stringify(server);
    const known = this.#pools.get(key);
    if (known && clients.every((client, i) => client === known.clients[i])) return known.pool;
    const pool = new ServerPool(clients);
    this.#pools.set(key, { clients, pool });
    return pool;
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

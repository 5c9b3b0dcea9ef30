import * as l10n from '@vscode/l10n';
import { EventEmitter, window, type Event, type Memento } from 'vscode';
import * as v from 'valibot';
import { urlsOf, type ServerSpec } from '../protocol/server.ts';
import { isReadable } from '../server/address.ts';
import { Disposables } from './disposables.ts';

const CHOSEN = 'server';
const RECENT = 'recentServers';
const READABLE = 'plainHttpServers';
const MAX_RECENT = 8;

const specSchema = v.object({
  url: v.string(),
  more: v.exactOptional(v.array(v.string())),
  model: v.string(),
  folder: v.exactOptional(v.string()),
});
const chosenSchema = v.fallback(v.optional(specSchema), undefined);
const recentSchema = v.fallback(v.array(specSchema), []);
const readableSchema = v.fallback(v.array(v.string()), []);

/** The server that routes instead of this machine, if one is chosen, and those that were used lately. */
export class Servers {
  readonly #workspaceState: Memento;
  readonly #globalState: Memento;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<void>());
  readonly onDidChange: Event<void> = this.#changed.event;

  constructor(workspaceState: Memento, globalState: Memento) {
    this.#workspaceState = workspaceState;
    this.#globalState = globalState;
  }

  get chosen(): ServerSpec | undefined {
    return v.parse(chosenSchema, this.#workspaceState.get(CHOSEN));
  }

  /** Newest first. */
  get recent(): readonly ServerSpec[] {
    return v.parse(recentSchema, this.#globalState.get(RECENT));
  }

  /**
   * Routes there from now on; without a server, on this machine.
   *
   * @returns addresses of those that were used long ago and are not remembered any more
   */
  async choose(server: ServerSpec | undefined): Promise<readonly string[]> {
    await this.#workspaceState.update(CHOSEN, server);
    const gone = server ? await this.#remember([server, ...this.#others(server)].slice(0, MAX_RECENT)) : [];
    this.#changed.fire();
    return gone;
  }

  /** Takes a server out of those that were used. Returns its addresses, but for those of another one. */
  async forget(server: ServerSpec): Promise<readonly string[]> {
    const gone = await this.#remember(this.#others(server));
    const { chosen } = this;
    if (chosen && isSame(chosen, server)) await this.choose(undefined);
    return gone;
  }

  /** Whether what is sent to a server may be readable on its way; asks once for each of its addresses. */
  async agreeToPlainHttp(server: ServerSpec): Promise<boolean> {
    for (const url of urlsOf(server)) if (!(await this.#agreeToPlainHttpAt(url))) return false;
    return true;
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  async #agreeToPlainHttpAt(url: string): Promise<boolean> {
    const agreed = v.parse(readableSchema, this.#globalState.get(READABLE));
    if (!isReadable(url) || agreed.includes(url)) return true;
    const send = l10n.t`Send All the Same`;
    const detail = l10n.t`The address begins with http: your text and an API key, if there is one, could be read on their way.`;
    const answer = await window.showWarningMessage(
      l10n.t`Send texts to ${new URL(url).host} unencrypted?`,
      { modal: true, detail },
      send,
    );
    if (answer !== send) return false;
    await this.#globalState.update(READABLE, [...agreed, url]);
    return true;
  }

  #others(server: ServerSpec): ServerSpec[] {
    return this.recent.filter((other) => !isSame(other, server));
  }

  /** Remembers these alone. Returns the addresses of the others; whether texts go there is asked anew. */
  async #remember(servers: readonly ServerSpec[]): Promise<readonly string[]> {
    const kept = new Set(servers.flatMap(urlsOf));
    const gone = this.recent.flatMap(urlsOf).filter((url) => !kept.has(url));
    await this.#globalState.update(RECENT, servers);
    const agreed = v.parse(readableSchema, this.#globalState.get(READABLE));
    await this.#globalState.update(
      READABLE,
      agreed.filter((url) => !gone.includes(url)),
    );
    return gone;
  }
}

/** Whether two name the same model on the same machines. */
export function isSame(a: ServerSpec, b: ServerSpec): boolean {
  return a.model === b.model && urlsOf(a).join() === urlsOf(b).join();
}

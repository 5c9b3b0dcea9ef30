import * as l10n from '@vscode/l10n';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EventEmitter, type Event, type Memento } from 'vscode';
import * as v from 'valibot';
import { modelName } from '../formats/modelName.ts';
import type { ModelRequest } from '../protocol/engine.ts';
import type { ServerSpec } from '../protocol/server.ts';
import { Choice } from './choice.ts';
import { Disposables } from './disposables.ts';
import type { RouterConsent } from './routerConsent.ts';
import type { Servers } from './servers.ts';
import type { Settings } from './settings.ts';

const MAX_RECENT = 8;
const RECENT_KEY = 'recentModels';
const recentSchema = v.fallback(v.array(v.string()), []);

export interface BundledModel {
  readonly folder: string;
  readonly name: string;
  readonly description: string;
}

export interface ModelPlaces {
  /** media/demo-models of this extension. */
  readonly bundled: string;
  /** Where the engine keeps what it builds from checkpoints. */
  readonly cache: string;
}

/** Which model runs: that of the chosen server, else the chosen one, else the setting's, else the bundled one. Remembers the recent ones. */
export class Models {
  readonly bundled: readonly BundledModel[];
  readonly #consent: RouterConsent;
  readonly #servers: Servers;
  readonly #cache: string;
  readonly #settings: Settings;
  readonly #global: Memento;
  readonly #choice: Choice<string>;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<void>());
  readonly onDidChange: Event<void> = this.#changed.event;

  constructor(
    places: ModelPlaces,
    settings: Settings,
    workspaceState: Memento,
    globalState: Memento,
    consent: RouterConsent,
    servers: Servers,
  ) {
    this.bundled = [
      { name: 'balanced', description: l10n.t`bundled; trained with a load-balancing loss` },
      { name: 'collapsed', description: l10n.t`bundled; trained without: a few experts do the work` },
    ].map((model) => ({ ...model, folder: join(places.bundled, model.name) }));
    this.#cache = places.cache;
    this.#settings = settings;
    this.#global = globalState;
    this.#consent = consent;
    this.#servers = servers;
    this.#disposables.add(
      servers.onDidChange(() => {
        this.#changed.fire();
      }),
    );
    this.#choice = new Choice(workspaceState, 'model', v.string(), () => settings.model);
    this.#disposables.add(
      settings.onDidChange(() => {
        this.#choice.heedSetting();
        this.#changed.fire();
      }),
    );
  }

  /** Absolute path of the folder of the model that runs. */
  get folder(): string {
    const wanted = this.#choice.value ?? this.#settings.model;
    const bundled = this.bundled.find((model) => model.name === (wanted || this.bundled[0]!.name));
    return bundled?.folder ?? expandHome(wanted);
  }

  /** The server that runs the model instead of this machine. */
  get server(): ServerSpec | undefined {
    return this.#servers.chosen;
  }

  get name(): string {
    const { server } = this;
    return server ? server.model || new URL(server.url).host : modelName(this.folder);
  }

  /** Folders chosen lately, newest first, without the bundled ones. */
  get recent(): readonly string[] {
    return v.parse(recentSchema, this.#global.get(RECENT_KEY));
  }

  /**
   * Whether the user agrees to what a model is taken for, or to how texts go to its server; asks where that has to be asked.
   * Throws UserError.
   */
  async agree(folder?: string): Promise<boolean> {
    const { server } = this;
    if (folder === undefined && server) return this.#servers.agreeToPlainHttp(server);
    return this.#consent.settle(folder ?? this.folder);
  }

  /** What is needed to run the model in this folder on this machine, or the current model where it runs. */
  request(wanted?: string): ModelRequest {
    const { server } = this;
    const folder = wanted ?? this.folder;
    const { cacheLimit, threads, context, precision, provider } = this.#settings;
    const router = this.#consent.agreed(folder);
    return {
      ...{ folder, cache: this.#cache, cacheLimit, threads, context, precision, provider },
      ...(router === undefined ? {} : { router }),
      ...(wanted === undefined && server ? { server } : {}),
    };
  }

  async choose(folder: string): Promise<void> {
    // By name: the folder of a bundled model moves with every version of the extension.
    const bundled = this.bundled.find((model) => model.folder === folder);
    await this.#choice.set(bundled?.name ?? folder);
    if (!bundled) {
      const others = this.recent.filter((other) => other !== folder);
      await this.#global.update(RECENT_KEY, [folder, ...others].slice(0, MAX_RECENT));
    }
    if (this.server) await this.#servers.choose(undefined);
    this.#changed.fire();
  }

  async forget(folder: string): Promise<void> {
    await this.#global.update(
      RECENT_KEY,
      this.recent.filter((other) => other !== folder),
    );
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') || path.startsWith('~\\') ? join(homedir(), path.slice(1)) : path;
}

import { commands, EventEmitter, type Event, type Memento } from 'vscode';
import * as v from 'valibot';
import type { ErrorCode } from '../protocol/errors.ts';
import { Choice } from './choice.ts';
import { Disposables } from './disposables.ts';
import type { Settings } from './settings.ts';

const MEGABYTE = 1e6;
/** After a server could not be reached, it is asked again, whether or not somebody types. */
export const AWAY_MS = 15_000;
/** How a run ends after which the next may end otherwise. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['cancelled', 'engine-gone', 'server-unreachable']);

/** Whether routing follows edits in this window: the setting, until the user switches. */
export class LiveSwitch {
  readonly #settings: Settings;
  readonly #choice: Choice<boolean>;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<void>());
  readonly onDidChange: Event<void> = this.#changed.event;
  #on: boolean | undefined;

  constructor(settings: Settings, memento: Memento) {
    this.#settings = settings;
    this.#choice = new Choice(memento, 'live', v.boolean(), () => settings.live);
    this.#disposables.add(
      settings.onDidChange(() => {
        this.#choice.heedSetting();
        this.#tell();
      }),
    );
    this.#tell();
  }

  get on(): boolean {
    return this.#choice.value ?? this.#settings.live;
  }

  /** Bytes that the engine may keep of texts for it; undefined while it is off. */
  get memory(): number | undefined {
    return this.on ? this.#settings.liveCache * MEGABYTE : undefined;
  }

  async set(on: boolean): Promise<void> {
    await this.#choice.set(on);
    this.#tell();
  }

  /** Takes how a run has ended: what would fail on every edit is told once. */
  afterRun(ended: ErrorCode | undefined): void {
    if (ended !== undefined && !PASSING.has(ended)) void this.set(false);
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #tell(): void {
    if (this.on === this.#on) return;
    this.#on = this.on;
    void commands.executeCommand('setContext', 'moescope.live', this.on);
    this.#changed.fire();
  }
}

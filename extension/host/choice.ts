import type { Memento } from 'vscode';
import * as v from 'valibot';

/**
 * A value that a setting gives and that the user can change by a click. The click wins until the setting changes: it is
 * kept with the setting's value that it overrode, and forgotten when that is another one now.
 */
export class Choice<T> {
  readonly #memento: Memento;
  readonly #key: string;
  readonly #schema: v.GenericSchema<unknown, { readonly value: T; readonly over: string }>;
  readonly #setting: () => unknown;

  constructor(memento: Memento, key: string, value: v.GenericSchema<unknown, T>, setting: () => unknown) {
    this.#memento = memento;
    this.#key = key;
    this.#schema = v.object({ value, over: v.string() });
    this.#setting = setting;
    // It may have changed while no window was open.
    this.heedSetting();
  }

  /** The chosen value; undefined where the setting holds. */
  get value(): T | undefined {
    const kept = this.#kept;
    return kept?.over === String(this.#setting()) ? kept.value : undefined;
  }

  async set(value: T): Promise<void> {
    await this.#memento.update(this.#key, { value, over: String(this.#setting()) });
  }

  /** To be told when settings change: a choice that was made over another value does not come back with that. */
  heedSetting(): void {
    if (this.#kept && this.value === undefined) void this.#memento.update(this.#key, undefined);
  }

  get #kept(): { readonly value: T; readonly over: string } | undefined {
    const kept = v.safeParse(this.#schema, this.#memento.get(this.#key));
    return kept.success ? kept.output : undefined;
  }
}

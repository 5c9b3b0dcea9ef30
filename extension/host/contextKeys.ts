import { commands, window, type Disposable } from 'vscode';
import { Disposables } from './disposables.ts';
import type { Sessions } from './sessions.ts';

/**
 * Keys for `when` clauses. `moescope.analyzed` and `moescope.running` speak of the active editor's document,
 * `moescope.hasRouting` and `moescope.highlighted` of what the views show.
 */
export class ContextKeys implements Disposable {
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  readonly #values = new Map<string, boolean>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    const update = (): void => {
      this.#update();
    };
    this.#disposables.add(window.onDidChangeActiveTextEditor(update));
    this.#disposables.add(sessions.onDidSwitch(update));
    this.#disposables.add(sessions.onDidChange(update));
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #update(): void {
    const { current } = this.#sessions;
    const active = window.activeTextEditor;
    const here = active ? this.#sessions.get(active.document.uri) : current;
    this.#set('moescope.analyzed', here?.routed !== undefined);
    this.#set('moescope.running', here?.running !== undefined);
    this.#set('moescope.hasRouting', current?.routed !== undefined);
    const standsOut = [current?.highlight, current?.flips, current?.loss].some((what) => what !== undefined);
    this.#set('moescope.highlighted', standsOut);
  }

  #set(key: string, value: boolean): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    void commands.executeCommand('setContext', key, value);
  }
}

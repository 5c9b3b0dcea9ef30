import { commands, window, type Disposable } from 'vscode';
import { Disposables } from './disposables.ts';
import type { Sessions } from './sessions.ts';

/**
 * Keys for `when` clauses. `moescope.analyzed` and `moescope.running` speak of the active editor's document,
 * `moescope.hasRouting` of what the views show, `moescope.highlighted` of any text: the report highlights in others, too.
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
    const standsOut = this.#sessions.all.some(
      ({ highlight, flips, loss }) => (highlight ?? flips ?? loss) !== undefined,
    );
    this.#set('moescope.highlighted', standsOut);
  }

  #set(key: string, value: boolean): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    void commands.executeCommand('setContext', key, value);
  }
}

import * as l10n from '@vscode/l10n';
import { StatusBarAlignment, window, type Disposable, type StatusBarItem } from 'vscode';
import { Disposables } from './disposables.ts';
import type { LiveSwitch } from './liveSwitch.ts';
import type { Sessions } from './sessions.ts';

/** The switch of Live in the status bar, there once a text has been routed, or while it is on. */
export class LiveItem implements Disposable {
  readonly #live: LiveSwitch;
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  readonly #item: StatusBarItem;

  constructor(live: LiveSwitch, sessions: Sessions) {
    this.#live = live;
    this.#sessions = sessions;
    this.#item = this.#disposables.add(window.createStatusBarItem('moescope.live', StatusBarAlignment.Left, 49));
    this.#item.name = l10n.t`MoEScope Live`;
    const show = (): void => {
      this.#show();
    };
    this.#disposables.add(live.onDidChange(show));
    this.#disposables.add(sessions.onDidSwitch(show));
    this.#show();
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #show(): void {
    const { on } = this.#live;
    this.#item.text = on ? l10n.t`$(pulse) Live` : l10n.t`$(pulse) Live: off`;
    this.#item.command = on ? 'moescope.stopLive' : 'moescope.startLive';
    this.#item.tooltip = on
      ? l10n.t`A text that you look at is routed, up to 200,000 characters unasked, and routing follows edits, up to a million. Click to stop that.`
      : l10n.t`Routing stays as it is while you type. Click to have it follow edits.`;
    this.#item.accessibilityInformation = {
      label: on ? l10n.t`Live routing is on` : l10n.t`Live routing is off`,
      role: 'switch',
    };
    if (on || this.#sessions.current) this.#item.show();
    else this.#item.hide();
  }
}

import * as l10n from '@vscode/l10n';
import type { Disposable, Uri, WebviewView, WebviewViewProvider } from 'vscode';
import type { FromLoadView, ToLoadView, WrittenText } from '../protocol/webview.ts';
import { Channel } from './channel.ts';
import type { Continuer } from './continuer.ts';
import { Disposables } from './disposables.ts';
import type { Feed } from './feed.ts';
import type { Log } from './log.ts';
import type { Sessions } from './sessions.ts';
import { Throttle } from './throttle.ts';
import type { ViewActions } from './viewActions.ts';
import { fromLoadViewSchema } from './viewMessages.ts';
import { webviewHtml, webviewOptions } from './webviewHtml.ts';

/** The token under the cursor is told of so often; less often to somebody who types. */
const POINT_MS = 16;
const TYPING_MS = 500;

/** The side panel. */
export class LoadView implements WebviewViewProvider, Disposable {
  static readonly id = 'moescope.load';

  readonly #extension: Uri;
  readonly #sessions: Sessions;
  readonly #feed: Feed;
  readonly #actions: ViewActions;
  readonly #log: Log;
  readonly #continuer: Continuer;
  #open: Disposables | undefined;

  constructor(extension: Uri, sessions: Sessions, feed: Feed, actions: ViewActions, continuer: Continuer, log: Log) {
    this.#extension = extension;
    this.#sessions = sessions;
    this.#feed = feed;
    this.#actions = actions;
    this.#log = log;
    this.#continuer = continuer;
  }

  resolveWebviewView(view: WebviewView): void {
    this.#open?.dispose();
    const open = new Disposables();
    this.#open = open;
    view.onDidDispose(() => {
      open.dispose();
      this.#actions.leave();
    });
    open.add(
      view.onDidChangeVisibility(() => {
        if (!view.visible) this.#actions.leave();
      }),
    );
    view.webview.options = webviewOptions(this.#extension);
    let tokens: WrittenText['tokens'] | undefined;
    let sent = 0;
    /** Tells what has been added, or all of another text. */
    const tellWritten = (written: WrittenText | undefined): void => {
      const from = written?.tokens === tokens ? sent : 0;
      tokens = written?.tokens;
      sent = tokens?.length ?? 0;
      channel.post({
        type: 'written',
        from,
        ...(written ? { written: { ...written, tokens: written.tokens.slice(from) } } : {}),
      });
    };
    const channel = open.add(
      new Channel<ToLoadView, FromLoadView>(view.webview, {
        schema: fromLoadViewSchema,
        log: this.#log,
        receive: (message) => {
          if (message.type !== 'ready') {
            this.#actions.handle(message, this.#sessions.current);
            return;
          }
          this.#feed.refresh();
          sent = 0;
          tellWritten(this.#continuer.written);
        },
      }),
    );
    open.add(
      this.#feed.watch({
        state: (state) => {
          channel.post({ type: 'state', state });
        },
        loads: (layers) => {
          channel.post({ type: 'load', layers });
          // The run may have come to the cursor's token by now.
          channel.post(this.#cursor());
        },
      }),
    );
    const pointing = open.add(
      new Throttle(POINT_MS, () => {
        channel.post(this.#cursor());
      }),
    );
    open.add(
      this.#sessions.onDidChange(({ session, change }) => {
        if (session === this.#sessions.current && change === 'cursor')
          pointing.request(session.typing ? TYPING_MS : POINT_MS);
      }),
    );
    open.add(this.#continuer.onDidChange(tellWritten));
    view.webview.html = webviewHtml(view.webview, this.#extension, 'load', l10n.t`Routing Load`);
  }

  dispose(): void {
    this.#open?.dispose();
  }

  #cursor(): ToLoadView {
    const { routed, cursor } = this.#sessions.current ?? {};
    if (!routed || cursor === undefined) return { type: 'cursor' };
    return { type: 'cursor', token: { text: routed.textOf(cursor), layers: routed.expertsOf(cursor) } };
  }
}

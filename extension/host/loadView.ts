import * as l10n from '@vscode/l10n';
import type { Disposable, Uri, WebviewView, WebviewViewProvider } from 'vscode';
import type { FromLoadView, ToLoadView, WrittenText } from '../protocol/webview.ts';
import { Channel } from './channel.ts';
import type { Continuer } from './continuer.ts';
import { Disposables } from './disposables.ts';
import type { Feed } from './feed.ts';
import type { Log } from './log.ts';
import type { Sessions } from './sessions.ts';
import type { ViewActions } from './viewActions.ts';
import { fromLoadViewSchema } from './viewMessages.ts';
import { webviewHtml, webviewOptions } from './webviewHtml.ts';

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
    });
    view.webview.options = webviewOptions(this.#extension);
    const channel = open.add(
      new Channel<ToLoadView, FromLoadView>(view.webview, {
        schema: fromLoadViewSchema,
        log: this.#log,
        receive: (message) => {
          if (message.type !== 'ready') {
            this.#actions.handle(message);
            return;
          }
          this.#feed.refresh();
          channel.post(writtenMessage(this.#continuer.written));
        },
      }),
    );
    open.add(
      this.#feed.onDidChangeState((state) => {
        channel.post({ type: 'state', state });
      }),
    );
    open.add(
      this.#feed.onDidChangeLoads((layers) => {
        channel.post({ type: 'load', layers });
        // The run may have come to the cursor's token by now.
        channel.post(this.#cursor());
      }),
    );
    open.add(
      this.#sessions.onDidChange(({ session, change }) => {
        if (session === this.#sessions.current && change === 'cursor') channel.post(this.#cursor());
      }),
    );
    open.add(
      this.#continuer.onDidChange((written) => {
        channel.post(writtenMessage(written));
      }),
    );
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

function writtenMessage(written: WrittenText | undefined): ToLoadView {
  return { type: 'written', ...(written ? { written } : {}) };
}

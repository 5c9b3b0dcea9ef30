import { TabInputWebview, Uri, window, type Disposable, type Tab, type ViewColumn, type WebviewPanel } from 'vscode';
import type * as v from 'valibot';
import { Channel } from './channel.ts';
import { Disposables } from './disposables.ts';
import type { Log } from './log.ts';
import { webviewHtml, webviewOptions, type WebviewEntry } from './webviewHtml.ts';

export interface TabKind<Out, In> {
  /** Name of its bundle, and of its icons in media. */
  readonly entry: WebviewEntry;
  readonly title: string;
  readonly schema: v.GenericSchema<unknown, In>;
  /** The tab has come up, by `show` or with the window: says what to do with what its page sends. */
  readonly opened: (tab: OpenTab<Out>) => (message: In) => void;
  /** The page is gone: the tab is closed, or out of sight. */
  readonly gone?: () => void;
}

/** A tab for as long as it is there. */
export interface OpenTab<Out> {
  /** Sends a message; one that no page is there to receive is lost, as the page asks for everything when it comes up. */
  readonly post: (message: Out) => void;
  /** What is to be disposed with the tab. */
  readonly own: <T extends Disposable>(part: T) => T;
  /** Names what the tab is about, behind its title. */
  readonly name: (subject: string | undefined) => void;
}

/** Takes a tab over that was open before the window was loaded anew. */
export interface RestoresTab {
  restore(panel: WebviewPanel): void;
}

/** Has tabs of a kind come back after a reload. VS Code asks for that as soon as the extension is active, whatever is loaded by then. */
export function restoreTabs(entry: WebviewEntry, owner: () => RestoresTab | Promise<RestoresTab>): Disposable {
  return window.registerWebviewPanelSerializer(viewTypeOf(entry), {
    async deserializeWebviewPanel(panel) {
      (await owner()).restore(panel);
    },
  });
}

/** A webview in an editor tab: one at most of its kind. */
export class EditorTab<Out, In> implements RestoresTab, Disposable {
  readonly #extension: Uri;
  readonly #kind: TabKind<Out, In>;
  readonly #log: Log;
  #panel: WebviewPanel | undefined;

  constructor(extension: Uri, log: Log, kind: TabKind<Out, In>) {
    this.#extension = extension;
    this.#log = log;
    this.#kind = kind;
  }

  get isOpen(): boolean {
    return this.#panel !== undefined;
  }

  /** Opens the tab, or brings it forward where it is. */
  show(viewColumn: ViewColumn, preserveFocus: boolean): void {
    if (this.#panel) {
      this.#panel.reveal(undefined, preserveFocus);
      return;
    }
    const { entry, title } = this.#kind;
    const waiting = waitingTabs(entry);
    const place = { viewColumn: waiting[0]?.group.viewColumn ?? viewColumn, preserveFocus };
    this.#adopt(window.createWebviewPanel(viewTypeOf(entry), title, place, webviewOptions(this.#extension)));
    void window.tabGroups.close(waiting, true);
  }

  restore(panel: WebviewPanel): void {
    this.#panel?.dispose();
    panel.webview.options = webviewOptions(this.#extension);
    this.#adopt(panel);
  }

  /** The tab itself stays, so that it is there after a reload. */
  dispose(): void {
    this.#panel = undefined;
  }

  #adopt(panel: WebviewPanel): void {
    const { entry, title, schema, opened, gone } = this.#kind;
    const open = new Disposables();
    this.#panel = panel;
    panel.onDidDispose(() => {
      open.dispose();
      if (this.#panel === panel) this.#panel = undefined;
      gone?.();
    });
    panel.onDidChangeViewState(() => {
      if (!panel.visible) gone?.();
    });
    const icon = (theme: string): Uri => Uri.joinPath(this.#extension, 'media', `${entry}-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    panel.title = title;
    const channel = open.add(
      new Channel<Out, In>(panel.webview, {
        schema,
        log: this.#log,
        receive: (message) => {
          receive(message);
        },
      }),
    );
    const receive = opened({
      post: (message) => {
        channel.post(message);
      },
      own: (part) => open.add(part),
      name: (subject) => {
        panel.title = subject === undefined ? title : `${title}: ${subject}`;
      },
    });
    panel.webview.html = webviewHtml(panel.webview, this.#extension, entry, title);
  }
}

function viewTypeOf(entry: WebviewEntry): string {
  return `moescope.${entry}`;
}

/** Tabs that came back with the window and that nobody has looked at since: VS Code hands them over only then. */
function waitingTabs(entry: WebviewEntry): Tab[] {
  const viewType = viewTypeOf(entry);
  return window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .filter(({ input }) => input instanceof TabInputWebview && input.viewType.endsWith(viewType));
}

import { ViewColumn, type Disposable, type Uri } from 'vscode';
import type { FromMap, ToMap } from '../protocol/webview.ts';
import { EditorTab, type OpenTab } from './editorTab.ts';
import type { EditorLink } from './editorLink.ts';
import type { Feed } from './feed.ts';
import type { Log } from './log.ts';
import { mapRows } from './mapRows.ts';
import type { RoutedText } from './routedText.ts';
import type { Sessions } from './sessions.ts';
import { Throttle } from './throttle.ts';
import type { ViewActions } from './viewActions.ts';
import { fromMapSchema } from './viewMessages.ts';

/** New rows are told of so often: the machine is busy with the model. */
const GROWTH_MS = 200;

/** The routing map in an editor tab, which follows the current session. */
export class MapPanel implements Disposable {
  readonly #sessions: Sessions;
  readonly #feed: Feed;
  readonly #link: EditorLink;
  readonly #actions: ViewActions;
  readonly #tab: EditorTab<ToMap, FromMap>;
  /** What the page has been told of: rows before `upTo` of this text. */
  #told: { readonly routed: RoutedText; readonly upTo: number } | undefined;

  constructor(extension: Uri, sessions: Sessions, feed: Feed, link: EditorLink, actions: ViewActions, log: Log) {
    this.#sessions = sessions;
    this.#feed = feed;
    this.#link = link;
    this.#actions = actions;
    this.#tab = new EditorTab(extension, log, {
      viewType: 'moescope.map',
      entry: 'map',
      title: 'Routing Map',
      schema: fromMapSchema,
      opened: (tab) => this.#opened(tab),
    });
  }

  /** Opens the map beside the editor, or brings it forward; the focus stays where it is. */
  show(): void {
    this.#tab.show(ViewColumn.Beside, true);
  }

  dispose(): void {
    this.#tab.dispose();
  }

  #opened(tab: OpenTab<ToMap>): (message: FromMap) => void {
    this.#told = undefined;
    const growth = tab.own(
      new Throttle(GROWTH_MS, () => {
        this.#tell(tab);
      }),
    );
    tab.own(
      this.#feed.onDidChangeState((state) => {
        tab.post({ type: 'state', state });
      }),
    );
    tab.own(
      this.#feed.onDidChangeLoads((layers) => {
        tab.post({ type: 'load', layers });
      }),
    );
    tab.own(
      this.#link.onDidReveal(({ token, select }) => {
        tab.post({ type: 'reveal', token, select });
      }),
    );
    tab.own(
      this.#sessions.onDidSwitch(() => {
        this.#name(tab);
        // At once: until the page hears of it, it shows the rows of the text that was current before.
        this.#tell(tab);
      }),
    );
    tab.own(
      this.#sessions.onDidChange(({ session, change }) => {
        if (session === this.#sessions.current && (change === 'routing' || change === 'growth')) growth.request();
      }),
    );
    this.#name(tab);
    return (message) => {
      this.#receive(message, tab);
    };
  }

  #name(tab: OpenTab<ToMap>): void {
    tab.name(this.#sessions.current?.name);
  }

  #receive(message: FromMap, tab: OpenTab<ToMap>): void {
    const routed = this.#sessions.current?.routed;
    switch (message.type) {
      case 'ready':
        this.#told = undefined;
        this.#feed.refresh();
        this.#tell(tab);
        break;
      case 'rows':
        if (routed?.generation === message.generation) {
          const rows = mapRows(routed, message.from, message.to);
          tab.post({ type: 'rows', generation: routed.generation, rows });
        }
        break;
      case 'goto':
        void this.#link.goTo(message.token, message.select);
        break;
      case 'chooseLayer':
      case 'chooseTint':
      case 'highlight':
      case 'command':
        this.#actions.handle(message);
        break;
    }
  }

  /** Tells the page which rows are new. */
  #tell(tab: OpenTab<ToMap>): void {
    const routed = this.#sessions.current?.routed;
    if (!routed) return;
    const from = this.#told?.routed === routed ? this.#told.upTo : 0;
    this.#told = { routed, upTo: routed.trace.routed };
    const windows = routed.trace.windows.slice();
    tab.post({ type: 'trace', generation: routed.generation, from, windows });
  }
}

import * as l10n from '@vscode/l10n';
import { ViewColumn, type Disposable, type Uri, type WebviewPanel } from 'vscode';
import type { FromMap, ToMap, ViewState } from '../protocol/webview.ts';
import { EditorTab, type OpenTab, type RestoresTab } from './editorTab.ts';
import type { EditorLink, PlaceInMap } from './editorLink.ts';
import type { Feed } from './feed.ts';
import type { Limits } from './limits.ts';
import type { Log } from './log.ts';
import { mapRows } from './mapRows.ts';
import type { RoutedText } from './routedText.ts';
import type { Sessions } from './sessions.ts';
import { Throttle } from './throttle.ts';
import type { ViewActions } from './viewActions.ts';
import { fromMapSchema } from './viewMessages.ts';

/** New rows are told of so often: the machine is busy with the model. */
const GROWTH_MS = 500;
/** Less often to somebody who types: drawing them holds up the letters. */
const TYPING_MS = 1_000;

export interface MapParts {
  readonly actions: ViewActions;
  readonly feed: Feed;
  readonly limits: Limits;
  readonly link: EditorLink;
  readonly log: Log;
  readonly sessions: Sessions;
}

/** The routing map in an editor tab, which follows the current session. */
export class MapPanel implements RestoresTab, Disposable {
  readonly #parts: MapParts;
  readonly #tab: EditorTab<ToMap, FromMap>;
  /** What the page has: rows before `upTo` of a text, which is not kept itself: it may be closed. */
  #told: { readonly generation: number; readonly upTo: number } | undefined;
  /** Key of the text that the page shows, empty where it shows none; undefined while there is no page. */
  #shown: string | undefined;
  /** Where to go once the page shows the current text. */
  #awaited: PlaceInMap | undefined;

  constructor(extension: Uri, parts: MapParts) {
    this.#parts = parts;
    this.#tab = new EditorTab(extension, parts.log, {
      entry: 'map',
      title: l10n.t`Routing Map`,
      schema: fromMapSchema,
      opened: (tab) => this.#opened(tab),
      gone: () => {
        this.#shown = undefined;
        parts.actions.leave();
      },
    });
  }

  /** Opens the map beside the editor, or brings it forward; the focus stays where it is. */
  show(): void {
    this.#tab.show(ViewColumn.Beside, true);
  }

  restore(panel: WebviewPanel): void {
    this.#tab.restore(panel);
  }

  dispose(): void {
    this.#tab.dispose();
  }

  #opened(tab: OpenTab<ToMap>): (message: FromMap) => void {
    const { feed, limits, link, sessions } = this.#parts;
    this.#told = this.#shown = this.#awaited = undefined;
    const growth = tab.own(
      new Throttle(GROWTH_MS, () => {
        this.#tell(tab);
      }),
    );
    tab.own(
      feed.watch({
        state: (state) => {
          tab.name(state.document);
          tab.post({ type: 'state', state });
          this.#arrive(state, tab);
        },
        loads: (layers) => {
          tab.post({ type: 'load', layers });
        },
      }),
    );
    tab.own(
      link.onDidReveal((place) => {
        if (this.#shown === sessions.current?.key) tab.post({ type: 'reveal', ...place });
        else this.#awaited = place;
      }),
    );
    tab.own(
      sessions.onDidSwitch(() => {
        this.#awaited = undefined;
        // At once: until the page hears of it, it shows the rows of the text that was current before.
        this.#tell(tab);
      }),
    );
    tab.own(
      sessions.onDidChange(({ session, change }) => {
        if (session !== sessions.current || (change !== 'routing' && change !== 'growth')) return;
        if (change === 'routing') this.#carry(session.routed);
        growth.request(session.typing ? TYPING_MS : GROWTH_MS);
      }),
    );
    tab.own(
      limits.onDidChange((session) => {
        if (session !== sessions.current) return;
        // Every row says what is dropped.
        this.#told = undefined;
        growth.request();
      }),
    );
    tab.name(sessions.current?.name);
    return (message) => {
      this.#receive(message, tab);
    };
  }

  /** A text that the page has not shown begins where it is to go, or where its editor stands. */
  #arrive({ key = '', tokens }: ViewState, tab: OpenTab<ToMap>): void {
    const shown = tokens > 0 ? key : '';
    if (this.#shown === undefined || this.#shown === shown) return;
    this.#shown = shown;
    if (shown === '') return;
    if (this.#awaited) tab.post({ type: 'reveal', ...this.#awaited });
    else this.#parts.link.showSight();
    this.#awaited = undefined;
  }

  #receive(message: FromMap, tab: OpenTab<ToMap>): void {
    const { actions, feed, limits, link, sessions } = this.#parts;
    const session = sessions.current;
    const routed = session?.routed;
    switch (message.type) {
      case 'ready':
        this.#told = undefined;
        this.#shown = '';
        feed.refresh();
        this.#tell(tab);
        break;
      case 'rows':
        if (session && routed?.generation === message.generation) {
          const rows = mapRows(routed, message.from, message.to, limits.of(routed));
          tab.post({ type: 'rows', generation: routed.generation, rows });
        }
        break;
      case 'goto':
        if (session) void link.goTo(session, message.token, message.select);
        break;
      case 'chooseLayer':
      case 'chooseTint':
      case 'highlight':
      case 'command':
        actions.handle(message, session);
        break;
    }
  }

  /** Rows that an edit left as they were are not asked for again. */
  #carry(routed: RoutedText | undefined): void {
    const told = this.#told;
    if (!routed?.kept || routed.kept.generation !== told?.generation) return;
    this.#told = { generation: routed.generation, upTo: Math.min(told.upTo, routed.kept.tokens) };
  }

  /** Tells the page which rows are new. */
  #tell(tab: OpenTab<ToMap>): void {
    const routed = this.#parts.sessions.current?.routed;
    if (!routed) return;
    const { generation, trace } = routed;
    const from = this.#told?.generation === generation ? this.#told.upTo : 0;
    this.#told = { generation, upTo: trace.routed };
    tab.post({ type: 'trace', generation, from, windows: trace.windows.slice() });
  }
}

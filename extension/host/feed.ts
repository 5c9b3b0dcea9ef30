import { Disposable, workspace } from 'vscode';
import type { LayerLoad, ViewState } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import type { Lens } from './lens.ts';
import type { Session } from './session.ts';
import type { SessionEvent, Sessions } from './sessions.ts';
import { Throttle } from './throttle.ts';
import { viewState } from './viewState.ts';

/** Pointing should feel immediate. */
const POINT_MS = 30;
/** A running analysis need not: each message makes two views draw, and the machine is busy with the model. */
const RUN_MS = 250;
const LOADS_MS = 500;
/** Whoever types does not look at figures, and what draws them works while letters are to appear. */
const TYPING_MS = 1000;

/** A view that is there. */
export interface FedView {
  /** Whose state it shows, where that is not always the current session's. */
  readonly session?: () => Session | undefined;
  /** In whose text its experts stand out, where that is not always the one whose state it shows. */
  readonly pointed?: () => Session | undefined;
  readonly state?: (state: ViewState) => void;
  readonly loads?: (layers: readonly LayerLoad[]) => void;
}

/** What the views show of the current session, or of their own, made anew when it changes and no more often than they can use. */
export class Feed implements Disposable {
  readonly #sessions: Sessions;
  readonly #lens: Lens;
  readonly #disposables = new Disposables();
  /** With the state that each was told last. */
  readonly #views = new Map<FedView, string>();
  /** Whether a view was told that something is stale. */
  #toldStale = false;
  readonly #telling = this.#disposables.add(
    new Throttle(POINT_MS, () => {
      this.#tellState();
    }),
  );
  readonly #loading = this.#disposables.add(new Throttle(LOADS_MS, () => void this.#tellLoads()));
  #computation = 0;

  constructor(sessions: Sessions, lens: Lens) {
    this.#sessions = sessions;
    this.#lens = lens;
    this.#disposables.add(
      lens.onDidChange(() => {
        this.#telling.request();
      }),
    );
    this.#disposables.add(
      // Cells are named by where they stand.
      workspace.onDidChangeNotebookDocument(({ contentChanges }) => {
        if (contentChanges.length > 0) this.#telling.request();
      }),
    );
    this.#disposables.add(
      sessions.onDidSwitch(() => {
        this.refresh();
      }),
    );
    this.#disposables.add(
      sessions.onDidChange((event) => {
        if (event.session === sessions.current) this.#follow(event);
        else if ([...this.#views.keys()].some((view) => this.#sessionOf(view) === event.session)) this.#tell(event);
      }),
    );
  }

  /** Tells a view what changes, until that is disposed. */
  watch(view: FedView): Disposable {
    this.#views.set(view, '');
    return new Disposable(() => this.#views.delete(view));
  }

  /** Makes everything anew: a view has come up. */
  refresh(): void {
    for (const view of this.#views.keys()) this.#views.set(view, '');
    this.#telling.request();
    this.#loading.request();
  }

  /** A view shows another session. */
  switched(): void {
    this.#telling.request();
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #sessionOf({ session }: FedView): Session | undefined {
    return session ? session() : this.#sessions.current;
  }

  #stateOf(view: FedView): ViewState {
    const session = this.#sessionOf(view);
    const layers = session?.routed?.trace.layers ?? [];
    const layer = this.#lens.layerOf(layers);
    const state = viewState(session, { layer, tint: this.#lens.tint, palette: this.#lens.palette });
    if (session || !view.pointed) return state;
    const pointed = view.pointed();
    if (!pointed) return { ...state, leadsNowhere: true };
    return { ...state, ...(pointed.highlight && { highlight: pointed.highlight }) };
  }

  #tell({ session, change }: SessionEvent): void {
    const runs = change === 'run' || change === 'growth';
    // That figures are out of date and nothing mends that, or that they no longer are, is not to wait.
    const turns = change === 'stale' ? session.outdated : change === 'routing' && this.#toldStale;
    this.#telling.request(session.typing && !turns ? TYPING_MS : runs ? RUN_MS : POINT_MS);
  }

  #follow(event: SessionEvent): void {
    const { session, change } = event;
    this.#tell(event);
    if (change === 'routing' || change === 'growth') this.#loading.request(session.typing ? TYPING_MS : LOADS_MS);
  }

  #tellState(): void {
    this.#toldStale = false;
    for (const [view, before] of this.#views) {
      const state = this.#stateOf(view);
      this.#toldStale ||= state.staleFrom < state.tokens;
      const told = JSON.stringify(state);
      if (told === before) continue;
      this.#views.set(view, told);
      view.state?.(state);
    }
  }

  async #tellLoads(): Promise<void> {
    if (this.#views.size === 0) return;
    const computation = ++this.#computation;
    const routed = this.#sessions.current?.routed;
    const loads = routed ? await routed.loads.all(routed.trace.routed, () => computation === this.#computation) : [];
    // A newer computation, or another session, has overtaken this one.
    if (!loads || computation !== this.#computation || this.#sessions.current?.routed !== routed) return;
    for (const view of this.#views.keys()) view.loads?.(loads);
  }
}

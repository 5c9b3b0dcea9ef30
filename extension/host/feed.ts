import { Disposable } from 'vscode';
import type { LayerLoad, ViewState } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import type { Lens } from './lens.ts';
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
  readonly state?: (state: ViewState) => void;
  readonly loads?: (layers: readonly LayerLoad[]) => void;
}

/** What the views show of the current session, made anew when it changes and no more often than they can use. */
export class Feed implements Disposable {
  readonly #sessions: Sessions;
  readonly #lens: Lens;
  readonly #disposables = new Disposables();
  readonly #views = new Set<FedView>();
  readonly #telling = this.#disposables.add(
    new Throttle(POINT_MS, () => {
      this.#tellState();
    }),
  );
  readonly #loading = this.#disposables.add(new Throttle(LOADS_MS, () => void this.#tellLoads()));
  #computation = 0;
  #told = '';

  constructor(sessions: Sessions, lens: Lens) {
    this.#sessions = sessions;
    this.#lens = lens;
    this.#disposables.add(
      lens.onDidChange(() => {
        this.#telling.request();
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
      }),
    );
  }

  /** Tells a view what changes, until that is disposed. */
  watch(view: FedView): Disposable {
    this.#views.add(view);
    return new Disposable(() => this.#views.delete(view));
  }

  get state(): ViewState {
    const session = this.#sessions.current;
    const layers = session?.routed?.trace.layers ?? [];
    const layer = this.#lens.layerOf(layers);
    return viewState(session, { layer, tint: this.#lens.tint, palette: this.#lens.palette });
  }

  /** Makes everything anew: a view has come up. */
  refresh(): void {
    this.#told = '';
    this.#telling.request();
    this.#loading.request();
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #follow({ session, change }: SessionEvent): void {
    const runs = change === 'run' || change === 'growth';
    this.#telling.request(session.typing ? TYPING_MS : runs ? RUN_MS : POINT_MS);
    if (change === 'routing' || change === 'growth') this.#loading.request(session.typing ? TYPING_MS : LOADS_MS);
  }

  #tellState(): void {
    if (this.#views.size === 0) return;
    const { state } = this;
    const told = JSON.stringify(state);
    if (told === this.#told) return;
    this.#told = told;
    for (const view of this.#views) view.state?.(state);
  }

  async #tellLoads(): Promise<void> {
    if (this.#views.size === 0) return;
    const computation = ++this.#computation;
    const routed = this.#sessions.current?.routed;
    const loads = routed ? await routed.loads.all(routed.trace.routed, () => computation === this.#computation) : [];
    // A newer computation, or another session, has overtaken this one.
    if (!loads || computation !== this.#computation || this.#sessions.current?.routed !== routed) return;
    for (const view of this.#views) view.loads?.(loads);
  }
}

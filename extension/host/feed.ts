import { EventEmitter, type Disposable, type Event } from 'vscode';
import type { LayerLoad, ViewState } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import type { Lens } from './lens.ts';
import type { Sessions } from './sessions.ts';
import { Throttle } from './throttle.ts';
import { viewState } from './viewState.ts';

/** Pointing should feel immediate. */
const POINT_MS = 30;
/** A running analysis need not: each message makes two views draw, and the machine is busy with the model. */
const RUN_MS = 100;
const LOADS_MS = 300;

/** What the views show of the current session, made anew when it changes and no more often than they can use. */
export class Feed implements Disposable {
  readonly #sessions: Sessions;
  readonly #lens: Lens;
  readonly #disposables = new Disposables();
  readonly #state = this.#disposables.add(new EventEmitter<ViewState>());
  readonly #loads = this.#disposables.add(new EventEmitter<readonly LayerLoad[]>());
  readonly #pointing = this.#disposables.add(
    new Throttle(POINT_MS, () => {
      this.#fireState();
    }),
  );
  readonly #running = this.#disposables.add(
    new Throttle(RUN_MS, () => {
      this.#fireState();
    }),
  );
  readonly #loading = this.#disposables.add(new Throttle(LOADS_MS, () => void this.#computeLoads()));
  #computation = 0;
  #told = '';

  readonly onDidChangeState: Event<ViewState> = this.#state.event;
  readonly onDidChangeLoads: Event<readonly LayerLoad[]> = this.#loads.event;

  constructor(sessions: Sessions, lens: Lens) {
    this.#sessions = sessions;
    this.#lens = lens;
    this.#disposables.add(
      lens.onDidChange(() => {
        this.#pointing.request();
      }),
    );
    this.#disposables.add(
      sessions.onDidSwitch(() => {
        this.refresh();
      }),
    );
    this.#disposables.add(
      sessions.onDidChange(({ session, change }) => {
        if (session !== sessions.current) return;
        // Whoever types does not look at figures, and what draws them works while letters are to appear.
        const follows = (change === 'edit' || change === 'routing') && session.live !== undefined;
        (follows || change === 'run' || change === 'growth' ? this.#running : this.#pointing).request();
        if (change === 'routing' || change === 'growth') this.#loading.request();
      }),
    );
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
    this.#pointing.request();
    this.#loading.request();
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #fireState(): void {
    const { state } = this;
    const told = JSON.stringify(state);
    if (told === this.#told) return;
    this.#told = told;
    this.#state.fire(state);
  }

  async #computeLoads(): Promise<void> {
    const computation = ++this.#computation;
    const routed = this.#sessions.current?.routed;
    const loads = routed ? await routed.loads.all(routed.trace.routed, () => computation === this.#computation) : [];
    // A newer computation, or another session, has overtaken this one.
    if (loads && computation === this.#computation && this.#sessions.current?.routed === routed)
      this.#loads.fire(loads);
  }
}

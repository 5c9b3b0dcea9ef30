import { EventEmitter, type Disposable, type Event } from 'vscode';
import type { AnalystClient } from '../client/analystClient.ts';
import type { DroppedLayer, SlotFate } from '../protocol/analyst.ts';
import { Disposables } from './disposables.ts';
import type { Lens } from './lens.ts';
import type { Log } from './log.ts';
import type { RoutedText } from './routedText.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { Subjects } from './subjects.ts';
import { Throttle } from './throttle.ts';

/** While a run is under way or a slider moves, tokens are counted anew so often. */
const INTERVAL_MS = 100;

interface Counted {
  readonly version: number;
  readonly limit: Lens['limit'];
  readonly layers: readonly DroppedLayer[];
}

/** What the lens's capacity limit does to the tokens of texts, counted while the tint shows it. */
export class Limits implements Disposable {
  readonly #analyst: AnalystClient;
  readonly #lens: Lens;
  readonly #log: Log;
  readonly #sessions: Sessions;
  readonly #subjects: Subjects;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<Session>());
  readonly #counted = new WeakMap<RoutedText, Counted>();
  #counting = false;

  /** Other tokens of this session's text are dropped now. */
  readonly onDidChange: Event<Session> = this.#changed.event;

  constructor(analyst: AnalystClient, lens: Lens, sessions: Sessions, subjects: Subjects, log: Log) {
    this.#analyst = analyst;
    this.#lens = lens;
    this.#log = log;
    this.#sessions = sessions;
    this.#subjects = subjects;
    const throttle = this.#disposables.add(
      new Throttle(INTERVAL_MS, () => {
        void this.#count();
      }),
    );
    const request = (): void => {
      if (lens.tint === 'dropped') throttle.request();
    };
    this.#disposables.add(lens.onDidChange(request));
    this.#disposables.add(sessions.onDidSwitch(request));
    this.#disposables.add(subjects.onDidUpdate(request));
    request();
  }

  /** By MoE layer; undefined until it is counted, and while the tint is another. What was counted for another limit or fewer tokens stands in till then. */
  of(routed: RoutedText | undefined): readonly DroppedLayer[] | undefined {
    return routed && this.#lens.tint === 'dropped' ? this.#counted.get(routed)?.layers : undefined;
  }

  /** What the limit does to a token's slots, by MoE layer; empty where the tint does not show it. */
  async fatesOf(session: Session, token: number): Promise<readonly (readonly SlotFate[])[]> {
    const subject = this.#subjects.ofSession(session);
    if (this.#lens.tint !== 'dropped' || !subject) return [];
    return this.#analyst.ask(subject, { kind: 'fate', limit: this.#lens.limit, token });
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  async #count(): Promise<void> {
    const session = this.#sessions.current;
    const routed = session?.routed;
    const subject = session && this.#subjects.ofSession(session);
    if (!routed || !subject || this.#counting || this.#lens.tint !== 'dropped') return;
    // Of a part of the text other tokens are dropped: until all of it is routed again, those of before the edit stand in.
    if (session.behind && !routed.complete) return;
    const { limit } = this.#lens;
    const known = this.#counted.get(routed);
    if (known?.version === subject.version && known.limit === limit) {
      this.#changed.fire(session);
      return;
    }
    this.#counting = true;
    try {
      const layers = await this.#analyst.ask(subject, { kind: 'dropped', limit });
      this.#counted.set(routed, { version: subject.version, limit, layers });
      this.#changed.fire(session);
    } catch (error) {
      this.#log.error('dropped tokens', error);
    } finally {
      this.#counting = false;
    }
    // The slider may have moved on meanwhile, or the user to another text. What failed is not asked again.
    const isSame = this.#sessions.current === session && this.#lens.limit === limit;
    if (!isSame || this.#subjects.ofSession(session)?.version !== subject.version) await this.#count();
  }
}

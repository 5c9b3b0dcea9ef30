import { window, type Disposable, type TextDocument } from 'vscode';
import { SUPERSEDED } from '../protocol/errors.ts';
import type { Analyzer } from './analyzer.ts';
import { Disposables } from './disposables.ts';
import { AWAY_MS, type LiveSwitch } from './liveSwitch.ts';
import type { Run, Session } from './session.ts';
import type { SessionChange, Sessions } from './sessions.ts';
import { seenEditors } from './shownEditor.ts';
import { samePart } from './textPart.ts';

/** Characters of a text that is routed again on every edit: beyond, finding its tokens alone takes too long. */
const FOLLOWED = 1_000_000;

/**
 * Keeps routing up with edits while Live is on. Edits never queue up: one that comes while a run is under way waits until that has
 * shown something, and then takes its place, for all edits that have come by then.
 */
export class Live implements Disposable {
  readonly #analyzer: Analyzer;
  readonly #live: LiveSwitch;
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  /** Edited while a run was under way that could not be replaced yet. */
  readonly #waiting = new Set<Session>();
  /** To be routed as soon as the editor has told all that it tells of a change. */
  readonly #soon = new Map<Session, NodeJS.Immediate>();
  /** Runs that it has started. */
  readonly #runs = new WeakSet<Run>();
  /** Texts that nobody saw, whose run made way for another. */
  readonly #gaveWay = new WeakSet<Session>();
  /** Until a server that was away is asked again. */
  #away: NodeJS.Timeout | undefined;

  constructor(analyzer: Analyzer, live: LiveSwitch, sessions: Sessions) {
    this.#analyzer = analyzer;
    this.#live = live;
    this.#sessions = sessions;
    const look = (): void => {
      this.#look();
    };
    this.#disposables.add(live.onDidChange(look));
    this.#disposables.add(window.onDidChangeVisibleTextEditors(look));
    this.#disposables.add(window.onDidChangeVisibleNotebookEditors(look));
    this.#disposables.add(window.onDidChangeActiveTextEditor(look));
    this.#disposables.add(
      sessions.onDidChange(({ session, change }) => {
        this.#follow(session, change);
      }),
    );
    look();
  }

  dispose(): void {
    for (const immediate of this.#soon.values()) clearImmediate(immediate);
    this.#soon.clear();
    clearTimeout(this.#away);
    this.#disposables.dispose();
  }

  /** Routes what was edited unseen, or made way, or was routed before another model was chosen. */
  #look(): void {
    if (!this.#live.on) return;
    for (const { document } of seenEditors()) {
      const session = this.#sessions.get(document.uri);
      if (!session) continue;
      const isBehind = session.routed?.edits.edited || this.#gaveWay.has(session);
      if (isBehind || this.#analyzer.isOfAnotherModel(session)) this.#request(session);
    }
  }

  #lookAgain(): void {
    clearTimeout(this.#away);
    this.#away = setTimeout(() => {
      this.#look();
    }, AWAY_MS);
  }

  #follow(session: Session, change: SessionChange): void {
    if (change === 'edit' && this.#live.on && isSeen(session.document)) this.#request(session);
    const { run } = session;
    // Other routing has taken the place of what made way: a recording, say.
    if (change === 'routing' && !(run && this.#runs.has(run))) this.#gaveWay.delete(session);
    if (change === 'run' && run) this.#giveWay(session);
    // Whoever cancels a run has had enough, of the edits since then as well.
    if (run?.abort.signal.aborted && run.abort.signal.reason !== SUPERSEDED) this.#waiting.delete(session);
    // Told of in the middle of a run's own work: it is replaced after that.
    if (this.#waiting.has(session) && (!run || (run.live && run.shown))) this.#request(session);
  }

  #request(session: Session): void {
    const { run } = session;
    this.#waiting.delete(session);
    if (run && !(run.live && run.shown)) {
      this.#waiting.add(session);
      return;
    }
    if (this.#soon.has(session)) return;
    this.#soon.set(
      session,
      setImmediate(() => {
        this.#soon.delete(session);
        this.#again(session);
      }),
    );
  }

  #again(session: Session): void {
    const where = session.run ?? session.routed;
    if (!this.#live.on || !where || this.#sessions.get(session.document.uri) !== session) return;
    const { start, end } = where.edits.region;
    if (end - start > FOLLOWED) return;
    const part = samePart(session.document, where);
    // Where nothing is left, there is nothing to say either.
    if (part.text.trim() === '') return;
    this.#gaveWay.delete(session);
    void this.#analyzer.follow(session, part).then((ended) => {
      this.#live.afterRun(ended);
      if (ended === 'server-unreachable') this.#lookAgain();
    });
    if (session.run) this.#runs.add(session.run);
  }

  /** What nobody sees any more is not to hold up a run for another text. */
  #giveWay(to: Session): void {
    for (const session of this.#sessions.all) {
      const { run } = session;
      if (session === to || !run || !this.#runs.has(run) || isSeen(session.document)) continue;
      this.#waiting.delete(session);
      this.#gaveWay.add(session);
      run.abort.abort(SUPERSEDED);
    }
  }
}

function isSeen(document: TextDocument): boolean {
  return seenEditors().some((editor) => editor.document === document);
}

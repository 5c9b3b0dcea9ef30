import { window, workspace, type Disposable, type TextDocument } from 'vscode';
import { SUPERSEDED, type ErrorCode } from '../protocol/errors.ts';
import type { Analyzer } from './analyzer.ts';
import { Disposables } from './disposables.ts';
import { AWAY_MS, type LiveSwitch } from './liveSwitch.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { seenEditors } from './shownEditor.ts';
import { isText, lengthOf, wholeText } from './textPart.ts';

/** Characters of a text that is routed unasked: some 50,000 tokens, which a small model takes ten seconds for. */
const UNASKED = 200_000;
/** Documents that are routed only for who asks for it: VS Code makes them, and shows them in passing. */
const PASSING = new Set([
  ...['debug', 'vscode', 'vscode-settings', 'search-editor'],
  ...['vscode-chat-code-block', 'vscode-chat-code-compare-block'],
]);
/** How the run of one text ends that leaves the others as they are. */
const OF_THE_TEXT: ReadonlySet<ErrorCode | undefined> = new Set(['out-of-memory', 'text-empty']);
/** Texts beside the active one wait until nothing has run for so long: whoever types is not to wait for them. */
const REST_MS = 500;

/**
 * Routes what is looked at while Live is on: one text at a time, that of the active editor first. It gives way to runs for what somebody
 * types or asks for, and goes on afterwards where it was.
 */
export class Onlooker implements Disposable {
  readonly #analyzer: Analyzer;
  readonly #live: LiveSwitch;
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  /** The text that it has routed now. */
  #document: TextDocument | undefined;
  readonly #gaveWay = new WeakSet<Session>();
  /** Texts whose routing the user has cleared since Live was switched on. */
  #cleared = new WeakSet<TextDocument>();
  #rest: NodeJS.Timeout | undefined;

  constructor(analyzer: Analyzer, live: LiveSwitch, sessions: Sessions) {
    this.#analyzer = analyzer;
    this.#live = live;
    this.#sessions = sessions;
    const look = (): void => {
      this.#look();
    };
    this.#disposables.add(
      live.onDidChange(() => {
        this.#cleared = new WeakSet();
        look();
      }),
    );
    this.#disposables.add(window.onDidChangeActiveTextEditor(look));
    this.#disposables.add(window.onDidChangeVisibleTextEditors(look));
    this.#disposables.add(
      // One that was empty until now.
      workspace.onDidChangeTextDocument(({ document }) => {
        if (document === window.activeTextEditor?.document && !sessions.get(document.uri)) look();
      }),
    );
    this.#disposables.add(
      sessions.onDidChange(({ session, change }) => {
        if (change === 'run' && session.document !== this.#document) this.#giveWay();
        if (change === 'routing' && !sessions.get(session.document.uri)) this.#cleared.add(session.document);
      }),
    );
    look();
  }

  dispose(): void {
    clearTimeout(this.#rest);
    this.#disposables.dispose();
  }

  #look(): void {
    if (!this.#live.on) return;
    const active = window.activeTextEditor?.document;
    if (active && this.#isUnrouted(active)) {
      if (this.#document) this.#giveWay();
      else this.#route(active, true);
    } else {
      this.#lookAround();
    }
  }

  /** Turns, after a rest, to what is visible beside the active text. */
  #lookAround(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      if (!this.#live.on || this.#document || this.#sessions.all.some(({ run }) => run)) return;
      const next = seenEditors().find(({ document }) => this.#isUnrouted(document));
      if (next) this.#route(next.document, false);
    }, REST_MS);
  }

  #route(document: TextDocument, active: boolean): void {
    this.#document = document;
    const session = this.#sessions.get(document.uri);
    if (session) this.#gaveWay.delete(session);
    void this.#analyzer.analyze(wholeText(document), active, true).then((ended) => {
      this.#document = undefined;
      if (ended === 'server-unreachable') {
        this.#waitForServer(document);
        return;
      }
      // The text has a session by now, and so is not tried again.
      if (!OF_THE_TEXT.has(ended)) this.#live.afterRun(ended);
      this.#look();
    });
  }

  /** Tries a text again when its server may be back. */
  #waitForServer(document: TextDocument): void {
    const session = this.#sessions.get(document.uri);
    if (session) this.#gaveWay.add(session);
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#look();
    }, AWAY_MS);
  }

  /** Whether a text is to be routed: it has no routing, or not all since it gave way to another or its server was away. */
  #isUnrouted(document: TextDocument): boolean {
    if (!isText(document) || PASSING.has(document.uri.scheme) || this.#cleared.has(document)) return false;
    const session = this.#sessions.get(document.uri);
    if (session && (session.run ?? !this.#gaveWay.has(session))) return false;
    return lengthOf(document) <= UNASKED && document.getText().trim() !== '';
  }

  #giveWay(): void {
    if (!this.#live.on) return;
    const session = this.#document && this.#sessions.get(this.#document.uri);
    if (session?.run) {
      this.#gaveWay.add(session);
      session.run.abort.abort(SUPERSEDED);
    }
    this.#lookAround();
  }
}

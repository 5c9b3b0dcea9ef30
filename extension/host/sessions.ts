import { EventEmitter, window, workspace, type Event, type TextDocument, type TextEditor, type Uri } from 'vscode';
import { Disposables } from './disposables.ts';
import type { RoutedText } from './routedText.ts';
import { Session } from './session.ts';
import { editorsInUse } from './shownEditor.ts';
import type { LineEdit } from './tintSpans.ts';

/**
 * What changed of a session: `routing` a new trace or none any more, `growth` more of the same, `run` how far the run is,
 * `edit` what is stale, `stale` that it is spared no longer, `highlight` and `cursor` what is pointed at.
 */
export type SessionChange = 'routing' | 'growth' | 'run' | 'edit' | 'stale' | 'highlight' | 'cursor';

/** Lines [from, to] of the document outside which an edit has left everything where it was. */
export interface EditedLines {
  readonly from: number;
  readonly to: number;
  /** The edit, where it was one within a line. */
  readonly within?: LineEdit;
}

export interface SessionEvent {
  readonly session: Session;
  readonly change: SessionChange;
  /** Of an edit; absent where it may have touched any line. */
  readonly lines?: EditedLines;
}

/** A document that is no longer open, with what was known of its text. */
export interface ClosedText {
  readonly document: TextDocument;
  readonly routed: RoutedText;
  /** It was what views and status bar showed. */
  readonly current: boolean;
}

/** The sessions by document, and the one that views and status bar show: that of the editor used last. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<SessionEvent>());
  readonly #switched = this.#disposables.add(new EventEmitter<Session | undefined>());
  readonly #closed = this.#disposables.add(new EventEmitter<ClosedText>());
  #current: Session | undefined;

  readonly onDidChange: Event<SessionEvent> = this.#changed.event;
  readonly onDidSwitch: Event<Session | undefined> = this.#switched.event;
  readonly onDidClose: Event<ClosedText> = this.#closed.event;

  constructor() {
    this.#disposables.add(
      window.onDidChangeActiveTextEditor((editor) => {
        this.#follow(editor);
      }),
    );
    this.#disposables.add(
      workspace.onDidCloseTextDocument((document) => {
        // Choosing another language closes a document and opens it again at once; then it is still there.
        if (workspace.textDocuments.includes(document)) return;
        const session = this.get(document.uri);
        const routed = session?.routed;
        const current = session === this.#current;
        this.remove(document.uri);
        if (routed) this.#closed.fire({ document, routed, current });
      }),
    );
  }

  get current(): Session | undefined {
    return this.#current;
  }

  /** In the order in which they were first analysed. */
  get all(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  get(uri: Uri | string): Session | undefined {
    return this.#sessions.get(uri.toString());
  }

  /** The document's session, made where there is none, and from now on the current one, unless another is to stay that. */
  open(document: TextDocument, current = true): Session {
    let session = this.get(document.uri);
    if (!session) {
      session = new Session(document);
      this.#sessions.set(session.key, session);
    }
    if (current || !this.#current) this.#switchTo(session);
    return session;
  }

  /** Ends the document's run and forgets its routing. */
  remove(uri: Uri): void {
    const session = this.get(uri);
    if (!session) return;
    session.run?.abort.abort();
    session.run = undefined;
    session.routed = undefined;
    session.behind = undefined;
    this.#sessions.delete(session.key);
    this.publish(session, 'routing');
    if (session === this.#current) {
      this.#switchTo(editorsInUse().flatMap(({ document }) => this.get(document.uri) ?? [])[0]);
    }
  }

  /** Nothing is pointed at any more: the page in which the pointer was is gone, and says so no more. */
  endPreview(): void {
    for (const session of this.#sessions.values()) {
      if (!session.preview) continue;
      session.preview = undefined;
      this.publish(session, 'highlight');
    }
  }

  publish(session: Session, change: SessionChange, lines?: EditedLines): void {
    this.#changed.fire({ session, change, ...(lines ? { lines } : {}) });
  }

  dispose(): void {
    for (const session of this.#sessions.values()) session.run?.abort.abort();
    this.#sessions.clear();
    this.#disposables.dispose();
  }

  /** An editor without a session, a webview or the log leave the current session where it is. */
  #follow(editor: TextEditor | undefined): void {
    const session = editor && this.get(editor.document.uri);
    if (session) this.#switchTo(session);
  }

  #switchTo(session: Session | undefined): void {
    if (session === this.#current) return;
    this.#current = session;
    this.#switched.fire(session);
    // What the views say of the pointer from now on is about the new one.
    this.endPreview();
  }
}

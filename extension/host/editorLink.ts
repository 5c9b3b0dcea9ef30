import {
  EventEmitter,
  Range,
  Selection,
  TextEditorRevealType,
  window,
  workspace,
  type Disposable,
  type Event,
  type TextDocumentChangeEvent,
  type TextEditor,
  type TextEditorSelectionChangeKind,
} from 'vscode';
import { Disposables } from './disposables.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { shownBy } from './shownEditor.ts';
import { Throttle } from './throttle.ts';
import { middleInSight } from './visibleLines.ts';

/** How long after a jump of ours, or an edit, an editor's scrolling counts as its consequence: smooth scrolling takes 125 ms. */
const SETTLE_MS = 300;

/** The map moves so often while somebody types. */
const TYPING_MS = 500;

/** A token that the map is to bring into view; `select` also moves its cell there. */
export interface PlaceInMap {
  readonly token: number;
  readonly select: boolean;
}

/**
 * Links the editor with the map: cursor and scrolling of the editor reveal tokens in the map, the map's moves reveal text
 * in the editor. What one causes in the other is not sent back.
 */
export class EditorLink implements Disposable {
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  readonly #revealed = this.#disposables.add(new EventEmitter<PlaceInMap>());
  readonly onDidReveal: Event<PlaceInMap> = this.#revealed.event;
  readonly #following = this.#disposables.add(
    new Throttle(0, () => {
      const token = this.#sessions.current?.cursor;
      if (token !== undefined) this.#revealed.fire({ token, select: true });
    }),
  );
  #jumpedAt = -Infinity;
  #editedAt = -Infinity;
  /** Edited at the cursor, or it was moved since the edit: once that is routed, the map goes there. */
  readonly #awaited = new WeakSet<Session>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#disposables.add(
      window.onDidChangeTextEditorSelection(({ textEditor, kind }) => {
        this.#cursorMoved(textEditor, kind);
      }),
    );
    this.#disposables.add(
      workspace.onDidChangeTextDocument((event) => {
        this.#edited(event);
      }),
    );
    this.#disposables.add(
      window.onDidChangeActiveTextEditor((editor) => {
        const session = this.#shownIn(editor);
        if (session && editor) this.#follow(session, editor);
      }),
    );
    this.#disposables.add(
      window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        this.#scrolled(textEditor);
      }),
    );
    this.#disposables.add(
      sessions.onDidSwitch((session) => {
        if (session) this.#find(session);
      }),
    );
    this.#disposables.add(
      sessions.onDidChange(({ session, change }) => {
        if (change === 'edit') this.#find(session);
        if (change === 'routing') this.#routed(session);
      }),
    );
  }

  /** Brings a token of a session into view in its editor; `select` also puts the cursor there. */
  async goTo(session: Session, token: number, select: boolean): Promise<void> {
    const place = session.routed?.placeOf(token);
    if (!place) return;
    this.#jumpedAt = performance.now();
    const { editorOf } = await import('./broughtForward.ts');
    const editor = await editorOf(session.document);
    this.#jumpedAt = performance.now();
    if (!editor) return;
    const { document } = editor;
    const range = new Range(document.positionAt(place.start), document.positionAt(place.end));
    if (select) editor.selection = new Selection(range.start, range.start);
    editor.revealRange(range, TextEditorRevealType.InCenterIfOutsideViewport);
  }

  /** Brings into view in the map what the editor of the current text shows: the token under its cursor, if that is in sight. */
  showSight(): void {
    const { current } = this.#sessions;
    const editor = current && shownBy(current.document);
    if (!editor) return;
    const { selection, visibleRanges } = editor;
    const isInSight = visibleRanges.some((range) => range.contains(selection.active));
    if (isInSight && current.cursor !== undefined) this.#revealed.fire({ token: current.cursor, select: false });
    else this.#showSight(current, editor);
  }

  /** Brings a token into view in the map and moves the map's cell to it. */
  showInMap(token: number): void {
    this.#revealed.fire({ token, select: true });
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #cursorMoved(editor: TextEditor, kind?: TextEditorSelectionChangeKind): void {
    const session = this.#shownIn(editor);
    if (!session) return;
    const edited = session.routed?.edits.edited;
    if (edited && kind !== undefined) this.#awaited.add(session);
    // An edit elsewhere, as where a file is formatted, moves the cursor, too; that is of no kind.
    if (edited && kind === undefined) this.#move(session, editor);
    else this.#follow(session, editor);
  }

  /** The session of which an editor tells the cursor: in another split that moves along with what is typed into this one. */
  #shownIn(editor: TextEditor | undefined): Session | undefined {
    const session = editor && this.#sessions.get(editor.document.uri);
    return session?.routed && editor === shownBy(session.document) ? session : undefined;
  }

  #follow(session: Session, editor: TextEditor): void {
    if (!this.#move(session, editor) || session !== this.#sessions.current) return;
    if (session.cursor !== undefined && !this.#jumping()) this.#following.request(session.typing ? TYPING_MS : 0);
  }

  #scrolled(editor: TextEditor): void {
    const session = this.#sessions.get(editor.document.uri);
    if (!session || session !== this.#sessions.current || this.#jumping()) return;
    // Lines of another split move along with what is typed into this one.
    if (editor !== shownBy(editor.document) && performance.now() - this.#editedAt < SETTLE_MS) return;
    this.#showSight(session, editor);
  }

  #showSight({ routed }: Session, editor: TextEditor): void {
    const middle = middleInSight(editor);
    const token = middle === undefined ? undefined : routed?.tokenUnderCursor(middle);
    if (token !== undefined) this.#revealed.fire({ token, select: false });
  }

  /** Finds the token under the cursor of the session's editor anew. */
  #find(session: Session): void {
    const editor = shownBy(session.document);
    if (editor) this.#move(session, editor);
  }

  #edited({ document, contentChanges, reason }: TextDocumentChangeEvent): void {
    const session = this.#sessions.get(document.uri);
    if (session) this.#editedAt = performance.now();
    const cursor = session && shownBy(document)?.selection.active;
    if (!cursor) return;
    // What is undone takes the cursor along.
    if (reason !== undefined || contentChanges.some(({ range }) => range.contains(cursor))) this.#awaited.add(session);
  }

  #routed(session: Session): void {
    const editor = shownBy(session.document);
    // Routing that has followed an edit is where the cursor went with that; another analysis moves nothing.
    if (editor && session.routed?.kept && this.#awaited.has(session)) this.#follow(session, editor);
    else this.#find(session);
    // The text may have been edited again meanwhile: then that is awaited still.
    if (!session.routed?.edits.edited) this.#awaited.delete(session);
  }

  /** Whether the cursor came to another token. */
  #move(session: Session, editor: TextEditor): boolean {
    const token = session.routed?.tokenUnderCursor(editor.document.offsetAt(editor.selection.active));
    if (token === session.cursor) return false;
    session.cursor = token;
    this.#sessions.publish(session, 'cursor');
    return true;
  }

  #jumping(): boolean {
    return performance.now() - this.#jumpedAt < SETTLE_MS;
  }
}

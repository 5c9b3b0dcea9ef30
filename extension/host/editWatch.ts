import {
  EndOfLine,
  Position,
  Range,
  workspace,
  type Disposable,
  type TextDocument,
  type TextDocumentChangeEvent,
  type TextDocumentContentChangeEvent,
} from 'vscode';
import { SPARED_MS, type Session } from './session.ts';
import type { EditedLines, Sessions } from './sessions.ts';

/** Follows edits of analysed documents as they happen, so that what is stale is not shown as current. */
export class EditWatch implements Disposable {
  readonly #sessions: Sessions;
  readonly #subscription: Disposable;
  /** Until what is stale of texts is spared no longer. */
  readonly #sparing = new Map<Session, NodeJS.Timeout>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#subscription = workspace.onDidChangeTextDocument((event) => {
      this.#take(event);
    });
  }

  dispose(): void {
    this.#subscription.dispose();
    for (const timeout of this.#sparing.values()) clearTimeout(timeout);
  }

  #take({ document, contentChanges }: TextDocumentChangeEvent): void {
    const session = this.#sessions.get(document.uri);
    if (!session) return;
    const read = (from: number, to: number): string =>
      document.getText(new Range(document.positionAt(from), document.positionAt(to)));
    const replacements = contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      removed: rangeLength,
      inserted: text.length,
    }));
    // Other line ends come without a list of changes, or, where both are undone at once, after them.
    const recounted = document.eol !== session.eol;
    if (!recounted && contentChanges.length === 0) return;
    session.eol = document.eol;
    session.edited();
    if (session.live) this.#spare(session);
    for (const edits of session.trackers) {
      edits.apply(replacements, read);
      if (recounted) edits.reset(withOtherLineEnds(document), read);
    }
    this.#sessions.publish(session, 'edit', recounted ? undefined : editedLines(contentChanges));
  }

  #spare(session: Session): void {
    session.sparing = true;
    clearTimeout(this.#sparing.get(session));
    const timeout = setTimeout(() => {
      this.#sparing.delete(session);
      session.sparing = false;
      if (session.routed?.edits.edited) this.#sessions.publish(session, 'stale');
    }, SPARED_MS);
    this.#sparing.set(session, timeout);
  }
}

/** Where an offset of a document stands since all of its line ends were exchanged: each is a unit longer or shorter. */
function withOtherLineEnds(document: TextDocument): (offset: number) => number {
  const growth = document.eol === EndOfLine.CRLF ? 1 : -1;
  const startBefore = (line: number): number => document.offsetAt(new Position(line, 0)) - growth * line;
  return (offset) => {
    let [line, beyond] = [0, document.lineCount];
    while (beyond - line > 1) {
      const middle = (line + beyond) >> 1;
      if (startBefore(middle) <= offset) line = middle;
      else beyond = middle;
    }
    return offset + growth * line;
  };
}

/** An edit that takes or makes line ends moves all that stands below. */
function editedLines(changes: readonly TextDocumentContentChangeEvent[]): EditedLines {
  const moves = changes.some(({ range, text }) => !range.isSingleLine || /[\r\n]/u.test(text));
  // Trailing blanks of a long file go in as many changes as it has lines: more than a call takes arguments.
  const from = changes.reduce((first, { range }) => Math.min(first, range.start.line), Infinity);
  if (moves) return { from, to: Infinity };
  const to = changes.reduce((last, { range }) => Math.max(last, range.end.line), 0);
  const [only, ...others] = changes;
  if (!only || others.length > 0) return { from, to };
  const { start, end } = only.range;
  return { from, to, within: { line: from, from: start.character, to: end.character, inserted: only.text.length } };
}

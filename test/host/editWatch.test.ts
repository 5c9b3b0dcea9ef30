/** What an event of the editor makes of where an analysed text stands. */
import type { TextDocument, TextDocumentChangeEvent } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { EditWatch } from '../../extension/host/editWatch.ts';
import { Session, type Run } from '../../extension/host/session.ts';
import type { Sessions } from '../../extension/host/sessions.ts';
import { editing, EndOfLine, Position, type Range } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

/** A text in VS Code, as far as an event's listener looks at it. */
class Document {
  readonly uri = 'file:///text';

  constructor(public text: string) {}

  get eol(): number {
    return this.text.includes('\r\n') ? EndOfLine.CRLF : EndOfLine.LF;
  }

  get lineCount(): number {
    return this.#starts().length;
  }

  offsetAt({ line, character }: Position): number {
    return this.#starts()[line]! + character;
  }

  positionAt(offset: number): Position {
    const starts = this.#starts();
    const line = starts.findLastIndex((start) => start <= offset);
    return new Position(line, offset - starts[line]!);
  }

  getText({ start, end }: Range): string {
    return this.text.slice(this.offsetAt(start), this.offsetAt(end));
  }

  #starts(): number[] {
    return [0, ...Array.from(this.text.matchAll(/\n/gu), ({ index }) => index + 1)];
  }
}

let document: Document;
let session: Session;
let watch: EditWatch;

beforeEach(() => {
  const sessions: unknown = { get: () => session, publish: () => undefined };
  watch = new EditWatch(sessions as Sessions);
});
afterEach(() => {
  watch.dispose();
});

/** A run of a part of a text. */
function analyze(text: string, part = text): EditTracker {
  document = new Document(text);
  session = new Session(document as unknown as TextDocument);
  const edits = new EditTracker(part, text.indexOf(part), part === text);
  session.run = { edits } as Run;
  return edits;
}

/** The document reads so now. @param inserted what stands at its beginning that did not before */
function change(text: string, inserted = '', removed = 0): void {
  document.text = text;
  const range = { isSingleLine: true, start: new Position(0, 0), end: new Position(0, removed) };
  const one = { range, rangeOffset: 0, rangeLength: removed, text: inserted };
  const contentChanges = inserted !== '' || removed > 0 ? [one] : [];
  const event: unknown = { document, contentChanges };
  editing.fire(event as TextDocumentChangeEvent);
}

test('a token behind an insertion stands as much further on, and where it stood once that is undone', () => {
  const edits = analyze('one two');
  change('zero one two', 'zero ');
  expect(edits.shiftOf(4, 7)).toBe(5);
  change('one two', '', 5);
  expect(edits.shiftOf(4, 7)).toBe(0);
});

test('nothing is followed once it is disposed', () => {
  const edits = analyze('one two');
  watch.dispose();
  change('zero one two', 'zero ');
  expect(edits.edited).toBe(false);
});

test('other line ends leave a selection where it reads as before', () => {
  const edits = analyze('one\r\ntwo\r\nBODY of it\r\ntail\r\n', 'BODY of');
  change('one\ntwo\nBODY of it\ntail\n');
  expect(edits.region).toEqual({ start: 8, end: 15, whole: false });
  expect(edits.edited).toBe(false);
  change('one\r\ntwo\r\nBODY of it\r\ntail\r\n');
  expect(edits.region).toEqual({ start: 10, end: 17, whole: false });
});

test('an edit and other line ends that are undone at once leave nothing stale', () => {
  const edits = analyze('a\nb\n');
  change('a\r\nb\r\n');
  change('more a\r\nb\r\n', 'more ');
  expect(edits.edited).toBe(true);
  change('a\nb\n', '', 5);
  expect(edits.edited).toBe(false);
  expect(edits.region).toEqual({ start: 0, end: 4, whole: true });
});

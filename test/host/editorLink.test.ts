/** Which token the map and the load view are led to by the editors of a text. */
import type {
  Position,
  TextDocument,
  TextDocumentChangeEvent,
  TextEditor,
  TextEditorSelectionChangeEvent,
  TextEditorVisibleRangesChangeEvent,
} from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EditorLink } from '../../extension/host/editorLink.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import type { LiveBase, Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { activating, editing, scrolling, selecting, window } from '../support/vscode.ts';
import { traceOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

/** As of what somebody types, pastes or goes to by keys; what an edit moves is of no kind. */
const KEYBOARD = 1;

/** Offsets stand for positions, and each is a line. */
const document: unknown = {
  uri: { path: '/text', toString: () => 'file:///text' },
  offsetAt: (at: number | Position) => (typeof at === 'number' ? at : at.line),
  lineAt: () => ({ text: '' }),
};
let upper: TextEditor;
let lower: TextEditor;
let sessions: Sessions;
let link: EditorLink;
let session: Session;
let revealed: number[];

beforeEach(() => {
  vi.useFakeTimers();
  [upper, lower] = [editorAt(2), editorAt(8)];
  Object.assign(window, { activeTextEditor: upper, visibleTextEditors: [upper, lower] });
  sessions = new Sessions();
  link = new EditorLink(sessions);
  revealed = [];
  link.onDidReveal(({ token }) => revealed.push(token));
  session = sessions.open(document as TextDocument);
  session.routed = routed('0123456789', 1);
  sessions.publish(session, 'routing');
  vi.advanceTimersByTime(1000);
});
afterEach(() => {
  link.dispose();
  sessions.dispose();
  vi.useRealTimers();
  Object.assign(window, { activeTextEditor: undefined, visibleTextEditors: [] });
});

function editorAt(offset: number): TextEditor {
  const editor: unknown = { document, selection: { active: offset } };
  return editor as TextEditor;
}

/** A token a letter. */
function routed(text: string, generation: number, kept?: RoutedText['kept']): RoutedText {
  const trace = traceOf({ text, tokens: Array.from(text, (_, i) => [i, i + 1]), layers: [] });
  return new RoutedText(generation, text, new EditTracker(text, 0, true), trace, kept);
}

/** The text has become this one, by letters that came or went at an offset. */
function edit(text: string, offset: number, change: { readonly removed?: number; readonly inserted?: number }): void {
  session.edited();
  for (const edits of session.trackers) {
    edits.apply([{ offset, removed: 0, inserted: 0, ...change }], (from, to) => text.slice(from, to));
  }
}

/** The cursor of an editor goes somewhere. */
function select(editor: TextEditor, offset: number, kind?: number): void {
  Object.assign(editor, { selection: { active: offset } });
  selecting.fire({ textEditor: editor, kind } as unknown as TextEditorSelectionChangeEvent);
}

/** What is routed now takes the place of what was. */
function show(text: RoutedText): void {
  session.show(text, true);
  sessions.publish(session, 'routing');
  vi.advanceTimersByTime(1000);
}

function cursorTo(editor: TextEditor, offset: number): void {
  select(editor, offset);
  vi.advanceTimersByTime(1000);
}

test('it is that under the cursor of the split in use', () => {
  expect(session.cursor).toBe(2);
  // What is typed into one split moves the cursor of the other.
  cursorTo(lower, 9);
  expect(session.cursor).toBe(2);
  expect(revealed).toEqual([]);
  cursorTo(upper, 3);
  expect(session.cursor).toBe(3);
  expect(revealed).toEqual([3]);
});

test.each([false, true])('going to the other split goes to its token, the text being edited or not: %s', (edited) => {
  if (edited) {
    edit('012345678', 9, { removed: 1 });
    sessions.publish(session, 'edit');
  }
  Object.assign(window, { activeTextEditor: lower });
  activating.fire(lower);
  vi.advanceTimersByTime(1000);
  expect(session.cursor).toBe(8);
  expect(revealed).toEqual([8]);
});

test('a paste is followed once it is routed', () => {
  Object.assign(window, { visibleTextEditors: [upper] });
  session.live = {} as LiveBase;
  const pasted = `01${'x'.repeat(1000)}23456789`;
  edit(pasted, 2, { inserted: 1000 });
  Object.assign(upper, { selection: { active: 1001 } });
  sessions.publish(session, 'edit');
  select(upper, 1001, KEYBOARD);
  vi.advanceTimersByTime(50);
  show(routed(pasted, 2, { generation: 1, tokens: 2 }));
  expect(session.cursor).toBe(1001);
  expect(revealed).toEqual([1001]);
});

test('what is typed before an earlier letter is routed is followed once it is routed itself', () => {
  Object.assign(window, { visibleTextEditors: [upper] });
  session.live = {} as LiveBase;
  const texts = ['01a23456789', `01a${'x'.repeat(100)}23456789`] as const;
  const type = (text: string, at: number, letters: number): void => {
    edit(text, at, { inserted: letters });
    Object.assign(upper, { selection: { active: at + letters } });
    sessions.publish(session, 'edit');
    select(upper, at + letters, KEYBOARD);
  };
  type(texts[0], 2, 1);
  const first = routed(texts[0], 2, { generation: 1, tokens: 2 });
  first.edits.apply([{ offset: 3, removed: 0, inserted: 100 }], (from, to) => texts[1].slice(from, to));
  type(texts[1], 3, 100);
  show(first);
  show(routed(texts[1], 3, { generation: 2, tokens: 3 }));
  expect(session.cursor).toBe(103);
  expect(revealed.at(-1)).toBe(103);
});

/** Puts letters into the text before an offset, as an edit of no kind, and routes what has come of it. */
function insert(letters: string, at: number, cursor: number): void {
  const text = `${'0123456789'.slice(0, at)}${letters}${'0123456789'.slice(at)}`;
  edit(text, at, { inserted: letters.length });
  const range = { contains: (position: unknown) => position === at };
  editing.fire({ document, contentChanges: [{ range }] } as unknown as TextDocumentChangeEvent);
  sessions.publish(session, 'edit');
  select(upper, cursor);
  vi.advanceTimersByTime(50);
  show(routed(text, 2, { generation: 1, tokens: at }));
}

test('the map stays where something changes above a cursor that nobody moved, as where a file is formatted', () => {
  session.live = {} as LiveBase;
  insert('xyz', 1, 5);
  expect(session.cursor).toBe(5);
  expect(revealed).toEqual([]);
});

test('a suggestion that is taken at the cursor is followed', () => {
  session.live = {} as LiveBase;
  insert('xyz', 2, 5);
  expect(session.cursor).toBe(5);
  expect(revealed).toEqual([5]);
});

test('an analysis afresh leaves the map where it is', () => {
  Object.assign(upper, { selection: { active: 5 } });
  session.routed = routed('0123456789', 2);
  sessions.publish(session, 'routing');
  vi.advanceTimersByTime(1000);
  expect(session.cursor).toBe(5);
  expect(revealed).toEqual([]);
});

/** What an editor shows is another line now. */
function scroll(textEditor: TextEditor, line: number): void {
  const at = { line, character: 0 };
  Object.assign(textEditor, { visibleRanges: [{ start: at, end: at }] });
  scrolling.fire({ textEditor } as TextEditorVisibleRangesChangeEvent);
}

test('the map goes along where somebody scrolls, in whichever split, and not where an edit in the other one moves the lines', () => {
  scroll(lower, 7);
  scroll(upper, 3);
  expect(revealed).toEqual([7, 3]);
  const range = { contains: () => true };
  editing.fire({ document, contentChanges: [{ range }] } as unknown as TextDocumentChangeEvent);
  scroll(lower, 8);
  expect(revealed).toEqual([7, 3]);
  scroll(upper, 4);
  vi.advanceTimersByTime(1000);
  scroll(lower, 9);
  expect(revealed).toEqual([7, 3, 4, 9]);
});

/** Scrolls an editor of a text: line and column of the first and the last place of each stretch that is in sight. */
function scrollLines(lines: readonly string[], ...ranges: readonly (readonly number[])[]): void {
  const text = lines.join('\n');
  const startOf = (line: number): number => lines.slice(0, line).join(' ').length + (line > 0 ? 1 : 0);
  const other: unknown = {
    uri: { path: '/lines', toString: () => 'file:///lines' },
    offsetAt: ({ line, character }: Position) => startOf(line) + character,
    lineAt: (line: number) => ({ text: lines[line]! }),
  };
  const textEditor: unknown = {
    document: other,
    selection: { active: { line: 0, character: 0 } },
    visibleRanges: ranges.map(([line, character, endLine, endCharacter]) => ({
      start: { line, character },
      end: { line: endLine, character: endCharacter },
    })),
  };
  sessions.open(other as TextDocument).routed = routed(text, 5);
  revealed.length = 0;
  scrolling.fire({ textEditor } as TextEditorVisibleRangesChangeEvent);
}

test('the map goes to the middle of what is in sight, whatever is folded', () => {
  const lines = Array.from({ length: 100 }, () => '0123');
  scrollLines(lines, [40, 0, 48, 4]);
  expect(revealed).toEqual([44 * 5]);
  // Lines 2, 30, 60 and 90 to 93 are in sight: of seven the fourth one is 90.
  scrollLines(lines, [2, 0, 2, 4], [30, 0, 30, 4], [60, 0, 60, 4], [90, 0, 93, 4]);
  expect(revealed).toEqual([90 * 5]);
});

test('within a long line that is wrapped, the map goes along', () => {
  const lines = ['short', 'x'.repeat(9000)];
  scrollLines(lines, [1, 4000, 1, 5000]);
  expect(revealed).toEqual([6 + 4500]);
  scrollLines(lines, [1, 8000, 1, 9000]);
  expect(revealed).toEqual([6 + 8500]);
  // One that is not wrapped has no middle that is in sight: its beginning may be.
  scrollLines(lines, [1, 0, 1, 9000]);
  expect(revealed).toEqual([6]);
});

import type { MarkdownString, StatusBarItem, TextDocument, TextEditor } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Lens } from '../../extension/host/lens.ts';
import type { Models } from '../../extension/host/models.ts';
import type { Run } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { StatusBar } from '../../extension/host/statusBar.ts';
import { activating, window, workspace } from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const never = (): { dispose: () => void } => ({ dispose: () => undefined });
const lens: unknown = { tint: 'expert', palette: 'vivid', layerOf: () => 0, onDidChange: never };
const models: unknown = { name: 'tiny', onDidChange: never };

let sessions: Sessions;
let item: StatusBarItem;
let bar: StatusBar;
beforeEach(() => {
  vi.useFakeTimers();
  sessions = new Sessions();
  const made: unknown = { show: () => undefined, dispose: () => undefined };
  item = made as StatusBarItem;
  vi.spyOn(window, 'createStatusBarItem').mockReturnValue(made as ReturnType<typeof window.createStatusBarItem>);
  bar = new StatusBar(sessions, lens as Lens, models as Models);
});
afterEach(() => {
  bar.dispose();
  sessions.dispose();
  vi.restoreAllMocks();
  vi.useRealTimers();
  Object.assign(window, { activeTextEditor: undefined, visibleTextEditors: [] });
});

test('says that a text was edited only where routing does not follow shortly', () => {
  const text = documentOf('/text');
  goTo(text);
  const session = sessions.open(text);
  session.routed = routedTextOf({ text: 'ab', tokens: [[0, 2]], layers: [] });
  const edit = (): void => {
    session.sparing = true;
    session.routed!.edits.apply([{ offset: 0, removed: 0, inserted: 1 }], () => '');
    sessions.publish(session, 'edit');
  };
  vi.advanceTimersByTime(2000);
  edit();
  session.run = { quiet: true, edits: session.routed.edits, abort: new AbortController() } as Run;
  vi.advanceTimersByTime(20);
  expect(item.text).not.toContain('edited since');
  session.run = undefined;
  session.sparing = false;
  sessions.publish(session, 'stale');
  vi.advanceTimersByTime(1000);
  expect(item.text).toContain('edited since');
});

function documentOf(path: string, scheme = 'file'): TextDocument {
  const document: unknown = { uri: { scheme, path, toString: () => `${scheme}:${path}` } };
  return document as TextDocument;
}

/** Goes to an editor, or to a page beside others, and waits until the status bar has followed. */
function goTo(document: TextDocument | undefined, beside: readonly TextDocument[] = []): void {
  const editor = document && ({ document } as TextEditor);
  const visibleTextEditors = [...(editor ? [editor] : []), ...beside.map((other) => ({ document: other }))];
  Object.assign(window, { activeTextEditor: editor, visibleTextEditors });
  activating.fire(editor);
  vi.advanceTimersByTime(1000);
}

test('names the text, in its tooltip always, and beside another text in the bar as well', () => {
  const poem = documentOf('/samples/my_poem.txt');
  goTo(poem);
  const session = sessions.open(poem);
  const slots = [[[1, 0.75]], [[1, 0.5]]] as const;
  const layer = { layer: 0, experts: 2, k: 1, slots, entropy: [0.5, 0.5], margin: [0.5, 0.5] };
  const tokens = [
    [0, 1],
    [1, 2],
  ] as const;
  session.routed = routedTextOf({ text: 'ab', tokens, layers: [layer] });
  sessions.publish(session, 'routing');
  vi.advanceTimersByTime(1000);
  const figures = 'tiny · float32\u2002E1 100.0 % at L0';
  const tooltip = (): string => (item.tooltip as MarkdownString).value;
  expect(item.text).toBe(`$(circuit-board) ${figures}`);
  expect(tooltip()).toMatch(/^\*\*my\\_poem\\\.txt\*\* · 2 tokens\n\n/u);

  const named = `$(circuit-board) my_poem.txt\u2002${figures}`;
  goTo(documentOf('/samples/capacity.py'), [poem]);
  expect(item.text).toBe(named);
  expect(tooltip()).toMatch(/^\*\*my\\_poem\\\.txt\*\*/u);

  goTo(undefined, [poem]);
  expect(item.text).toBe(`$(circuit-board) ${figures}`);

  goTo(undefined);
  expect(item.text).toBe(named);

  // To VS Code cells are visible though their notebook is behind another tab.
  const cell = documentOf('/samples/poems.ipynb', 'vscode-notebook-cell');
  const notebook = { getCells: () => [{ document: cell, notebook, index: 0 }] };
  workspace.notebookDocuments = [notebook];
  sessions.open(cell).routed = session.routed;
  goTo(undefined, [cell]);
  expect(item.text).toBe(`$(circuit-board) poems.ipynb, cell 1\u2002${figures}`);
  workspace.notebookDocuments = [];
});

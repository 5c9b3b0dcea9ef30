/** Where the map stands, as the messages to its page have it. */
import type { NotebookDocumentChangeEvent, TextDocument, TextEditor, Uri, WebviewPanel } from 'vscode';
import { Emitter } from 'vscode-jsonrpc';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EditorLink } from '../../extension/host/editorLink.ts';
import { Feed } from '../../extension/host/feed.ts';
import type { Lens } from '../../extension/host/lens.ts';
import { MapPanel, type MapParts } from '../../extension/host/mapPanel.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import type { ToMap } from '../../extension/protocol/webview.ts';
import { editingNotebooks, window, workspace } from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const never = { dispose: () => undefined };
const lens: unknown = { tint: 'expert', palette: 'vivid', layerOf: () => 0, onDidChange: () => never };

let sessions: Sessions;
let link: EditorLink;
let feed: Feed;
let map: MapPanel;
let messages: Emitter<unknown>;
let panel: { visible: boolean; title?: string };
let viewed: Emitter<void>;
/** What the page was told of the text that it shows, and where to go in it. */
let told: unknown[];
/** The text that it was told of last. */
let key: string | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  sessions = new Sessions();
  link = new EditorLink(sessions);
  feed = new Feed(sessions, lens as Lens);
  const parts: unknown = {
    ...{ sessions, link, feed, log: {}, actions: { leave: () => undefined } },
    limits: { of: () => undefined, onDidChange: () => never },
  };
  map = new MapPanel('/extension' as unknown as Uri, parts as MapParts);
  Object.assign(window, { visibleTextEditors: [editorOf('a', 2), editorOf('b', 7)] });
  sessions.open(documentOf('b'), false).routed = routed();
  sessions.open(documentOf('a')).routed = routed();
  told = [];
});
afterEach(() => {
  feed.dispose();
  link.dispose();
  sessions.dispose();
  vi.useRealTimers();
  Object.assign(window, { visibleTextEditors: [] });
});

const documents = new Map(['a', 'b'].map((name) => [name, newDocument(name)]));
function documentOf(name: string): TextDocument {
  return documents.get(name)!;
}

/** Ten lines of a letter each. */
function newDocument(name: string, scheme = 'file'): TextDocument {
  const document: unknown = {
    uri: { scheme, path: `/${name}`, toString: () => name },
    offsetAt: ({ line, character }: { readonly line: number; readonly character: number }) => 2 * line + character,
    lineAt: () => ({ text: 'x' }),
  };
  return document as TextDocument;
}

/** An editor whose cursor is in the first line, and which shows but another one. */
function editorOf(name: string, line: number): TextEditor {
  const contains = (at: { readonly line: number }): boolean => at.line === line;
  const visibleRanges = [{ start: { line, character: 0 }, end: { line, character: 1 }, contains }];
  const editor: unknown = {
    document: documentOf(name),
    selection: { active: { line: 0, character: 0 } },
    visibleRanges,
  };
  return editor as TextEditor;
}

/** A token a line. */
function routed(): ReturnType<typeof routedTextOf> {
  const lines = Array.from({ length: 10 }, (_, line) => [2 * line, 2 * line + 1] as const);
  return routedTextOf({ text: 'x\n'.repeat(10), tokens: lines, layers: [] });
}

function open(): void {
  [messages, viewed] = [new Emitter(), new Emitter()];
  const webview = {
    onDidReceiveMessage: messages.event,
    postMessage: (message: ToMap) => {
      if (message.type === 'state' && message.state.key !== key) told.push((key = message.state.key));
      if (message.type === 'reveal') told.push({ token: message.token, select: message.select });
    },
    asWebviewUri: (uri: string) => uri,
    cspSource: '',
  };
  panel = { visible: true };
  Object.assign(panel, { webview, onDidDispose: new Emitter().event, onDidChangeViewState: viewed.event });
  map.restore(panel as unknown as WebviewPanel);
}

/** The page has come up. */
function ready(): void {
  key = undefined;
  messages.fire({ type: 'ready' });
  vi.advanceTimersByTime(1000);
}

test('it opens where the editor stands', () => {
  open();
  ready();
  expect(told).toEqual(['a', { token: 2, select: false }]);
});

test('where the cursor is in sight, it opens there', () => {
  const contains = (): boolean => true;
  const visibleRanges = [{ start: { line: 0, character: 0 }, end: { line: 9, character: 1 }, contains }];
  Object.assign(window, { visibleTextEditors: [{ ...editorOf('a', 2), visibleRanges }] });
  sessions.publish(sessions.current!, 'routing');
  open();
  ready();
  expect(told).toEqual(['a', { token: 0, select: false }]);
});

test('another text begins where its editor stands, though that has not moved', () => {
  open();
  ready();
  told = [];
  sessions.open(documentOf('b'));
  vi.advanceTimersByTime(1000);
  expect(told).toEqual(['b', { token: 7, select: false }]);
  sessions.open(documentOf('a'));
  vi.advanceTimersByTime(1000);
  expect(told.slice(2)).toEqual(['a', { token: 2, select: false }]);
});

test('a token that is asked for is gone to once there is a page that shows its text', () => {
  open();
  link.showInMap(5);
  vi.advanceTimersByTime(1000);
  told = [];
  ready();
  expect(told).toEqual(['a', { token: 5, select: true }]);

  told = [];
  sessions.open(documentOf('b'));
  link.showInMap(4);
  vi.advanceTimersByTime(1000);
  expect([told[0], told.at(-1)]).toEqual(['b', { token: 4, select: true }]);

  // Behind another tab the page is gone.
  panel.visible = false;
  viewed.fire();
  told = [];
  link.showInMap(9);
  ready();
  expect(told).toEqual(['b', { token: 9, select: true }]);
});

test('a cell that moves within its notebook is named by its new place', () => {
  const document = newDocument('n.ipynb', 'vscode-notebook-cell');
  const cell = { document, notebook: {}, index: 1 };
  workspace.notebookDocuments = [{ getCells: () => [cell] }];
  sessions.open(document).routed = routed();
  open();
  ready();
  expect(panel.title).toBe('Routing Map: n.ipynb, cell 2');
  cell.index = 4;
  editingNotebooks.fire({ contentChanges: [{}] } as unknown as NotebookDocumentChangeEvent);
  vi.advanceTimersByTime(1000);
  expect(panel.title).toBe('Routing Map: n.ipynb, cell 5');
  workspace.notebookDocuments = [];
});

import type { TextDocument } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Commands, type CommandParts } from '../../extension/host/commands.ts';
import { HOVER_COMMANDS } from '../../extension/host/hoverCommands.ts';
import type { Run, Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import type { TextPart } from '../../extension/host/textPart.ts';
import {
  commands,
  notifications,
  registered,
  statusMessages,
  TabInputText,
  ViewColumn,
  window,
} from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

let sessions: Sessions;
/** Texts that were routed. */
let analyzed: string[];
/** What else was asked for, in order. */
let asked: string[];
let parts: CommandParts;
let made: Commands;
beforeEach(() => {
  sessions = new Sessions();
  [analyzed, asked] = [[], []];
  notifications.length = 0;
  statusMessages.length = 0;
  const comparisons = {
    bundledIsChosen: true,
    isBundled: () => true,
    withOtherBundled: ({ key }: Session) => Promise.resolve(asked.push(`compare ${key}`)),
  };
  const known: unknown = {
    analyzer: {
      analyze: ({ text }: TextPart) => Promise.resolve(analyzed.push(text)),
      cancel: ({ key }: Session) => asked.push(`cancel ${key}`),
    },
    client: { restart: () => asked.push('restart') },
    continuer: { writing: false },
    live: { on: false },
    link: { showInMap: (token: number) => asked.push(`token ${token} of ${sessions.current!.key}`) },
    map: { show: () => asked.push('map') },
    onDemand: { get: () => Promise.resolve({ comparisons }) },
    problems: {
      report: (_: string, error: unknown) => {
        throw error;
      },
    },
    sessions,
  };
  parts = known as CommandParts;
  made = new Commands(parts);
});
afterEach(() => {
  made.dispose();
  sessions.dispose();
  Object.assign(window, { activeTextEditor: undefined, visibleTextEditors: [] });
});

function documentOf(uri: string, text: string): TextDocument {
  const [scheme, path] = uri.split(':');
  const document: unknown = {
    uri: { scheme, path, toString: () => uri },
    getText: () => text,
  };
  return document as TextDocument;
}

/** Opens editors; the last one has the focus. */
function show(...documents: readonly TextDocument[]): void {
  const editors = documents.map((document) => ({ document, selection: { isEmpty: true } }));
  Object.assign(window, { visibleTextEditors: editors, activeTextEditor: editors.at(-1) });
}

function run(id: string, argument?: unknown): Promise<void> {
  return registered.get(id)!(argument);
}

const LOG = documentOf('output:/moescope', 'a line of the log');
const TEXT = documentOf('file:/a.txt', 'a text');

test('from the log, commands take the text of an editor', async () => {
  show(TEXT, LOG);
  await run('moescope.analyze');
  expect(analyzed).toEqual(['a text']);
});

test('a first run shows the map beside the text, but not over it where a page as the walkthrough stands before it', async () => {
  const { One, Two } = ViewColumn;
  const editor = { document: TEXT, selection: { isEmpty: true }, viewColumn: Two };
  for (const viewColumn of [One, Two]) {
    Object.assign(window, { visibleTextEditors: [editor], tabGroups: { all: [], activeTabGroup: { viewColumn } } });
    await run('moescope.analyze');
    expect(asked).toEqual(viewColumn === Two ? ['map'] : []);
    made.dispose();
    made = new Commands(parts);
  }
});

test('the log alone is no text, also in a tab', async () => {
  show(LOG);
  window.tabGroups.activeTabGroup.activeTab = { input: new TabInputText(LOG.uri) };
  void run('moescope.analyze');
  const said = (): string[] => notifications.map(({ message }) => message);
  await expect.poll(said).toEqual([expect.stringContaining('Open a text first')]);
  expect(analyzed).toEqual([]);
  window.tabGroups.activeTabGroup.activeTab = undefined;
});

test('where VS Code keeps a text from extensions, that is what is said', async () => {
  window.tabGroups.activeTabGroup.activeTab = { input: new TabInputText('file:///huge.txt') };
  void run('moescope.analyze');
  void run('moescope.continue');
  const said = (): string[] => notifications.map(({ message }) => message);
  const why = 'VS Code keeps files of more than 50 MB, and binary ones, from extensions.';
  await expect.poll(said).toEqual([why, why]);
  window.tabGroups.activeTabGroup.activeTab = undefined;
});

test('where there is no text, a sample is offered, and opened when it is taken', async () => {
  const executed = vi.spyOn(commands, 'executeCommand');
  for (const id of ['moescope.analyze', 'moescope.continue']) {
    const ended = run(id);
    await vi.waitUntil(() => notifications.length > 0);
    notifications.pop()!.answer('Open Sample');
    await ended;
  }
  expect(executed.mock.calls).toEqual([['moescope.openSample'], ['moescope.openSample']]);
  executed.mockRestore();
});

test('a view that names a text has that one analyzed and cancelled, whatever editor is active', async () => {
  const other = documentOf('file:/b.txt', 'another text');
  for (const document of [other, TEXT]) {
    sessions.open(document).routed = routedTextOf({ text: 'x', tokens: [[0, 1]], layers: [] });
  }
  show(TEXT);
  await run('moescope.analyze', { uri: 'file:/b.txt' });
  expect(analyzed).toEqual(['another text']);
  await run('moescope.cancel', { uri: 'file:/b.txt' });
  expect(asked).toEqual(['cancel file:/b.txt']);
});

test('menus of an editor, which name a resource, have its text analyzed', async () => {
  sessions.open(documentOf('file:/b.txt', 'another text'));
  show(TEXT);
  await run('moescope.analyze', TEXT.uri);
  await run('moescope.analyze', { uri: 'file:/b.txt' });
  expect(analyzed).toEqual(['a text', 'a text']);
});

test('a text with routing is routed and compared though another tab hides it; of what is seen there is nothing', async () => {
  sessions.open(TEXT).routed = routedTextOf({ text: 'a text', tokens: [[0, 6]], layers: [] });
  await run('moescope.analyze');
  await run('moescope.compareBundled');
  expect([analyzed, asked, notifications]).toEqual([['a text'], ['compare file:/a.txt'], []]);
  void run('moescope.analyzeVisible');
  expect(notifications.map(({ message }) => message)).toEqual([expect.stringContaining('Open a text first')]);
});

test('a link to the map shows the token of its own text', async () => {
  const other = documentOf('file:/b.txt', 'another text');
  for (const document of [TEXT, other]) {
    sessions.open(document).routed = routedTextOf({ text: 'x', tokens: [[0, 1]], layers: [] });
  }
  await run(HOVER_COMMANDS.map, { uri: 'file:/a.txt', token: 0 });
  expect(asked).toEqual(['map', 'token 0 of file:/a.txt']);
});

test('a link to the map of a text without routing does nothing', async () => {
  sessions.open(TEXT).routed = routedTextOf({ text: 'x', tokens: [[0, 1]], layers: [] });
  await run(HOVER_COMMANDS.map, { uri: 'file:/gone.txt', token: 0 });
  expect(asked).toEqual([]);
  expect(sessions.current?.document).toBe(TEXT);
});

test('what is asked for is done on any text that an editor shows', async () => {
  show(documentOf('search-editor:/results', 'what was found'));
  await run('moescope.analyze');
  expect(analyzed).toEqual(['what was found']);
});

test('whatever stands out in any text does so no more when that is asked for', async () => {
  const texts = [TEXT, documentOf('file:/b.txt', 'another text')].map((document) => sessions.open(document));
  for (const session of texts) session.pinned = { layer: 0, expert: 1 };
  await run('moescope.clearHighlight');
  expect(texts.map(({ pinned }) => pinned)).toEqual([undefined, undefined]);
});

test('a restart of the engine routes what failed, and nothing that nobody asked for', async () => {
  const other = documentOf('file:/b.txt', 'another text');
  show(other);
  await run('moescope.restartEngine');
  expect([asked, analyzed]).toEqual([['restart'], []]);
  expect(statusMessages).toEqual(['The engine starts anew with the next run.']);
  const failed: unknown = { edits: new EditTracker('a text', 0, true) };
  sessions.open(TEXT).failed = failed as Run;
  await run('moescope.restartEngine');
  expect([asked, analyzed]).toEqual([['restart', 'restart'], ['a text']]);
});

test('the list of the status bar offers to measure a change where there is routing', async () => {
  const lists: unknown[][] = [];
  const showQuickPick = (items: readonly { readonly command: string }[]): Promise<void> =>
    Promise.resolve(void lists.push(items.map(({ command }) => command)));
  Object.assign(window, { showQuickPick });
  await run('moescope.showCommands');
  sessions.open(TEXT).routed = routedTextOf({ text: 'a text', tokens: [[0, 6]], layers: [] });
  await run('moescope.showCommands');
  expect(lists.map((list) => list.includes('moescope.whatIf'))).toEqual([false, true]);
});

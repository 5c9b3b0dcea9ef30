/** What the views are told of a text while it is typed into and routing follows. */
import type { TextDocument, TextDocumentChangeEvent } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EditWatch } from '../../extension/host/editWatch.ts';
import { Feed } from '../../extension/host/feed.ts';
import type { Lens } from '../../extension/host/lens.ts';
import type { LiveBase, Run, Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import type { ViewState } from '../../extension/protocol/webview.ts';
import { editing, EndOfLine, Position, type Range } from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const lens: unknown = {
  ...{ tint: 'expert', palette: 'vivid' },
  layerOf: () => 0,
  onDidChange: () => ({ dispose: () => undefined }),
};

let text: string;
let sessions: Sessions;
let watch: EditWatch;
let feed: Feed;
let session: Session;
let told: ViewState[];

beforeEach(() => {
  vi.useFakeTimers();
  text = 'abc';
  sessions = new Sessions();
  watch = new EditWatch(sessions);
  feed = new Feed(sessions, lens as Lens);
  told = [];
  feed.watch({ state: (state) => told.push(state) });
  session = sessions.open(document as unknown as TextDocument);
  session.live = {} as LiveBase;
  route();
  vi.advanceTimersByTime(2000);
});
afterEach(() => {
  feed.dispose();
  watch.dispose();
  sessions.dispose();
  vi.useRealTimers();
});

/** A text of one line in VS Code. */
const document = {
  ...{ uri: { path: '/text', toString: () => 'file:///text' }, eol: EndOfLine.LF },
  positionAt: (offset: number) => new Position(0, offset),
  getText: ({ start, end }: Range) => text.slice(start.character, end.character),
};

function type(letter: string): void {
  const at = new Position(0, 1);
  text = text[0]! + letter + text.slice(1);
  const range = { isSingleLine: true, start: at, end: at };
  const event: unknown = { document, contentChanges: [{ range, rangeOffset: 1, rangeLength: 0, text: letter }] };
  editing.fire(event as TextDocumentChangeEvent);
}

/** Routing has come for all letters, a token each. */
function route(): void {
  const routed = routedTextOf({ text, tokens: Array.from(text, (_, i) => [i, i + 1]), layers: [] });
  session.show(routed, true);
  session.run = undefined;
  sessions.publish(session, 'routing');
  sessions.publish(session, 'run');
}

/** Routing begins, of which the user need not hear. */
function begin(): void {
  session.run = { quiet: true, live: true, label: '', edits: session.routed!.edits } as Run;
  sessions.publish(session, 'run');
}

const stale = (state: ViewState | undefined): boolean => state!.staleFrom < state!.tokens;

test('a letter whose routing comes soon makes nothing stale', () => {
  told = [];
  type('x');
  sessions.publish(session, 'cursor');
  begin();
  vi.advanceTimersByTime(20);
  route();
  vi.advanceTimersByTime(2000);
  expect(told.some(stale)).toBe(false);
  expect(told.at(-1)).toMatchObject({ tokens: 4, staleFrom: 4 });
});

test('one whose routing takes longer does, without a word that somebody should see to it, until the routing is there', () => {
  type('x');
  begin();
  vi.advanceTimersByTime(1200);
  expect(told.at(-1)).toMatchObject({ tokens: 3, staleFrom: 1, following: true });
  type('y');
  vi.advanceTimersByTime(10);
  route();
  vi.advanceTimersByTime(50);
  expect(told.at(-1)).toMatchObject({ tokens: 5, staleFrom: 5 });
  expect(told.at(-1)).not.toHaveProperty('following');
});

test('one that nothing follows does, shortly after', () => {
  type('x');
  vi.advanceTimersByTime(200);
  expect(told.at(-1)).toMatchObject({ tokens: 3, staleFrom: 1 });
  expect(told.at(-1)).not.toHaveProperty('following');
});

test('one of a text that routing does not follow does at once', () => {
  session.live = undefined;
  type('x');
  vi.advanceTimersByTime(50);
  expect(told.at(-1)).toMatchObject({ tokens: 3, staleFrom: 1 });
});

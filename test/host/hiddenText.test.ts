/** Commands while the text that they are about is behind another tab. */
import type { TextDocument } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TextPart } from '../../extension/host/analyzer.ts';
import { Commands, type CommandParts } from '../../extension/host/commands.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { textColumn } from '../../extension/host/textColumn.ts';
import { notifications, registered, ViewColumn, window } from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const document: unknown = {
  uri: { scheme: 'file', path: '/a.txt', toString: () => 'file:///a.txt' },
  getText: () => 'a text',
};
const HIDDEN = document as TextDocument;

let sessions: Sessions;
let analyzed: string[];
let compared: string[];
let made: Commands;
beforeEach(() => {
  sessions = new Sessions();
  [analyzed, compared] = [[], []];
  notifications.length = 0;
  const comparisons = {
    bundledIsChosen: true,
    isBundled: () => true,
    withOtherBundled: (session: { readonly key: string }) => Promise.resolve(compared.push(session.key)),
  };
  const parts: unknown = {
    analyzer: { analyze: ({ text }: TextPart) => Promise.resolve(analyzed.push(text)) },
    onDemand: { get: () => Promise.resolve({ comparisons }) },
    problems: {
      report: (_: string, error: unknown) => {
        throw error;
      },
    },
    sessions,
  };
  made = new Commands(parts as CommandParts);
});
afterEach(() => {
  made.dispose();
  sessions.dispose();
  window.tabGroups.all = [];
});

function run(id: string): Promise<void> {
  return registered.get(id)!();
}

test('a text with routing is routed again though it is out of sight', async () => {
  sessions.open(HIDDEN).routed = routedTextOf({ text: 'a text', tokens: [[0, 6]], layers: [] });
  await run('moescope.analyze');
  expect([analyzed, notifications]).toEqual([['a text'], []]);
});

test('and compared', async () => {
  sessions.open(HIDDEN).routed = routedTextOf({ text: 'a text', tokens: [[0, 6]], layers: [] });
  await run('moescope.compareBundled');
  expect([analyzed, compared, notifications]).toEqual([[], ['file:///a.txt'], []]);
});

test('nothing of a text out of sight is its visible part', () => {
  sessions.open(HIDDEN).routed = routedTextOf({ text: 'a text', tokens: [[0, 6]], layers: [] });
  void run('moescope.analyzeVisible');
  expect(analyzed).toEqual([]);
  expect(notifications.map(({ message }) => message)).toEqual([expect.stringContaining('Open a text first')]);
});

test('a sample goes beside the walkthrough, and else where texts are', () => {
  const walkthrough = { viewColumn: ViewColumn.One, activeTab: { input: undefined } };
  const text = { viewColumn: ViewColumn.One, activeTab: { input: {} } };
  const empty = { viewColumn: ViewColumn.One, activeTab: undefined };
  const columns = [walkthrough, text, empty].map((group) => {
    window.tabGroups.all = [{ viewColumn: ViewColumn.Two, activeTab: undefined }, group];
    return textColumn();
  });
  expect(columns).toEqual([ViewColumn.Two, ViewColumn.One, ViewColumn.One]);
});

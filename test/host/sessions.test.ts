/** Which text the views and the status bar are about. */
import type { TextDocument } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Sessions } from '../../extension/host/sessions.ts';
import { closing, window } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

let sessions: Sessions;

beforeEach(() => {
  sessions = new Sessions();
});
afterEach(() => {
  sessions.dispose();
  Object.assign(window, { activeTextEditor: undefined, visibleTextEditors: [] });
});

function documentOf(name: string): TextDocument {
  const document: unknown = { uri: `file:///${name}` };
  return document as TextDocument;
}

test('a text that is closed from a page, as the map, gives way to the one that is seen then', () => {
  const [plain, other, shown] = ['plain', 'other', 'shown'].map(documentOf);
  for (const document of [shown!, other!]) sessions.open(document);
  window.visibleTextEditors = [{ document: plain }, { document: shown }];
  closing.fire(other!);
  expect(sessions.current?.document).toBe(shown);
});

test('beside a text in use without routing, another one is not turned to', () => {
  const [plain, other, shown] = ['plain', 'other', 'shown'].map(documentOf);
  for (const document of [shown!, other!]) sessions.open(document);
  Object.assign(window, { activeTextEditor: { document: plain }, visibleTextEditors: [{ document: shown }] });
  closing.fire(other!);
  expect(sessions.current).toBeUndefined();
});

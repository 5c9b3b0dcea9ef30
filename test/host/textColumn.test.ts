import { afterEach, expect, test, vi } from 'vitest';
import { textColumn } from '../../extension/host/textColumn.ts';
import { ViewColumn, window } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

afterEach(() => {
  window.tabGroups.all = [];
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

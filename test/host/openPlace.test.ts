/** Where rows of reports lead that are about no routing that an editor shows. */
import { beforeEach, expect, test, vi } from 'vitest';
import type { Uri } from 'vscode';
import { openPlace, placesOf } from '../../extension/host/openPlace.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import { TabInputNotebook, TabInputText, window, workspace } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const place: unknown = { path: '/texts/notes.md' };
const uri = place as Uri;
const editor = { selection: undefined as unknown, revealRange: () => undefined };
let text: string | undefined;
const document = { uri, positionAt: (at: number) => at, getText: (r: Ends) => text!.slice(r.start, r.end) };

beforeEach(() => {
  editor.selection = undefined;
  Object.assign(workspace, {
    openTextDocument: () =>
      text === undefined ? Promise.reject(new Error('no such file')) : Promise.resolve(document),
  });
  Object.assign(window, { visibleTextEditors: [], showTextDocument: () => Promise.resolve(editor) });
});

interface Ends {
  readonly start: number;
  readonly end: number;
}

const problemOf = async (going: Promise<void>) =>
  going.catch((error: unknown) => (isUserError(error) ? error : undefined));

test('opens the document that the text was taken from, where it stands there', async () => {
  text = '# One two';
  await placesOf(uri, 'One two', 2)({ start: 4, end: 7 });
  expect(editor.selection).toMatchObject({ anchor: 6, active: 9 });
});

test('goes to the editor that shows the document already', async () => {
  text = '# One two';
  const shown = { ...editor, document };
  Object.assign(window, { visibleTextEditors: [shown] });
  await openPlace(uri, { start: 2, end: 5 }, 'One');
  expect([shown.selection, editor.selection]).toMatchObject([{ anchor: 2, active: 5 }, undefined]);
});

test('says so where the text has changed, and where the document is gone', async () => {
  text = '# One too';
  expect(await problemOf(placesOf(uri, 'One two', 2)({ start: 4, end: 7 }))).toMatchObject({
    code: 'text-gone',
    message: 'Something else stands at that place of notes.md: it has changed since, or its line ends are mixed.',
  });
  text = undefined;
  expect(await problemOf(openPlace(uri, { start: 0, end: 3 }, 'One'))).toMatchObject({
    code: 'text-gone',
    message: 'notes.md cannot be opened: it may be gone.',
  });
  expect(editor.selection).toBeUndefined();
});

test('a text behind another tab comes forward in its own group', async () => {
  text = '# One two';
  const columns: unknown[] = [];
  const showTextDocument = (_: unknown, { viewColumn }: { readonly viewColumn: number }): unknown => {
    columns.push(viewColumn);
    return Promise.resolve(editor);
  };
  Object.assign(window, { showTextDocument });
  await openPlace(uri, { start: 2, end: 5 }, 'One');
  const map = { viewColumn: 1, tabs: [{ input: {} }] };
  window.tabGroups.all = [map, { viewColumn: 2, tabs: [{ input: new TabInputText(uri) }] }];
  await openPlace(uri, { start: 2, end: 5 }, 'One');
  window.tabGroups.all = [];
  expect(columns).toEqual([1, 2]);
});

test('a cell of a notebook behind another tab is brought into view', async () => {
  text = '# One two';
  const ofCell = { ...document, uri: { scheme: 'vscode-notebook-cell', path: '/cells.ipynb' } };
  const cell = { ...editor, document: ofCell };
  const notebook = { uri: 'file:///cells.ipynb', getCells: () => [{ notebook, index: 3, document: ofCell }] };
  const shown: unknown[] = [];
  const showNotebookDocument = (_: unknown, { viewColumn }: { readonly viewColumn: number }): unknown => {
    const revealRange = (range: unknown): void => void shown.push(viewColumn, range);
    return Promise.resolve({ notebook, revealRange });
  };
  const openTextDocument = (): unknown => Promise.resolve(ofCell);
  Object.assign(workspace, { notebookDocuments: [notebook], openTextDocument });
  // VS Code counts it among those that are visible.
  Object.assign(window, { visibleTextEditors: [cell], showNotebookDocument });
  window.tabGroups.all = [{ viewColumn: 2, tabs: [{ input: new TabInputNotebook(notebook.uri) }] }];
  await openPlace(uri, { start: 2, end: 5 }, 'One');
  window.tabGroups.all = [];
  Object.assign(workspace, { notebookDocuments: [] });
  expect(shown).toMatchObject([2, { start: 3, end: 4 }]);
  expect(cell.selection).toMatchObject({ anchor: 2, active: 5 });
});

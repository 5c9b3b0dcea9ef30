/** Where rows of reports lead that are about no routing that an editor shows. */
import { beforeEach, expect, test, vi } from 'vitest';
import type { Uri } from 'vscode';
import { openPlace, placesOf } from '../../extension/host/openPlace.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import { window, workspace } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const place: unknown = { path: '/texts/notes.md' };
const uri = place as Uri;
const editor = { selection: undefined as unknown, revealRange: () => undefined };
let text: string | undefined;
const document = { positionAt: (at: number) => at, getText: (r: Ends) => text!.slice(r.start, r.end) };

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

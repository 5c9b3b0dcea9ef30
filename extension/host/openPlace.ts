import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { Range, Selection, TextEditorRevealType, workspace, type TextDocument, type Uri } from 'vscode';
import { UserError } from '../protocol/errors.ts';
import type { Place } from '../protocol/report.ts';
import { editorOf } from './broughtForward.ts';

/**
 * Opens a document at a place of it; the focus stays in the report. Throws UserError when it is gone, or something else stands there.
 *
 * @param text what the place begins with
 */
export async function openPlace(uri: Uri, { start, end }: Place, text: string): Promise<void> {
  const document = await opened(uri);
  const range = new Range(document.positionAt(start), document.positionAt(end));
  if (!document.getText(range).startsWith(text)) {
    const name = posix.basename(uri.path);
    // VS Code makes mixed line ends uniform, and offsets in the file are no longer those in the document.
    throw new UserError(
      'text-gone',
      l10n.t`Something else stands at that place of ${name}: it has changed since, or its line ends are mixed.`,
    );
  }
  await show(document, range);
}

/**
 * Leads to places of a text that was taken from a document. Throws UserError when something else stands there by now.
 *
 * @param base where the text began in the document
 */
export function placesOf(uri: Uri, text: string, base: number): (place: Place) => Promise<void> {
  return ({ start, end }) => openPlace(uri, { start: base + start, end: base + end }, text.slice(start, end));
}

async function opened(uri: Uri): Promise<TextDocument> {
  try {
    return await workspace.openTextDocument(uri);
  } catch (error) {
    throw new UserError('text-gone', l10n.t`${posix.basename(uri.path)} cannot be opened: it may be gone.`, {
      cause: error,
    });
  }
}

async function show(document: TextDocument, range: Range): Promise<void> {
  const editor = await editorOf(document);
  if (!editor) return;
  editor.selection = new Selection(range.start, range.end);
  editor.revealRange(range, TextEditorRevealType.InCenterIfOutsideViewport);
}

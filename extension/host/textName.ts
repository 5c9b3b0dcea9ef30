import * as l10n from '@vscode/l10n';
import { basename } from 'node:path/posix';
import { workspace, type TextDocument } from 'vscode';
import { cellOf } from './notebooks.ts';

/** What a text is called: its file's name, and which cell of a notebook it is. */
export function textName(document: TextDocument): string {
  return withCell(document, basename(document.uri.path));
}

/** The same with what tells it from others of its name: its folder, or that it is no file, as the side of a diff that Git has kept. */
export function textPath(document: TextDocument): string {
  const { scheme, path } = cellOf(document)?.notebook.uri ?? document.uri;
  const name = workspace.asRelativePath(path);
  return withCell(document, scheme === 'file' ? name : `${scheme}: ${name}`);
}

function withCell(document: TextDocument, name: string): string {
  const cell = cellOf(document);
  return cell ? l10n.t`${name}, cell ${cell.index + 1}` : name;
}

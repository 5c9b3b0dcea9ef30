import { workspace, type NotebookCell, type TextDocument } from 'vscode';

/** Of the addresses of cells' texts. */
const CELL = 'vscode-notebook-cell';

/** The cell of a notebook whose text a document is. */
export function cellOf(document: TextDocument): NotebookCell | undefined {
  if (document.uri.scheme !== CELL) return undefined;
  return workspace.notebookDocuments
    .flatMap((notebook) => notebook.getCells())
    .find((cell) => cell.document === document);
}

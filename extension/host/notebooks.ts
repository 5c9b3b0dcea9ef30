import { workspace, type NotebookCell, type TextDocument } from 'vscode';

/** The cell of a notebook whose text a document is. */
export function cellOf(document: TextDocument): NotebookCell | undefined {
  return workspace.notebookDocuments
    .flatMap((notebook) => notebook.getCells())
    .find((cell) => cell.document === document);
}

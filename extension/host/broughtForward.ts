import {
  NotebookEditorRevealType,
  NotebookRange,
  TabInputNotebook,
  TabInputText,
  ViewColumn,
  window,
  type NotebookCell,
  type TextDocument,
  type TextEditor,
  type Uri,
} from 'vscode';
import { cellOf } from './notebooks.ts';
import { shownBy } from './shownEditor.ts';

/** A notebook that is opened draws its cells some tenths of a second later. */
const DRAWN_MS = 2_000;

/**
 * An editor that shows a document; where there is none, its tab is brought forward, or opened, without taking the focus. Undefined where
 * a notebook has its cell collapsed.
 */
export async function editorOf(document: TextDocument): Promise<TextEditor | undefined> {
  const cell = cellOf(document);
  if (cell) return editorOfCell(cell);
  return (
    shownBy(document) ?? window.showTextDocument(document, { viewColumn: columnOf(document.uri), preserveFocus: true })
  );
}

async function editorOfCell({ notebook, document, index }: NotebookCell): Promise<TextEditor | undefined> {
  const shown =
    window.visibleNotebookEditors.find((editor) => editor.notebook === notebook) ??
    (await window.showNotebookDocument(notebook, { viewColumn: columnOf(notebook.uri), preserveFocus: true }));
  shown.revealRange(new NotebookRange(index, index + 1), NotebookEditorRevealType.InCenterIfOutsideViewport);
  return shownBy(document) ?? drawn(document);
}

/** Waits for the editor of a cell that comes into view. */
function drawn(document: TextDocument): Promise<TextEditor | undefined> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      watch.dispose();
      resolve(shownBy(document));
    };
    const timer = setTimeout(done, DRAWN_MS);
    const watch = window.onDidChangeVisibleTextEditors(() => {
      if (shownBy(document)) done();
    });
  });
}

/** Where a document has a tab, or else where texts are opened. */
function columnOf(uri: Uri): ViewColumn {
  const isOf = (input: unknown): boolean =>
    (input instanceof TabInputText || input instanceof TabInputNotebook) && input.uri.toString() === uri.toString();
  const group = window.tabGroups.all.find(({ tabs }) => tabs.some(({ input }) => isOf(input)));
  return group?.viewColumn ?? ViewColumn.One;
}

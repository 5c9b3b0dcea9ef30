import { window, type TextDocument, type TextEditor } from 'vscode';
import { cellOf } from './notebooks.ts';

/** An editor that shows a document: of several, the one in use. */
export function shownBy(document: TextDocument): TextEditor | undefined {
  const { activeTextEditor: active, visibleTextEditors: visible } = window;
  return active?.document === document ? active : visible.find((editor) => editor.document === document);
}

/** The editors that are seen: to VS Code those of a notebook's cells are visible behind another tab as well. */
export function seenEditors(): readonly TextEditor[] {
  return window.visibleTextEditors.filter((editor) => {
    const cell = editor === window.activeTextEditor ? undefined : cellOf(editor.document);
    return !cell || window.visibleNotebookEditors.some(({ notebook }) => notebook === cell.notebook);
  });
}

/** The editor in use, or, from a page without one, as the map, those beside it. */
export function editorsInUse(): readonly TextEditor[] {
  const active = window.activeTextEditor;
  return active ? [active] : seenEditors();
}

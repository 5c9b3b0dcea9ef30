import { ViewColumn, window, type TextDocument, type TextEditor } from 'vscode';

/** An editor that shows a document: of several, the one in use. */
export function shownBy(document: TextDocument): TextEditor | undefined {
  const { activeTextEditor: active, visibleTextEditors: visible } = window;
  return active?.document === document ? active : visible.find((editor) => editor.document === document);
}

/** An editor that shows a document; opened, without taking the focus, where there is none. */
export async function editorOf(document: TextDocument): Promise<TextEditor> {
  return shownBy(document) ?? window.showTextDocument(document, { viewColumn: ViewColumn.One, preserveFocus: true });
}

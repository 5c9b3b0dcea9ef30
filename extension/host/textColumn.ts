import { ViewColumn, window } from 'vscode';

/** Where a text is opened: in the first column, or beside a page of VS Code's own there, as the walkthrough, which would be covered. */
export function textColumn(): ViewColumn {
  const first = window.tabGroups.all.find(({ viewColumn }) => viewColumn === ViewColumn.One)?.activeTab;
  // What tabs of these pages show is not told.
  return first && first.input === undefined ? ViewColumn.Two : ViewColumn.One;
}

import {
  Position,
  QuickPickItemKind,
  Uri,
  ViewColumn,
  window,
  workspace,
  WorkspaceEdit,
  type TextDocument,
} from 'vscode';

/** The sample texts, and what there is to see in each. */
const SAMPLES = [
  { file: 'router.ts', description: 'TypeScript: code and prose in one file' },
  { file: 'essay.md', description: 'English prose' },
  { file: 'capacity.py', description: 'Python' },
  { file: '专家.md', description: 'Chinese prose' },
  { file: 'poem.txt', description: 'a Chinese poem' },
  { file: 'mixed.txt', description: 'five languages, an emoji, formulas: watch the router change its mind' },
] as const;

/** Lets the user choose a sample and opens a copy of it, which may be edited and is saved only if the user wants. */
export async function openSample(folder: Uri): Promise<void> {
  const items = SAMPLES.map(({ file, description }) => ({ label: file, description }));
  const separator = { label: 'Then run “Analyze Routing”', kind: QuickPickItemKind.Separator };
  const item = await window.showQuickPick([separator, ...items], { title: 'Sample text', matchOnDescription: true });
  if (item) await window.showTextDocument(await copyOf(folder, item.label), { viewColumn: ViewColumn.One });
}

async function copyOf(folder: Uri, file: string): Promise<TextDocument> {
  const document = await workspace.openTextDocument(Uri.from({ scheme: 'untitled', path: file }));
  if (document.getText() !== '') return document;
  const bytes = await workspace.fs.readFile(Uri.joinPath(folder, file));
  const edit = new WorkspaceEdit();
  edit.insert(document.uri, new Position(0, 0), new TextDecoder().decode(bytes));
  await workspace.applyEdit(edit);
  return document;
}

import * as l10n from '@vscode/l10n';
import { Position, QuickPickItemKind, Uri, window, workspace, WorkspaceEdit, type TextDocument } from 'vscode';
import { textColumn } from './textColumn.ts';

/** The sample texts, and what there is to see in each. */
const SAMPLES = [
  { file: 'router.ts', description: l10n.t`TypeScript: code and prose in one file` },
  { file: 'essay.md', description: l10n.t`English prose` },
  { file: 'capacity.py', description: l10n.t`Python` },
  { file: '专家.md', description: l10n.t`Chinese prose` },
  { file: 'poem.txt', description: l10n.t`a Chinese poem` },
  { file: 'mixed.txt', description: l10n.t`five languages, an emoji, formulas: watch the router change its mind` },
] as const;

/** Recordings of models that do not come with the extension. */
const RECORDINGS = [
  {
    name: 'olmoe-paper-counts.json',
    label: l10n.t`OLMoE-1B-7B and Mixtral-8x7B`,
    description: l10n.t`their load on five kinds of text, as OLMoE’s authors published it`,
  },
] as const;

/**
 * Lets the user choose a sample. Of a text a copy is opened, which may be edited and is saved only if the user wants.
 *
 * @param media folder of both, samples and recordings
 * @param openRecording shows recorded counts
 */
export async function openSample(media: Uri, openRecording: (file: Uri) => Promise<void>): Promise<void> {
  const texts = SAMPLES.map(({ file, description }) => ({ label: file, description, name: undefined }));
  const separator = (label: string): { label: string; kind: QuickPickItemKind.Separator } => ({
    label,
    kind: QuickPickItemKind.Separator,
  });
  const items = [
    separator(l10n.t`Texts: then run “Analyze Routing”`),
    ...texts,
    separator(l10n.t`Recorded load of larger models, without their weights`),
    ...RECORDINGS,
  ];
  const item = await window.showQuickPick(items, { title: l10n.t`Sample`, matchOnDescription: true });
  if (!item || 'kind' in item) return;
  if (item.name !== undefined) {
    await openRecording(Uri.joinPath(media, 'recordings', item.name));
    return;
  }
  const document = await copyOf(Uri.joinPath(media, 'samples'), item.label);
  await window.showTextDocument(document, { viewColumn: textColumn() });
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

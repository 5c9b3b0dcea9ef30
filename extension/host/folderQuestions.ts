/** Which folder, and what counts as a kind of text in it. */
import * as l10n from '@vscode/l10n';
import { commands, Uri, window, workspace } from 'vscode';
import type { Grouping } from '../analysis/folder/groups.ts';
import type { Settings } from './settings.ts';

/** What a menu of the explorer chose, else a folder of the workspace, else one that is asked for. */
export async function askWhat(item: unknown, selection: unknown): Promise<[Uri, ...Uri[]] | undefined> {
  const selected = Array.isArray(selection) ? selection.filter((one) => one instanceof Uri) : [];
  const [first, ...more] = selected;
  if (first) return [first, ...more];
  if (item instanceof Uri) return [item];
  const folders = workspace.workspaceFolders ?? [];
  if (folders.length === 1) return [folders[0]!.uri];
  if (folders.length > 1) {
    const folder = await window.showWorkspaceFolderPick({ placeHolder: l10n.t`Folder whose files are routed` });
    return folder && [folder.uri];
  }
  const opened = await window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: l10n.t`Analyze`,
  });
  return opened?.[0] && [opened[0]];
}

/** Undefined when the user thought better of it. */
export async function askGrouping(settings: Settings): Promise<Grouping | undefined> {
  const rules = Object.entries(settings.folderGroups).map(([glob, name]) => ({ glob, name }));
  const named = [...new Set(rules.map(({ name }) => name))].join(', ');
  const items = [
    {
      label: l10n.t`$(code) By language`,
      description: l10n.t`as the editor tells it`,
      choose: (): Grouping => ({ by: 'language' }),
    },
    {
      label: l10n.t`$(folder) By folder`,
      description: l10n.t`the first in which paths differ`,
      choose: (): Grouping => ({ by: 'folder' }),
    },
    rules.length > 0
      ? {
          label: l10n.t`$(list-unordered) By rules`,
          description: named,
          choose: (): Grouping => ({ by: 'rules', rules }),
        }
      : {
          label: l10n.t`$(gear) By rules of my own…`,
          description: 'moescope.folderGroups',
          choose: (): undefined => undefined,
        },
  ];
  const title = l10n.t`Analyze Folder: what counts as a kind of text?`;
  const item = await window.showQuickPick(items, { title, matchOnDescription: true });
  const grouping = item?.choose();
  if (item && !grouping) {
    await commands.executeCommand('workbench.action.openSettings', 'moescope.folderGroups');
  }
  return grouping;
}

import * as l10n from '@vscode/l10n';
import { homedir } from 'node:os';
import { Uri, window, workspace } from 'vscode';

/** Where dialogs for files begin. */
export function startFolder(): Uri {
  return workspace.workspaceFolders?.[0]?.uri ?? Uri.file(homedir());
}

/** Asks where to, and writes; what was written, undefined when the user thought better of it. Throws what the file system says. */
export async function saveAs(name: string, content: Uint8Array): Promise<Uri | undefined> {
  // Names of models have their owner before a slash.
  const place = Uri.joinPath(startFolder(), name.replaceAll(/[\\/:]/g, '-'));
  const uri = await window.showSaveDialog({ defaultUri: place, title: l10n.t`Save` });
  if (uri) await workspace.fs.writeFile(uri, content);
  return uri;
}

import * as l10n from '@vscode/l10n';
import { window } from 'vscode';
import type { Subjects } from './subjects.ts';

/** Asks which of what was added to the report, beside the texts of editors, is to go from it. */
export async function askToRemove(subjects: Subjects): Promise<void> {
  const items = subjects.removable.map(({ id, name, detail }) => ({ label: name, description: detail, id }));
  if (items.length === 0) {
    await window.showInformationMessage(
      l10n.t`Nothing was added to the report. Clear Routing takes the text of an editor out of it.`,
    );
    return;
  }
  const picked = await window.showQuickPick(items, {
    title: l10n.t`Remove from report`,
    matchOnDescription: true,
    canPickMany: true,
  });
  for (const { id } of picked ?? []) subjects.remove(id);
}

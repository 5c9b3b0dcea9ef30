import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { env, window } from 'vscode';
import type { AnalystClient } from '../client/analystClient.ts';
import { unlinked } from './markdown.ts';
import type { ActionContext, ReportActions } from './reportActions.ts';
import { saveAs } from './saveAs.ts';

/** Lets the actions of sections that make files save them. */
export function addSectionFiles(actions: ReportActions, analyst: AnalystClient): void {
  actions.addFallback(async (section, action, context) => {
    // Sections are the analyst's: none of their code is loaded here.
    const kind = (await analyst.sections()).find(({ id }) => id === section);
    if (kind?.files.includes(action)) await saveFile(analyst, section, action, context);
  });
}

async function saveFile(
  analyst: AnalystClient,
  id: string,
  action: string,
  { subject, set }: ActionContext,
): Promise<void> {
  const { name, text, options } = await analyst.ask(subject, { kind: 'file', id, action, set });
  const uri = await saveAs(name, Buffer.from(text));
  if (!uri) return;
  const copy = l10n.t`Copy Options`;
  const saved = posix.basename(uri.path);
  const told = options.replaceAll(name, saved);
  if ((await window.showInformationMessage(unlinked(l10n.t`Saved ${saved}. Start with: ${told}`), copy)) === copy) {
    await env.clipboard.writeText(told);
  }
}

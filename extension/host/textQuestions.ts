/** What is asked where there is no text to route, and before a large one is routed. */
import * as l10n from '@vscode/l10n';
import { commands, TabInputText, window, type TextEditor } from 'vscode';
import { isText, visibleText, type TextPart } from './textPart.ts';

/**
 * Text from which a run is announced first: at some 400 tokens a second of a small model on two cores, 5 million
 * characters take an hour, and their trace hundreds of megabytes.
 */
export const LARGE_TEXT = 5_000_000;

/**
 * Says that there is no text, and has one to offer.
 *
 * @param sentence what is said where VS Code shows none either
 */
export async function offerSample(sentence: string): Promise<void> {
  const input = window.tabGroups.activeTabGroup.activeTab?.input;
  const isKept = input instanceof TabInputText && isText(input);
  const message = isKept ? l10n.t`VS Code keeps files of more than 50 MB, and binary ones, from extensions.` : sentence;
  const open = l10n.t`Open Sample`;
  if ((await window.showInformationMessage(message, open)) === open)
    await commands.executeCommand('moescope.openSample');
}

/** What of a large text is to be routed, which so far is `whole`; undefined for nothing. */
export async function askAboutSize(
  { text }: TextPart,
  whole: (editor: TextEditor) => TextPart,
): Promise<((editor: TextEditor) => TextPart) | undefined> {
  const megabytes = Math.round(text.length / 1e6);
  const visible = l10n.t`Analyze Visible Part`;
  const all = l10n.t`Analyze All`;
  const answer = await window.showWarningMessage(
    l10n.t`This text has ${megabytes} million characters; routing all of it takes a long time and much memory.`,
    visible,
    all,
  );
  if (answer === undefined) return undefined;
  return answer === all ? whole : visibleText;
}

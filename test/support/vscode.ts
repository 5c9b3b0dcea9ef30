/** As much of VS Code's interface as parts of the host need that follow events and ask questions, for `vi.mock('vscode', …)`. */
import { Emitter } from 'vscode-jsonrpc';
import type { MessageItem, Progress, TextDocument } from 'vscode';

export { Emitter as EventEmitter };
export const Uri = { joinPath: (...parts: readonly string[]) => parts.join('/') };
export const l10n = {};
export const ProgressLocation = { Notification: 15 };

export const closing = new Emitter<TextDocument>();
export const workspace = { onDidCloseTextDocument: closing.event, textDocuments: [] };

/** Notifications that are open: what each says, and how it is answered. */
export const notifications: { readonly message: string; readonly answer: (answer?: string) => void }[] = [];

export const window = {
  activeTextEditor: undefined,
  onDidChangeActiveTextEditor: new Emitter().event,
  showInformationMessage: (message: string) =>
    new Promise<MessageItem | string | undefined>((answer) => notifications.push({ message, answer })),
  withProgress: (_: unknown, work: (progress: Progress<unknown>, token: unknown) => Promise<unknown>) =>
    work({ report: () => undefined }, { onCancellationRequested: () => undefined }),
};

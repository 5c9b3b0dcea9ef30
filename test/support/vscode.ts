/** As much of VS Code's interface as parts of the host need that follow events and ask questions, for `vi.mock('vscode', …)`. */
import { Emitter } from 'vscode-jsonrpc';
import type {
  Memento,
  MessageItem,
  NotebookDocumentChangeEvent,
  NotebookEditor,
  Progress,
  TextDocument,
  TextDocumentChangeEvent,
  TextEditor,
  TextEditorSelectionChangeEvent,
  TextEditorVisibleRangesChangeEvent,
} from 'vscode';

export { Emitter as EventEmitter };
export const Uri = { file: (path: string) => path, joinPath: (...parts: readonly string[]) => parts.join('/') };
export const l10n = {};

export class Disposable {
  constructor(readonly dispose: () => void) {}
}

export class MarkdownString {
  value = '';

  appendMarkdown(text: string): void {
    this.value += text;
  }
}

/** What an extension keeps, as long as the test. */
export function memento(): Memento {
  const kept = new Map<string, unknown>();
  const state: unknown = {
    get: (key: string) => kept.get(key),
    update: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
  };
  return state as Memento;
}

export const ColorThemeKind = { Light: 1, Dark: 2, HighContrast: 3, HighContrastLight: 4 };
export const ProgressLocation = { Window: 10, Notification: 15 };
export const StatusBarAlignment = { Left: 1 };
export const QuickPickItemKind = { Separator: -1 };
export class ThemeIcon {
  constructor(readonly id: string) {}
}

export const ViewColumn = { Beside: -2, Active: -1, One: 1, Two: 2 };

export const EndOfLine = { LF: 1, CRLF: 2 };

export class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}

export class Range {
  constructor(
    readonly start: Position,
    readonly end: Position,
  ) {}
}

export class Selection {
  constructor(
    readonly anchor: Position,
    readonly active: Position,
  ) {}
}

export class InlineCompletionItem {
  constructor(
    readonly insertText: string,
    readonly range: Range,
  ) {}
}

export const TextEditorRevealType = { InCenterIfOutsideViewport: 2 };
export const NotebookEditorRevealType = { InCenterIfOutsideViewport: 2 };

export class NotebookRange {
  constructor(
    readonly start: number,
    readonly end: number,
  ) {}
}

export class TabInputText {
  constructor(readonly uri: unknown) {}
}

export class TabInputNotebook {
  constructor(readonly uri: unknown) {}
}

export const opening = new Emitter<TextDocument>();
export const saving = new Emitter<TextDocument>();
export const closing = new Emitter<TextDocument>();
export const editing = new Emitter<TextDocumentChangeEvent>();
export const editingNotebooks = new Emitter<NotebookDocumentChangeEvent>();
export const workspace = {
  onDidOpenTextDocument: opening.event,
  onDidSaveTextDocument: saving.event,
  onDidCloseTextDocument: closing.event,
  onDidChangeTextDocument: editing.event,
  onDidChangeNotebookDocument: editingNotebooks.event,
  textDocuments: [],
  notebookDocuments: [] as unknown[],
  asRelativePath: (path: string) => path.replace('/workspace/', ''),
};

/** Commands that were registered, by id. */
export const registered = new Map<string, (...args: unknown[]) => Promise<void>>();
export const commands = {
  registerCommand: (id: string, run: (...args: unknown[]) => Promise<void>) => {
    registered.set(id, run);
    return { dispose: () => registered.delete(id) };
  },
  executeCommand: () => Promise.resolve(),
};

/** Name of the machine that the extension runs on, where the window is on another one. */
export const env = { remoteName: undefined as string | undefined };

export const languages = { registerInlineCompletionItemProvider: () => ({ dispose: () => undefined }) };

export const activating = new Emitter<TextEditor | undefined>();
export const visible = new Emitter<readonly TextEditor[]>();
export const visibleNotebooks = new Emitter<readonly NotebookEditor[]>();
export const scrolling = new Emitter<TextEditorVisibleRangesChangeEvent>();
export const selecting = new Emitter<TextEditorSelectionChangeEvent>();
/** What the status bar has said for a while. */
export const statusMessages: string[] = [];

/** Notifications that are open: what each says, what its buttons are, and how it is answered. */
export const notifications: {
  readonly message: string;
  readonly actions: readonly unknown[];
  readonly answer: (answer?: string) => void;
}[] = [];

/** What notices of progress have said: their titles, and each step. */
export const progressed: string[] = [];

export const window = {
  activeTextEditor: undefined as unknown,
  visibleTextEditors: [] as unknown[],
  visibleNotebookEditors: [] as unknown[],
  tabGroups: { all: [] as unknown[], activeTabGroup: { activeTab: undefined as unknown, viewColumn: ViewColumn.One } },
  activeColorTheme: { kind: ColorThemeKind.Dark },
  onDidChangeActiveColorTheme: new Emitter().event,
  onDidChangeActiveTextEditor: activating.event,
  onDidChangeVisibleTextEditors: visible.event,
  onDidChangeVisibleNotebookEditors: visibleNotebooks.event,
  onDidChangeTextEditorSelection: selecting.event,
  onDidChangeTextEditorVisibleRanges: scrolling.event,
  setStatusBarMessage: (message: string) => statusMessages.push(message),
  showInformationMessage: (message: string, ...actions: readonly unknown[]) =>
    new Promise<MessageItem | string | undefined>((answer) => notifications.push({ message, actions, answer })),
  createStatusBarItem: () => ({ show: () => undefined, hide: () => undefined, dispose: () => undefined }),
  withProgress: (
    { title }: { readonly title?: string },
    work: (progress: Progress<{ readonly message: string }>, token: unknown) => Promise<unknown>,
  ) => {
    if (title !== undefined) progressed.push(title);
    return work({ report: ({ message }) => progressed.push(message) }, { onCancellationRequested: () => undefined });
  },
};

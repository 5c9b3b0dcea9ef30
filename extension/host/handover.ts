import { workspace, type Disposable, type TextDocument } from 'vscode';
import type { Analyzer } from './analyzer.ts';
import { Disposables } from './disposables.ts';
import type { RoutedText } from './routedText.ts';
import type { Sessions } from './sessions.ts';
import { lengthOf } from './textPart.ts';

/** A renamed file is opened within a few hundredths of a second of its closing. */
const MOMENT_MS = 2_000;

/**
 * Routing stays with a text that goes on under another name: an untitled one that is saved, a file that is renamed or moved. In either
 * case VS Code closes one document, and before or after that opens another with the very same text.
 */
export class Handover implements Disposable {
  readonly #analyzer: Analyzer;
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  /** Of the document that was closed last, for a moment. */
  #left: RoutedText | undefined;
  #moment: NodeJS.Timeout | undefined;
  /** Saved last: an untitled document is closed after it has been saved as another. */
  #saved: TextDocument | undefined;

  constructor(analyzer: Analyzer, sessions: Sessions) {
    this.#analyzer = analyzer;
    this.#sessions = sessions;
    this.#disposables.add(
      sessions.onDidClose(({ document, routed }) => {
        if (!routed.complete || !routed.edits.region.whole) return;
        clearTimeout(this.#moment);
        this.#left = routed;
        this.#moment = setTimeout(() => (this.#left = undefined), MOMENT_MS);
        // VS Code has emptied it meanwhile, so that nobody is asked whether to keep it.
        if (document.isUntitled && this.#saved) this.#take(this.#saved);
      }),
    );
    this.#disposables.add(
      workspace.onDidOpenTextDocument((document) => {
        this.#take(document);
      }),
    );
    this.#disposables.add(
      workspace.onDidSaveTextDocument((document) => {
        this.#saved = document;
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.#moment);
    this.#left = undefined;
    this.#disposables.dispose();
  }

  /** Gives what was left to a document, if that is its text. */
  #take(document: TextDocument): void {
    if (!this.#left || document.isClosed || this.#sessions.get(document.uri)) return;
    const { text, trace } = this.#left;
    if (lengthOf(document) !== text.length || document.getText() !== text) return;
    this.#left = undefined;
    this.#analyzer.show(document, text, trace);
  }
}

import { workspace, type Disposable, type TextDocument } from 'vscode';
import type { Analyzer } from './analyzer.ts';
import { Disposables } from './disposables.ts';
import { EditTracker } from './editTracker.ts';
import type { RoutedText } from './routedText.ts';
import type { Sessions } from './sessions.ts';
import { lengthOf } from './textPart.ts';

/** A renamed file is opened within a few hundredths of a second of its closing. */
const MOMENT_MS = 2_000;

/** Routing that goes on with a text in another document. */
interface Left {
  readonly routed: RoutedText;
  /** All of the document, with what was edited since it was routed. */
  readonly text: string;
  /** Where in it stands what was routed. */
  readonly region: EditTracker['region'];
}

/**
 * Routing stays with a text that goes on under another name: one that is saved as another, a file or a folder that is renamed or moved.
 * VS Code closes the documents of the old name, a notebook's cells one by one, and before or after that opens others with the very same
 * texts.
 */
export class Handover implements Disposable {
  readonly #analyzer: Analyzer;
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  /** Of the documents that were closed last, for a moment; `current` was what the views showed. */
  readonly #left = new Set<Left & { readonly current: boolean }>();
  /** Documents that were opened and not saved since; saving one as another may take a while in between, where it is formatted, say. */
  readonly #opened = new WeakSet<TextDocument>();
  /** Documents with the same words as one of them that was saved, for a moment: "Save As" closes one of those after it. */
  readonly #saved = new Map<TextDocument, Left & { readonly to: TextDocument }>();
  #moment: NodeJS.Timeout | undefined;

  constructor(analyzer: Analyzer, sessions: Sessions) {
    this.#analyzer = analyzer;
    this.#sessions = sessions;
    this.#disposables.add(
      sessions.onDidClose(({ document, routed, current }) => {
        // VS Code has taken it back meanwhile to what was saved of it before, or emptied it.
        const saved = this.#saved.get(document);
        if (saved) this.#take(saved.to, saved, current);
        else if (isLeft(routed)) this.#left.add({ ...leftOf(document, routed), current });
        this.#forgetLater();
      }),
    );
    this.#disposables.add(
      workspace.onDidOpenTextDocument((document) => {
        this.#opened.add(document);
        const left = [...this.#left].find((one) => reads(document, one.text));
        if (!left) return;
        this.#left.delete(left);
        this.#take(document, left, left.current);
      }),
    );
    this.#disposables.add(
      workspace.onDidSaveTextDocument((to) => {
        if (!this.#opened.delete(to) || sessions.get(to.uri)) return;
        // Saving may have ended its lines otherwise, or formatted it.
        const words = wordsOf(to);
        for (const { document, routed } of sessions.all) {
          if (routed && isLeft(routed) && wordsOf(document) === words)
            this.#saved.set(document, { ...leftOf(document, routed), to });
        }
        this.#forgetLater();
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.#moment);
    this.#forget();
    this.#disposables.dispose();
  }

  /** Gives a document what was left, if it has no routing. */
  #take(document: TextDocument, { routed, text, region }: Left, current: boolean): void {
    if (document.isClosed || this.#sessions.get(document.uri)) return;
    const now = document.getText();
    const { start, end, whole } = region;
    const inserted = Math.max(0, end - start + now.length - text.length);
    const edits = new EditTracker(routed.text, start, whole);
    const replacement = { offset: start, removed: routed.text.length, inserted };
    edits.apply([replacement], (from, to) => now.slice(from, to));
    this.#analyzer.show(document, routed.text, routed.trace, edits, current);
  }

  #forgetLater(): void {
    clearTimeout(this.#moment);
    this.#moment = setTimeout(() => {
      this.#forget();
    }, MOMENT_MS);
  }

  #forget(): void {
    this.#left.clear();
    this.#saved.clear();
  }
}

/** Whether there is something to go on with: all was routed, and not all of that deleted. */
function isLeft({ complete, edits: { region } }: RoutedText): boolean {
  return complete && region.end > region.start;
}

function leftOf(document: TextDocument, routed: RoutedText): Left {
  return { routed, text: document.getText(), region: routed.edits.region };
}

function wordsOf(document: TextDocument): string {
  return document.getText().replaceAll(/\s+/gu, '');
}

function reads(document: TextDocument, text: string): boolean {
  return lengthOf(document) === text.length && document.getText() === text;
}

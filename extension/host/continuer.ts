import * as l10n from '@vscode/l10n';
import {
  commands,
  EventEmitter,
  InlineCompletionItem,
  languages,
  Range,
  window,
  workspace,
  type Disposable,
  type Event,
  type InlineCompletionItemProvider,
  type Position,
  type TextDocument,
  type TextEditor,
} from 'vscode';
import type { EngineClient } from '../client/engineClient.ts';
import type { Continued } from '../protocol/continuation.ts';
import type { Began, Progress } from '../protocol/engine.ts';
import { cancelled, SUPERSEDED } from '../protocol/errors.ts';
import { NO_EXPERT, type LayerShape } from '../protocol/trace.ts';
import type { WrittenText, WrittenToken } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import type { Models } from './models.ts';
import type { Problems } from './problems.ts';
import { QUIET_MS, withNotice } from './progressNotice.ts';
import type { Settings } from './settings.ts';
import { textName } from './textName.ts';
import { Throttle } from './throttle.ts';

/** What has been written goes to the view so often while tokens come. */
const SHOW_MS = 250;
/** The ghost text grows so often: VS Code takes it away and draws it anew, which blinks. */
const OFFER_MS = 800;
const MEGABYTE = 1e6;

/** What the model writes at one place of one text. */
interface Writing {
  readonly document: TextDocument;
  readonly version: number;
  readonly position: Position;
  readonly abort: AbortController;
  readonly tokens: WrittenToken[];
  /** Name of the model; empty until it is ready. */
  model: string;
  layers: readonly LayerShape[];
  text: string;
  done: boolean;
  /** It has been said that the editor shows nothing of it. */
  told: boolean;
  /** What is told of the model until it is ready; undefined while that has taken no time, and from the first token on. */
  notice: { readonly show: (progress: Progress) => void; readonly close: () => void } | undefined;
}

/**
 * Continue with Routing: the model writes on from the cursor, as ghost text that Tab accepts and Escape drops. It ends with the next
 * edit, and when the cursor goes elsewhere, or to another editor.
 */
export class Continuer implements InlineCompletionItemProvider, Disposable {
  readonly #client: EngineClient;
  readonly #models: Models;
  readonly #problems: Problems;
  readonly #settings: Settings;
  readonly #disposables = new Disposables();
  readonly #changed = this.#disposables.add(new EventEmitter<WrittenText>());
  /** What was written last, with the routing of each token. */
  readonly onDidChange: Event<WrittenText> = this.#changed.event;
  readonly #show = this.#disposables.add(
    new Throttle(SHOW_MS, () => {
      this.#tell();
    }),
  );
  readonly #grow = this.#disposables.add(
    new Throttle(OFFER_MS, () => {
      if (this.#writing?.text) void this.#offerText(this.#writing);
    }),
  );
  #writing: Writing | undefined;
  #written: WrittenText | undefined;
  /** Registered only while there is something to offer: VS Code asks at every letter. */
  #offer: Disposable | undefined;
  /** How often VS Code has asked for it: it does not where an editor shows no suggestions, as where it is read-only. */
  #asked = 0;
  readonly #contexts = new Map<string, boolean>();

  constructor(client: EngineClient, models: Models, problems: Problems, settings: Settings) {
    this.#client = client;
    this.#models = models;
    this.#problems = problems;
    this.#settings = settings;
    this.#disposables.add(
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document === this.#writing?.document && contentChanges.length > 0) this.#leave();
      }),
    );
    this.#disposables.add(
      window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        const { document, position } = this.#writing ?? {};
        if (textEditor.document === document && !selections[0]?.active.isEqual(position!)) this.#leave();
      }),
    );
    this.#disposables.add(
      // No editor at all is active while a view or a page has the focus.
      window.onDidChangeActiveTextEditor((editor) => {
        if (!editor) return;
        if (editor.document !== this.#writing?.document) this.#leave();
        else this.#grow.request(0);
      }),
    );
    this.#disposables.add(
      workspace.onDidCloseTextDocument((document) => {
        if (document === this.#writing?.document) this.#stop();
      }),
    );
  }

  /** The tokens that were written last, for a view that has come up. */
  get written(): WrittenText | undefined {
    return this.#written;
  }

  /** Whether the model has not ended yet. */
  get writing(): boolean {
    return this.#writing?.done === false;
  }

  /** Ends the text and drops what of it was not taken. */
  async drop(): Promise<void> {
    this.#writing?.abort.abort();
    this.#stop();
    await commands.executeCommand('editor.action.inlineSuggest.hide');
  }

  /** Settles when the text has ended, or has been stopped. Throws UserError. */
  async write({ document, selection }: TextEditor): Promise<void> {
    this.#stop();
    const position = selection.active;
    const text = document.getText(new Range(0, 0, position.line, position.character));
    if (text.trim() === '') {
      void window.showInformationMessage(l10n.t`There is no text before the cursor: place it after some text.`);
      return;
    }
    const abort = new AbortController();
    const writing: Writing = {
      ...{ document, version: document.version, position, abort },
      ...{ tokens: [], model: '', layers: [], text: '', done: false, told: false, notice: undefined },
    };
    this.#writing = writing;
    const { continueTokens, continueTemperature, continueSeed, liveCache } = this.#settings;
    const what = {
      text,
      tokens: continueTokens,
      sampling: { temperature: continueTemperature, seed: continueSeed },
      memory: liveCache * MEGABYTE,
    };
    this.#tell();
    let late: NodeJS.Timeout | undefined;
    try {
      if (!(await this.#models.agree())) throw cancelled();
      let told: Progress | undefined;
      let context: number | undefined;
      late = setTimeout(() => {
        if (this.#writing === writing) this.#notify(writing, told);
      }, QUIET_MS);
      const sink = {
        progress: (progress: Progress) => {
          told = progress;
          writing.notice?.show(progress);
        },
        began: ({ model }: Began) => {
          ({ name: writing.model, moeLayers: writing.layers, context } = model);
        },
        continued: (token: Continued) => {
          if (this.#writing !== writing) return;
          clearTimeout(late);
          writing.notice?.close();
          writing.tokens.push(writtenToken(token, writing));
          writing.text = token.text;
          this.#show.request();
          this.#grow.request();
        },
      };
      const count = await this.#client.continue(this.#models.request(), what, sink, abort.signal);
      if (this.#writing !== writing) return;
      writing.done = true;
      if (count === 0) void window.showInformationMessage(nothingAdded(context));
    } catch (error) {
      if (this.#writing !== writing) return;
      this.#stop();
      this.#problems.report('continue', error);
    } finally {
      clearTimeout(late);
      writing.notice?.close();
    }
    this.#show.request(0);
    this.#grow.request(0);
  }

  /** Tells of a model that is not ready yet, which may take minutes, and how far it is. */
  #notify(writing: Writing, told: Progress | undefined): void {
    void withNotice(this.#models.name, l10n.t`Starting`, writing.abort, (show) => {
      if (told) show(told);
      return new Promise<void>((resolve) => {
        const close = (): void => {
          writing.notice = undefined;
          resolve();
        };
        writing.notice = { show, close };
      });
    });
  }

  provideInlineCompletionItems(document: TextDocument, position: Position): InlineCompletionItem[] {
    this.#asked += 1;
    const { version, position: at, text = '', document: of } = this.#writing ?? {};
    if (of !== document || version !== document.version || !at?.isEqual(position) || text === '') return [];
    return [new InlineCompletionItem(text, new Range(position, position))];
  }

  async #offerText(writing: Writing): Promise<void> {
    const { document, position } = writing;
    // Another editor would be asked for its own suggestions, and so would this one elsewhere in the text.
    const active = window.activeTextEditor;
    if (active?.document !== document || !active.selection.active.isEqual(position)) return;
    // VS Code goes on showing a part that it has, whatever else comes, until it is hidden.
    await commands.executeCommand('editor.action.inlineSuggest.hide');
    if (this.#writing?.document !== document) return;
    // It asks nobody again who has answered for the same text and place, also where that answer is not seen by now: anew is another one.
    this.#offer?.dispose();
    this.#offer = languages.registerInlineCompletionItemProvider({ pattern: '**' }, this);
    const before = this.#asked;
    await commands.executeCommand('editor.action.inlineSuggest.trigger');
    if (this.#writing === writing && this.#asked === before && !writing.told) {
      writing.told = true;
      await tellUnseen();
    }
  }

  dispose(): void {
    this.#writing?.abort.abort();
    this.#offer?.dispose();
    this.#disposables.dispose();
  }

  /** The cursor is elsewhere, or the text another. */
  #leave(): void {
    if (this.#writing?.notice) {
      window.setStatusBarMessage(l10n.t`The cursor moved before the model was ready: nothing is written.`, 5_000);
    }
    this.#stop();
  }

  /** The text is another, or nobody looks: what has come stays in the view, and no more comes. */
  #stop(): void {
    this.#writing?.abort.abort(SUPERSEDED);
    this.#writing?.notice?.close();
    if (this.#writing) this.#publish({ ...writtenText(this.#writing), done: true });
    this.#writing = undefined;
    this.#offer?.dispose();
    this.#offer = undefined;
    this.#setContexts();
  }

  #tell(): void {
    // What has been stopped meanwhile stays as it was told last.
    if (this.#writing) this.#publish(writtenText(this.#writing));
    this.#setContexts();
  }

  #publish(written: WrittenText): void {
    this.#written = written;
    this.#changed.fire(written);
  }

  /** Tab takes the text, whatever it begins with; Escape ends it while it is written. */
  #setContexts(): void {
    const values = { continuing: (this.#writing?.text ?? '') !== '', writing: this.writing };
    for (const [key, value] of Object.entries(values)) {
      if (this.#contexts.get(key) === value) continue;
      this.#contexts.set(key, value);
      void commands.executeCommand('setContext', `moescope.${key}`, value);
    }
  }
}

async function tellUnseen(): Promise<void> {
  const show = l10n.t`Show Routing Load`;
  const message = l10n.t`This editor shows no suggestions, as where a text is read-only: what the model writes is listed in Routing Load.`;
  if ((await window.showInformationMessage(message, show)) === show) {
    await commands.executeCommand('moescope.load.focus');
  }
}

function nothingAdded(context: number | undefined): string {
  return context === 1
    ? l10n.t`The model adds nothing here: its context of 1 token has no room for another. moescope.context says how long it may be.`
    : l10n.t`The model adds nothing here: it considers the text finished.`;
}

function writtenText({ document, model, tokens, layers, done }: Writing): WrittenText {
  return { document: textName(document), model, tokens, moeLayers: layers, done };
}

/** @param writing what it is added to */
function writtenToken(
  { text, milliseconds, logProb, layers }: Continued,
  writing: Pick<Writing, 'text' | 'layers'>,
): WrittenToken {
  return {
    text: text.slice(writing.text.length),
    milliseconds,
    logProb,
    layers: layers.map(({ chosen, weight }, i) => {
      const slots = Array.from({ length: writing.layers[i]!.k }, (_, j) => j).filter((j) => chosen[j] !== NO_EXPERT);
      return { experts: slots.map((j) => chosen[j]!), weights: slots.map((j) => weight[j]!) };
    }),
  };
}

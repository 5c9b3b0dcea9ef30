import * as l10n from '@vscode/l10n';
import { commands, ViewColumn, type Disposable, type Uri, type WebviewPanel } from 'vscode';
import type { InspectorClient } from '../client/inspectorClient.ts';
import { modelName } from '../formats/modelName.ts';
import { isUserError, messageOf } from '../protocol/errors.ts';
import type { Inspection } from '../protocol/model.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { FromModelPage, ModelPageCommand, ModelPageState, ToModelPage } from '../protocol/webview.ts';
import { EditorTab, type OpenTab, type RestoresTab } from './editorTab.ts';
import type { Log } from './log.ts';
import type { Models } from './models.ts';
import { bugSentence } from './problems.ts';
import type { Sessions } from './sessions.ts';
import { fromModelPageSchema } from './viewMessages.ts';

const COMMANDS: Readonly<Record<ModelPageCommand, string>> = {
  chooseModel: 'moescope.chooseModel',
  openSettings: 'moescope.openSettings',
};

/** What is to be known of a model, in an editor tab: of the model that was shown last or of the chosen one. */
export class ModelPage implements RestoresTab, Disposable {
  readonly #models: Models;
  readonly #inspector: InspectorClient;
  readonly #sessions: Sessions;
  readonly #log: Log;
  readonly #tab: EditorTab<ToModelPage, FromModelPage>;
  /** Has the page show what `#shown` is now; nothing while there is no page. */
  #tellPage: (() => void) | undefined;
  /** Another model than the chosen one. */
  #folder: string | undefined;
  #inspected: Inspection | undefined;

  constructor(extension: Uri, models: Models, inspector: InspectorClient, sessions: Sessions, log: Log) {
    this.#models = models;
    this.#inspector = inspector;
    this.#sessions = sessions;
    this.#log = log;
    this.#tab = new EditorTab(extension, log, {
      entry: 'model',
      title: l10n.t`Model`,
      schema: fromModelPageSchema,
      opened: (tab) => this.#opened(tab),
    });
  }

  /** Opens the page of a model, or brings it forward; without a folder, that of the chosen model, which it then follows. */
  show(folder?: string): void {
    this.#folder = folder;
    if (this.#tab.isOpen) this.#tellPage?.();
    this.#tab.show(ViewColumn.Active, false);
  }

  restore(panel: WebviewPanel): void {
    this.#tab.restore(panel);
  }

  dispose(): void {
    this.#tab.dispose();
  }

  #opened(tab: OpenTab<ToModelPage>): (message: FromModelPage) => void {
    let reading = new AbortController();
    const tell = (): void => {
      reading.abort();
      reading = new AbortController();
      void this.#tell(tab, reading.signal);
    };
    this.#tellPage = tell;
    tab.own({
      dispose: () => {
        reading.abort();
        if (this.#tellPage === tell) this.#tellPage = undefined;
      },
    });
    let chosen = this.#models.folder;
    tab.own(
      this.#models.onDidChange(() => {
        // Settings changed, or another model was chosen: that one is shown then.
        if (this.#models.folder === chosen) {
          this.#post(tab);
          return;
        }
        chosen = this.#models.folder;
        this.#folder = undefined;
        tell();
      }),
    );
    tab.own(
      this.#sessions.onDidChange(({ change }) => {
        if (change === 'routing') this.#post(tab);
      }),
    );
    return (message) => {
      switch (message.type) {
        case 'ready':
          tell();
          break;
        case 'tensors':
          void this.#tensors(message, tab, reading.signal);
          break;
        case 'command':
          void commands.executeCommand(COMMANDS[message.command]);
          break;
      }
    };
  }

  get #shown(): string {
    return this.#folder ?? this.#models.folder;
  }

  async #tell(tab: OpenTab<ToModelPage>, signal: AbortSignal): Promise<void> {
    const folder = this.#shown;
    const name = modelName(folder);
    tab.name(name);
    this.#inspected = undefined;
    tab.post({ type: 'reading', name });
    try {
      const finding = await this.#inspector.routers(folder, signal);
      const model = finding ? undefined : await this.#inspector.inspect(folder, signal);
      // What was asked of the former model may be answered all the same.
      if (signal.aborted) return;
      this.#inspected = model;
      if (finding) tab.post({ type: 'foreign', name, finding });
      else this.#post(tab);
    } catch (error) {
      if (signal.aborted) return;
      if (!isUserError(error)) this.#log.error(`show ${folder}`, error);
      tab.post({ type: 'failed', name, message: messageOf(error) });
    }
  }

  /** The model as it was read, with how it runs: what the settings ask for, and what ran last. */
  #post(tab: OpenTab<ToModelPage>): void {
    const model = this.#inspected;
    if (!model) return;
    const { precision, provider } = this.#models.request();
    const last = this.#sessions.current?.routed?.trace.origin.model;
    tab.post({
      type: 'model',
      page: { model, wanted: { precision, provider }, ...(last?.folder === model.folder ? { ran: ranIn(last) } : {}) },
    });
  }

  async #tensors(
    { query, search, from, count }: Extract<FromModelPage, { type: 'tensors' }>,
    tab: OpenTab<ToModelPage>,
    signal: AbortSignal,
  ): Promise<void> {
    const folder = this.#shown;
    try {
      const found = await this.#inspector.tensors({ folder, search, from, count }, signal);
      if (!signal.aborted) tab.post({ type: 'tensors', query, from, found });
    } catch (error) {
      if (signal.aborted) return;
      this.#log.error(`tensors of ${folder}`, error);
      const message = isUserError(error) ? error.message : bugSentence();
      tab.post({ type: 'tensorsFailed', query, message });
    }
  }
}

function ranIn({ precision, provider, note }: ModelInfo): NonNullable<ModelPageState['ran']> {
  return { precision, provider, ...(note === undefined ? {} : { note }) };
}

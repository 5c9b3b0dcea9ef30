import * as l10n from '@vscode/l10n';
import { homedir } from 'node:os';
import { Uri, window, type QuickPick } from 'vscode';
import type { EngineClient } from '../client/engineClient.ts';
import type { InspectorClient } from '../client/inspectorClient.ts';
import { modelName } from '../formats/modelName.ts';
import { isUserError, messageOf } from '../protocol/errors.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { Log } from './log.ts';
import { unlinked } from './markdown.ts';
import type { ModelPage } from './modelPage.ts';
import { keyOf, listedFolders, modelItems, type ModelItem } from './modelList.ts';
import type { Models } from './models.ts';
import { foreignLine, modelLine, unavailableText, type ModelLine } from './modelText.ts';
import type { Problems } from './problems.ts';
import { withNotice } from './progressNotice.ts';

/** Lets the user choose a model, and opens it before it counts as chosen. */
export class ModelPicker {
  readonly #models: Models;
  readonly #client: EngineClient;
  readonly #inspector: InspectorClient;
  readonly #page: ModelPage;
  readonly #problems: Problems;
  readonly #log: Log;

  constructor(
    models: Models,
    client: EngineClient,
    inspector: InspectorClient,
    page: ModelPage,
    problems: Problems,
    log: Log,
  ) {
    this.#models = models;
    this.#client = client;
    this.#inspector = inspector;
    this.#page = page;
    this.#log = log;
    this.#problems = problems;
  }

  /** Whether another model was chosen. */
  async pick(): Promise<boolean> {
    const choice = await this.#ask();
    switch (choice?.kind) {
      case undefined:
        return false;
      case 'explain':
        await window.showInformationMessage(unlinked(unavailableText(choice.model)));
        return false;
      case 'browse': {
        const path = await browse(choice.what);
        if (path === undefined) return false;
        return this.#check(choice.what === 'file' ? path : await this.#resolved(path));
      }
      case 'open':
        return this.#check(choice.folder);
    }
  }

  /** Shows the list at once, and fills in what the inspector finds for as long as it is open. */
  #ask(): Promise<ModelItem['choice']> {
    const list = window.createQuickPick<ModelItem>();
    list.title = l10n.t`Model that routes the text`;
    list.placeholder = l10n.t`A bundled model, one of this machine, or any Hugging Face checkpoint folder`;
    list.matchOnDescription = true;
    list.matchOnDetail = true;
    list.keepScrollPosition = true;
    list.items = modelItems(this.#models, undefined, new Map());
    list.busy = true;
    const closed = new AbortController();
    void this.#fill(list, closed.signal);
    return new Promise((resolve) => {
      list.onDidAccept(() => {
        resolve(list.selectedItems[0]?.choice);
        list.hide();
      });
      list.onDidTriggerItemButton(({ item }) => {
        if (item.choice?.kind === 'open') this.#page.show(item.choice.folder);
      });
      list.onDidHide(() => {
        closed.abort();
        resolve(undefined);
        list.dispose();
      });
      list.show();
    });
  }

  async #fill(list: QuickPick<ModelItem>, signal: AbortSignal): Promise<void> {
    const known = new Map<string, ModelLine>();
    const found = await this.#inspector.find(signal).catch((error: unknown) => {
      this.#log.error('look for models', error);
      return undefined;
    });
    const show = (): void => {
      if (signal.aborted) return;
      const active = keyOf(list.activeItems[0]);
      list.items = modelItems(this.#models, found, known);
      // New items are others: what was pointed at stays so.
      const same = list.items.filter((item) => active !== undefined && keyOf(item) === active);
      if (same.length > 0) list.activeItems = same;
    };
    show();
    for (const folder of listedFolders(list.items)) {
      if (signal.aborted) return;
      known.set(folder, await this.#look(folder, signal));
      show();
    }
    if (!signal.aborted) list.busy = false;
  }

  async #look(folder: string, signal: AbortSignal): Promise<ModelLine> {
    try {
      const finding = await this.#inspector.routers(folder, signal);
      if (finding) return foreignLine(finding);
      return modelLine(await this.#inspector.inspect(folder, signal), this.#models.request().precision);
    } catch (error) {
      return { line: messageOf(error), opens: false };
    }
  }

  /** A repository of the hub's cache stands for the newest snapshot in it. */
  async #resolved(folder: string): Promise<string> {
    return this.#inspector.inspect(folder, new AbortController().signal).then(
      (inspection) => inspection.folder,
      () => folder,
    );
  }

  async #check(folder: string): Promise<boolean> {
    try {
      if (!(await this.#models.agree(folder))) return false;
      const model = await this.#open(folder);
      await this.#models.choose(folder);
      window.setStatusBarMessage(
        l10n.t`${model.name}: ${model.moeLayers.length} MoE layers × ${model.moeLayers[0]?.experts ?? 0} experts`,
        5_000,
      );
      return true;
    } catch (error) {
      if (isUserError(error, 'folder-missing')) await this.#models.forget(folder);
      this.#problems.report(`open ${folder}`, error);
      return false;
    }
  }

  #open(folder: string): Promise<ModelInfo> {
    const abort = new AbortController();
    const name = modelName(folder);
    return withNotice(name, l10n.t`Opening ${name}`, abort, (show) =>
      this.#client.open(this.#models.request(folder), show, abort.signal),
    );
  }
}

async function browse(what: 'folder' | 'file'): Promise<string | undefined> {
  const chosen = await window.showOpenDialog({
    canSelectFiles: what === 'file',
    canSelectFolders: what === 'folder',
    ...(what === 'file' ? { filters: { [l10n.t`ONNX model`]: ['onnx'] } } : {}),
    defaultUri: Uri.file(homedir()),
    openLabel: l10n.t`Choose Model`,
    title: what === 'file' ? l10n.t`ONNX model` : l10n.t`Folder of a Hugging Face checkpoint or an ONNX model`,
  });
  return chosen?.[0]?.fsPath;
}

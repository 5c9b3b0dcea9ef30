import { homedir } from 'node:os';
import { basename } from 'node:path';
import { ProgressLocation, QuickPickItemKind, Uri, window, type QuickPickItem } from 'vscode';
import type { EngineClient } from '../client/engineClient.ts';
import { isUserError } from '../protocol/errors.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { Models } from './models.ts';
import type { Problems } from './problems.ts';
import { progressLabel } from './progressText.ts';

interface ModelItem extends QuickPickItem {
  /** Folder of the model; undefined for the item that browses. */
  readonly folder?: string;
}

/** Lets the user choose a model, and opens it before it counts as chosen. */
export class ModelPicker {
  readonly #models: Models;
  readonly #client: EngineClient;
  readonly #problems: Problems;

  constructor(models: Models, client: EngineClient, problems: Problems) {
    this.#models = models;
    this.#client = client;
    this.#problems = problems;
  }

  /** Whether another model was chosen. */
  async pick(): Promise<boolean> {
    const item = await window.showQuickPick(this.#items(), {
      title: 'Model that routes the text',
      placeHolder: 'A bundled model, a recent one, or any Hugging Face checkpoint folder',
      matchOnDescription: true,
    });
    if (!item) return false;
    const folder = item.folder ?? (await browse());
    if (folder === undefined) return false;
    return this.#check(folder);
  }

  #items(): ModelItem[] {
    const current = this.#models.folder;
    const item = (folder: string, label: string, description: string): ModelItem => ({
      folder,
      label: folder === current ? `$(check) ${label}` : `$(blank) ${label}`,
      description,
    });
    const { bundled, recent } = this.#models;
    const known = [...bundled.map((model) => model.folder), ...recent];
    const others = known.includes(current) ? recent : [current, ...recent];
    return [
      { label: 'Bundled', kind: QuickPickItemKind.Separator },
      ...bundled.map(({ folder, name, description }) => item(folder, name, description)),
      ...(others.length > 0 ? [{ label: 'Recent', kind: QuickPickItemKind.Separator }] : []),
      ...others.map((folder) => item(folder, basename(folder), abbreviateHome(folder))),
      { label: '', kind: QuickPickItemKind.Separator },
      {
        label: '$(folder-opened) Browse…',
        description: 'a folder with config.json, tokenizer.json and safetensors files',
      },
    ];
  }

  async #check(folder: string): Promise<boolean> {
    try {
      const model = await this.#open(folder);
      await this.#models.choose(folder);
      window.setStatusBarMessage(
        `${model.name}: ${model.moeLayers.length} MoE layers × ${model.moeLayers[0]?.experts ?? 0} experts`,
        5_000,
      );
      return true;
    } catch (error) {
      if (isUserError(error) && error.code === 'folder-missing') await this.#models.forget(folder);
      this.#problems.report(`open ${folder}`, error);
      return false;
    }
  }

  async #open(folder: string): Promise<ModelInfo> {
    const abort = new AbortController();
    const options = { location: ProgressLocation.Notification, cancellable: true, title: 'MoEScope' };
    return window.withProgress(options, (progress, token) => {
      token.onCancellationRequested(() => {
        abort.abort();
      });
      let shown = 0;
      progress.report({ message: `Opening ${basename(folder)}` });
      return this.#client.open(
        this.#models.request(folder),
        (p) => {
          const percent = p.total > 0 ? (100 * p.done) / p.total : 0;
          progress.report({ message: progressLabel(p, basename(folder)), increment: Math.max(0, percent - shown) });
          shown = Math.max(shown, percent);
        },
        abort.signal,
      );
    });
  }
}

async function browse(): Promise<string | undefined> {
  const chosen = await window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    defaultUri: Uri.file(homedir()),
    openLabel: 'Choose Model',
    title: 'Folder of a Hugging Face checkpoint',
  });
  return chosen?.[0]?.fsPath;
}

function abbreviateHome(folder: string): string {
  const home = homedir();
  return folder.startsWith(home) ? `~${folder.slice(home.length)}` : folder;
}

import * as l10n from '@vscode/l10n';
import { homedir } from 'node:os';
import { sep } from 'node:path';
import { QuickPickItemKind, ThemeIcon, type QuickInputButton, type QuickPickItem } from 'vscode';
import { modelName } from '../formats/modelName.ts';
import type { LocalModels, UnavailableModel } from '../protocol/model.ts';
import type { Models } from './models.ts';
import type { ModelLine } from './modelText.ts';

export interface ModelItem extends QuickPickItem {
  /** What choosing it means; absent for a separator. */
  readonly choice?:
    | { readonly kind: 'open'; readonly folder: string }
    | { readonly kind: 'browse'; readonly what: 'folder' | 'file' }
    | { readonly kind: 'explain'; readonly model: UnavailableModel };
}

/**
 * Everything to choose from, in the order in which it stands.
 *
 * @param found what is on this machine; undefined while that is being looked up
 * @param known by folder, as far as it was looked at
 */
export function modelItems(
  models: Models,
  found: LocalModels | undefined,
  known: ReadonlyMap<string, ModelLine>,
): readonly ModelItem[] {
  const current = models.folder;
  const item = (folder: string, name: string, description: string): ModelItem => {
    const about = known.get(folder);
    const icon = about?.opens === false ? 'circle-slash' : folder === current && !models.server ? 'check' : 'blank';
    // A line of its own from the start: the list must not jump under the pointer.
    const detail = `$(blank) ${about?.line ?? '…'}`;
    return { choice: { kind: 'open', folder }, label: `$(${icon}) ${name}`, description, detail, buttons: [SHOW] };
  };
  const { bundled } = models;
  const hub = found?.hub ?? [];
  const elsewhere = new Set([...bundled, ...hub].map(({ folder }) => folder));
  const recent = [...new Set([current, ...models.recent])].filter((folder) => !elsewhere.has(folder));
  return [
    ...group(
      l10n.t`Bundled`,
      bundled.map(({ folder, name, description }) => item(folder, name, description)),
    ),
    ...group(
      l10n.t`Recent`,
      recent.map((folder) => item(folder, modelName(folder), abbreviateHome(folder))),
    ),
    ...group(
      l10n.t`Hugging Face cache`,
      hub.map(({ folder, name, revision }) => item(folder, name, revision ?? '')),
    ),
    { label: '', kind: QuickPickItemKind.Separator },
    {
      choice: { kind: 'browse', what: 'folder' },
      label: l10n.t`$(folder-opened) Browse…`,
      description: l10n.t`a folder with config.json, tokenizer.json and safetensors files, or an ONNX export`,
    },
    {
      choice: { kind: 'browse', what: 'file' },
      label: l10n.t`$(file) Browse for an ONNX File…`,
      description: l10n.t`beside its tokenizer.json`,
    },
    ...group(
      l10n.t`Not available`,
      (found?.unavailable ?? []).map((model) => ({
        choice: { kind: 'explain', model },
        label: `$(circle-slash) ${model.name}`,
        detail: l10n.t`$(blank) Nearest: ${model.nearest.replaceAll('`', '')}`,
        description: model.why,
      })),
    ),
  ];
}

/** On each item: what is to be known of the model. */
const SHOW: QuickInputButton = { iconPath: new ThemeIcon('info'), tooltip: l10n.t`Show Model` };

/** Tells an item from others, and is the same for the item that takes its place; undefined for a separator. */
export function keyOf(item: ModelItem | undefined): string | undefined {
  return item?.choice && JSON.stringify(item.choice);
}

/** Folders of which a line is wanted, in the order of the list. */
export function listedFolders(items: readonly ModelItem[]): readonly string[] {
  return items.flatMap(({ choice }) => (choice?.kind === 'open' ? [choice.folder] : []));
}

function group(label: string, items: readonly ModelItem[]): readonly ModelItem[] {
  return items.length === 0 ? [] : [{ label, kind: QuickPickItemKind.Separator }, ...items];
}

function abbreviateHome(folder: string): string {
  const home = homedir();
  return folder === home || folder.startsWith(home + sep) ? `~${folder.slice(home.length)}` : folder;
}

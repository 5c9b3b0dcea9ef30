import * as l10n from '@vscode/l10n';
import { QuickPickItemKind, window, type QuickPickItem } from 'vscode';
import { layerLabel } from '../analysis/labels.ts';
import { TINTS, type Tint } from '../protocol/webview.ts';
import type { Lens } from './lens.ts';
import type { Sessions } from './sessions.ts';
import { hottestText, TINT_LABELS } from './statusText.ts';

interface LensItem extends QuickPickItem {
  readonly tint?: Tint;
  readonly layer?: number;
}

/** Lets the user choose what the tint shows, and of which layer. */
export async function pickLens(lens: Lens, sessions: Sessions): Promise<void> {
  const item = await window.showQuickPick([...tintItems(lens), ...layerItems(lens, sessions)], {
    title: l10n.t`What the tint shows`,
    placeHolder: l10n.t`Choose a tint or a layer`,
    matchOnDescription: true,
  });
  if (item?.tint !== undefined) await lens.chooseTint(item.tint);
  if (item?.layer !== undefined) await lens.chooseLayer(item.layer);
}

function tintItems(lens: Lens): LensItem[] {
  const items = TINTS.map((tint) => ({
    tint,
    label: marked(TINT_LABELS[tint].label, tint === lens.tint),
    description: TINT_LABELS[tint].description,
  }));
  return [{ label: l10n.t`Tint`, kind: QuickPickItemKind.Separator }, ...items];
}

function layerItems(lens: Lens, sessions: Sessions): LensItem[] {
  const routed = sessions.current?.routed;
  if (!routed) return [];
  const { layers } = routed.trace;
  const chosen = lens.layerOf(layers);
  const items = layers.map((layer, position) => {
    const hottest = hottestText(routed.loads.upTo(position, routed.trace.routed));
    return {
      layer: position,
      label: marked(layerLabel(layer), position === chosen),
      description: hottest ? l10n.t`hottest ${hottest}` : '',
    };
  });
  return [{ label: l10n.t`Layer`, kind: QuickPickItemKind.Separator }, ...items];
}

function marked(label: string, chosen: boolean): string {
  return `${chosen ? '$(check)' : '$(blank)'} ${label}`;
}

/** A model's layers in a row, MoE and dense told apart, and in words what stands where. */
import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { layerRanges } from '../../extension/analysis/layerRanges.ts';
import { listed } from '../../extension/analysis/lists.ts';
import type { Inspection, LayerKind } from '../../extension/protocol/model.ts';

const NETWORKS = { moe: 'MoE', dense: l10n.t`dense`, none: l10n.t`no network` } as const;

export function layerStrip({ layers }: Inspection): TemplateResult {
  const stacks = [...new Set(layers.map(({ stack }) => stack))];
  return html`${stacks.map((stack) => {
    const own = layers.filter((layer) => layer.stack === stack);
    return html`${stack === undefined ? '' : html`<h3>${stack === 'encoder' ? l10n.t`Encoder` : l10n.t`Decoder`}</h3>`}
      <div class="strip" aria-hidden="true" .style=${`gap: ${gapOf(own.length)}px`}>
        ${own.map((layer, i) => html`<span class=${networkOf(layer)} title=${l10n.t`Layer ${i}: ${describe(layer)}`}></span>`)}
      </div>
      <ul class="kinds">
        ${groups(own, networkOf).map(
          ([network, at]) =>
            html`<li>
              <span class="strip key"><span class=${network}></span></span>${NETWORKS[network]} ${where(at, own)}
            </li>`,
        )}
        ${groups(own, ({ mixer }) => mixer ?? '').map(([mixer, at]) =>
          mixer === '' ? '' : html`<li>${capital(mixer)} ${where(at, own)}</li>`,
        )}
      </ul>`;
  })}`;
}

/** In pixels: in the narrowest view so many layers leave no more between them. */
function gapOf(layers: number): number {
  if (layers > 120) return 0;
  return layers > 40 ? 1 : 2;
}

function networkOf({ network }: LayerKind): keyof typeof NETWORKS {
  return network ?? 'none';
}

function describe(layer: LayerKind): string {
  return listed([...(layer.mixer === undefined ? [] : [layer.mixer]), NETWORKS[networkOf(layer)]]);
}

/** Indices of layers by what they have in common, in the order of the first of each. */
function groups<K extends string>(
  layers: readonly LayerKind[],
  keyOf: (layer: LayerKind) => K,
): readonly (readonly [K, readonly number[]])[] {
  const found = new Map<K, number[]>();
  layers.forEach((layer, i) => {
    const key = keyOf(layer);
    found.set(key, [...(found.get(key) ?? []), i]);
  });
  return [...found];
}

function where(at: readonly number[], all: readonly LayerKind[]): TemplateResult {
  return html`<span class="dim"
    >${at.length === all.length ? l10n.t`in all layers` : l10n.t`in ${layerRanges(at)}`}</span
  >`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

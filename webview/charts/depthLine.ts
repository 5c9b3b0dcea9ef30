/** Mean router entropy from the first MoE layer to the last, under the dashed line of no preference (ln E). */
import * as l10n from '@vscode/l10n';
import { html, nothing, svg, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { layerLabel } from '../../extension/analysis/labels.ts';
import type { LayerLoad } from '../../extension/protocol/webview.ts';
import { fixed } from '../../extension/analysis/numbers.ts';

const HEIGHT = 76;
const TOP = 16;
const BOTTOM = 60;
/** Up to this many layers each point carries its number. */
const MAX_NUMBERS = 12;
/** With more layers than this, dots would run into each other. */
const MAX_DOTS = 32;
/** The drawing's own units across; its texts are HTML so that they keep their size. */
const WIDTH = 1000;

export function depthLine(
  layers: readonly LayerLoad[],
  chosen: number,
  chooseLayer: (layer: number) => void,
): TemplateResult {
  const max = Math.max(...layers.map((layer) => Math.log(layer.experts)), Number.EPSILON);
  const x = (i: number): number => (WIDTH * (i + 0.5)) / layers.length;
  const y = (entropy: number): number => BOTTOM - ((BOTTOM - TOP) * entropy) / max;
  const known = layers.map((layer, i) => ({ layer, i })).filter(({ layer }) => !Number.isNaN(layer.meanEntropy));
  if (known.length === 0 && layers.some(({ counts }) => counts.some((slots) => slots > 0))) {
    return html`<p class="dim">${l10n.t`Unknown: the routing came without entropy.`}</p>`;
  }
  const labelled = new Set(labelledLayers(layers, chosen));
  const entry = known.find(({ i }) => i === chosen) ?? known[0];
  const point = ({ layer, i }: { layer: LayerLoad; i: number }): TemplateResult => {
    const classes = {
      point: true,
      chosen: i === chosen,
      dense: layers.length > MAX_DOTS,
      labelled: labelled.has(i),
      spare: isSpare(i, layers.length, chosen),
    };
    return html`<span
      class=${classMap(classes)}
      .style=${`left: ${x(i) / (WIDTH / 100)}%; top: ${y(layer.meanEntropy)}px`}
      role="option"
      aria-selected=${i === chosen}
      tabindex=${i === entry?.i ? 0 : -1}
      data-layer=${i}
    >
      <span class="screen-reader">${l10n.t`${layerLabel(layer)}: ${fixed(layer.meanEntropy, 3)} nats`}</span>
      <i></i><b aria-hidden="true">${fixed(layer.meanEntropy, 2)}</b><em aria-hidden="true">${layerLabel(layer)}</em>
    </span>`;
  };
  return html`<div class="depth">
    <svg
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      height=${HEIGHT}
      preserveAspectRatio="none"
      role="img"
      aria-label=${describeDepth(layers)}
    >
      ${svg`<line class="yardstick" x1="0" x2=${WIDTH} y1=${y(max)} y2=${y(max)} />`}
      ${svg`<polyline points=${known.map(({ layer, i }) => `${x(i)},${y(layer.meanEntropy)}`).join(' ')} />`}
    </svg>
    <span class="yardstick-label">${l10n.t`ln E = ${fixed(max, 2)}, no preference`}</span>
    ${
      known.length === 0
        ? nothing
        : html`<div
            role="listbox"
            aria-label=${l10n.t`Mean router entropy by layer`}
            aria-orientation="horizontal"
            @click=${({ target }: Event) => {
              choosePoint(target as Element, chooseLayer);
            }}
            @keydown=${(event: KeyboardEvent) => {
              pressed(event, chooseLayer);
            }}
          >
            ${known.map(point)}
          </div>`
    }
  </div>`;
}

function choosePoint(target: Element, chooseLayer: (layer: number) => void): void {
  const point = target.closest<HTMLElement>('[data-layer]');
  if (point) chooseLayer(Number(point.dataset['layer']));
}

/** Arrow keys go from point to point, Enter chooses the layer. */
function pressed(event: KeyboardEvent, chooseLayer: (layer: number) => void): void {
  const list = event.currentTarget as Element;
  const point = event.target as Element;
  switch (event.key) {
    case 'ArrowLeft':
    case 'ArrowUp':
      focus(point.previousElementSibling);
      break;
    case 'ArrowRight':
    case 'ArrowDown':
      focus(point.nextElementSibling);
      break;
    case 'Home':
      focus(list.firstElementChild);
      break;
    case 'End':
      focus(list.lastElementChild);
      break;
    case 'Enter':
    case ' ':
      choosePoint(point, chooseLayer);
      break;
    default:
      return;
  }
  event.preventDefault();
}

function focus(element: Element | null): void {
  (element as HTMLElement | null)?.focus();
}

/** All when they fit; otherwise first, last and the chosen one, unless it would touch those. */
function labelledLayers(layers: readonly LayerLoad[], chosen: number): number[] {
  const last = layers.length - 1;
  if (layers.length <= MAX_NUMBERS) return layers.map((_, i) => i);
  const room = layers.length / MAX_NUMBERS;
  return [0, last, ...(chosen > room && chosen < last - room ? [chosen] : [])];
}

/** Whether there is no room for its label in the narrowest views: beside the first's, the last's and the chosen one's. */
function isSpare(i: number, layers: number, chosen: number): boolean {
  const last = layers - 1;
  if (i === 0 || i === last) return false;
  return i !== chosen || Math.min(i, last - i) < layers / 4;
}

export function describeDepth(layers: readonly LayerLoad[]): string {
  const known = layers.filter((layer) => !Number.isNaN(layer.meanEntropy));
  if (known.length === 0) return l10n.t`Mean router entropy by layer: nothing routed yet.`;
  const by = (sign: number): LayerLoad =>
    known.reduce((best, layer) => (sign * layer.meanEntropy > sign * best.meanEntropy ? layer : best));
  const named = (layer: LayerLoad): string => l10n.t`${fixed(layer.meanEntropy, 2)} nats at ${layerLabel(layer)}`;
  return l10n.t`Mean router entropy by layer, lowest ${named(by(-1))}, highest ${named(by(1))}.`;
}

/** Choosing the layer and what the tint means. */
import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { layerLabel } from '../../extension/analysis/labels.ts';
import { TINTS, type Tint } from '../../extension/protocol/webview.ts';
import type { LayerShape } from '../../extension/protocol/trace.ts';
import { labelledDropdown } from './dropdown.ts';

/** More layers than this do not fit as chips at the width of a side panel. */
const MAX_CHIPS = 8;

export const TINT_NAMES: Record<Tint, string> = {
  expert: l10n.t`Top expert`,
  entropy: l10n.t`Entropy`,
  margin: l10n.t`Margin`,
  load: l10n.t`Load`,
  surprise: l10n.t`Surprise`,
  dropped: l10n.t`Dropped`,
};

export function tintChoice(chosen: Tint, choose: (tint: Tint) => void): TemplateResult {
  return labelledDropdown(
    'choice',
    l10n.t`Tint`,
    TINTS.map((tint) => ({ value: tint, label: TINT_NAMES[tint] })),
    chosen,
    (value) => {
      choose(value as Tint);
    },
  );
}

export function layerChoice(
  layers: readonly LayerShape[],
  chosen: number,
  choose: (layer: number) => void,
): TemplateResult {
  if (layers.length > MAX_CHIPS) {
    const options = layers.map((layer, i) => ({ value: String(i), label: layerLabel(layer) }));
    return labelledDropdown('choice', l10n.t`Layer`, options, String(chosen), (value) => {
      choose(Number(value));
    });
  }
  const pressed = (event: KeyboardEvent): void => {
    const chips = [...(event.currentTarget as HTMLElement).querySelectorAll('button')];
    const { length } = chips;
    // From the one that has the focus: what is chosen comes back from the host later than keys may follow each other.
    const at = chips.indexOf(event.target as HTMLButtonElement);
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      Home: 0,
      End: length - 1,
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const next = (move + length) % length;
    chips[next]!.focus();
    choose(next);
  };
  return html`<div class="chips" role="radiogroup" aria-label=${l10n.t`Layer`} @keydown=${pressed}>
    ${layers.map(
      (layer, i) =>
        html`<button
          role="radio"
          aria-checked=${i === chosen}
          tabindex=${i === chosen ? 0 : -1}
          title=${l10n.t`Layer ${layer.layer}`}
          @click=${() => {
            choose(i);
          }}
        >
          ${layerLabel(layer)}
        </button>`,
    )}
  </div>`;
}

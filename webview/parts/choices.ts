/** Choosing the layer and what the tint means. */
import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { layerLabel } from '../../extension/analysis/labels.ts';
import { TINTS, type Tint } from '../../extension/protocol/webview.ts';
import type { LayerShape } from '../../extension/protocol/trace.ts';

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
  return dropdown(
    l10n.t`Tint`,
    TINTS.map((tint) => ({ value: tint, text: TINT_NAMES[tint] })),
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
    const options = layers.map((layer, i) => ({ value: String(i), text: layerLabel(layer) }));
    return dropdown(l10n.t`Layer`, options, String(chosen), (value) => {
      choose(Number(value));
    });
  }
  const pressed = (event: KeyboardEvent): void => {
    const { length } = layers;
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: chosen - 1,
      ArrowUp: chosen - 1,
      ArrowRight: chosen + 1,
      ArrowDown: chosen + 1,
      Home: 0,
      End: length - 1,
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const next = (move + length) % length;
    (event.currentTarget as HTMLElement).querySelectorAll('button')[next]!.focus();
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

interface Option {
  readonly value: string;
  readonly text: string;
}

function dropdown(
  label: string,
  options: readonly Option[],
  chosen: string,
  choose: (value: string) => void,
): TemplateResult {
  // The toolkit takes the value only once it has its options: the first time the attribute `selected` says it.
  return html`<label class="choice">
    <span aria-hidden="true">${label}</span>
    <vscode-dropdown
      aria-label=${label}
      .value=${chosen}
      @change=${(event: Event) => {
        choose((event.target as HTMLSelectElement).value);
      }}
    >
      ${options.map(
        (o) => html`<vscode-option value=${o.value} ?selected=${o.value === chosen}>${o.text}</vscode-option>`,
      )}
    </vscode-dropdown>
  </label>`;
}

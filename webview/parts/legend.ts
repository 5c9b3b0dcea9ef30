/** What the colours of the current tint mean, in one line; magnitudes with the scale they are drawn on. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { layerLabel } from '../../extension/analysis/labels.ts';
import { magnitudeColor, type ThemeKind } from '../../extension/analysis/palette.ts';
import { isVocabularyKnown, tintMax, type MagnitudeTint } from '../../extension/analysis/tint.ts';
import type { LayerShape, ModelInfo } from '../../extension/protocol/trace.ts';
import type { Tint } from '../../extension/protocol/webview.ts';
import { fixed } from '../../extension/analysis/numbers.ts';
import { TINT_NAMES } from './choices.ts';
import { helpButton, type HelpState } from './helpButton.ts';

export function legend(
  tint: Tint,
  layer: LayerShape,
  model: ModelInfo,
  kind: ThemeKind,
  helped: HelpState,
): TemplateResult {
  const where = layerLabel(layer);
  if (tint === 'expert') {
    return html`<p class="legend">${l10n.t`The colour is the token’s top expert at ${where}.`}</p>`;
  }
  if (model.weightless && (tint === 'entropy' || tint === 'margin')) {
    return html`<p class="legend">
      ${l10n.t`Unknown: the routing came without entropy and margin, so nothing is tinted.`}
    </p>`;
  }
  const { least, most } = ends(tint, layer, model);
  return html`<div class="legend">
    <span>${least}</span>
    <span class="ramp" .style=${`background: ${ramp(kind)}`} aria-hidden="true"></span>
    <span>${most}</span>
    ${helpButton('legend', TINT_NAMES[tint], helped)}
    ${helped.isOpen('legend') ? html`<p class="help" id="help-legend">${definition(tint, where)}</p>` : nothing}
  </div>`;
}

/** A CSS gradient through the magnitude colours. */
export function ramp(kind: ThemeKind): string {
  return `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((x) => magnitudeColor(x, kind)).join(', ')})`;
}

function ends(tint: MagnitudeTint, layer: LayerShape, model: ModelInfo): { least: string; most: string } {
  const max = tintMax(tint, layer, model.vocabulary);
  switch (tint) {
    case 'entropy':
      return { least: l10n.t`0 decided`, most: l10n.t`${fixed(max, 2)} nats, no preference` };
    case 'margin':
      return { least: l10n.t`0 a toss-up`, most: l10n.t`${fixed(max, 2)} clear` };
    case 'load':
      return { least: l10n.t`0 idle`, most: l10n.t`${max}× even or more` };
    case 'surprise':
      return {
        least: l10n.t`0 expected`,
        most: isVocabularyKnown(model.vocabulary)
          ? l10n.t`${fixed(max, 1)} nats, a blind guess`
          : l10n.t`${fixed(max, 1)} nats or more`,
      };
    case 'dropped':
      return { least: l10n.t`0 kept`, most: l10n.t`all slots dropped` };
  }
}

/** One sentence with the formula. */
export function definition(tint: MagnitudeTint, where: string): string {
  switch (tint) {
    case 'entropy':
      return l10n.t`Entropy of the router’s distribution over all experts at ${where}: −Σ p ln p, in nats.`;
    case 'margin':
      return l10n.t`Selection score of the last chosen expert minus that of the first not chosen at ${where}; in most routers the score is the probability.`;
    case 'load':
      return l10n.t`Mean load of the token’s experts at ${where}, as a multiple of the even share 1/E.`;
    case 'surprise':
      return l10n.t`Surprise of the token given those before it: −ln p, in nats.`;
    case 'dropped':
      return l10n.t`Share of the token’s slots at ${where} that the capacity limit of the Load Report drops: counted, not measured.`;
  }
}

/** What the model wrote on from the cursor: each token with its latency and experts, and which experts all of them touched. */
import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { layerLabel, tokenCount } from '../../extension/analysis/labels.ts';
import { fixed } from '../../extension/analysis/numbers.ts';
import { visibleText } from '../../extension/analysis/tokenText.ts';
import type { WrittenText } from '../../extension/protocol/webview.ts';
import type { Colors } from '../theme.ts';

/** @param chosen position of the layer that is shown among the MoE layers */
export function writtenTokens({ tokens, moeLayers }: WrittenText, chosen: number, colors: Colors): TemplateResult {
  const at = Math.min(chosen, moeLayers.length - 1);
  const layer = moeLayers[at];
  if (!layer || tokens.length === 0) return html`<p class="dim">${l10n.t`No token yet`}</p>`;
  const touched = (position: number): number =>
    new Set(tokens.flatMap((token) => token.layers[position]?.experts ?? [])).size;
  const all = moeLayers.reduce((sum, { experts }) => sum + experts, 0);
  const touchedInAll = moeLayers.reduce((sum, _, position) => sum + touched(position), 0);
  return html`
    <p class="dim">
      ${l10n.t`Experts touched: ${touched(at)} of ${layer.experts} at ${layerLabel(layer)}, ${touchedInAll} of ${all} in all`}
    </p>
    <ol class="written" tabindex="0" aria-label=${l10n.t`Tokens that the model wrote, at ${layerLabel(layer)}`}>
      ${tokens.map(
        ({ text, milliseconds, logProb, layers }) => html`
          <li>
            <code title=${visibleText(text)}>${text === '' ? '…' : visibleText(text)}</code>
            <span class="number" title=${l10n.t`Surprise ${fixed(-logProb, 2)} nats`}
              >${fixed(milliseconds, 1)} ms</span
            >
            <span class="experts">
              ${layers[at]?.experts.map(
                (expert, i) =>
                  html`<span class="expert"
                    ><span class="swatch" .style=${`background: ${colors.expert(expert).fill}`}></span>E${expert}
                    <span class="dim">${fixed(layers[at]!.weights[i]!, 2)}</span></span
                  >`,
              )}
            </span>
          </li>
        `,
      )}
    </ol>
  `;
}

/** `12 tokens · 7.9 ms each`; how fast it goes is told by the median, which the first token does not spoil. */
export function writtenSummary({ tokens, done }: WrittenText): string {
  if (tokens.length === 0) return l10n.t`writing`;
  const sorted = tokens.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const many = tokenCount(tokens.length);
  const speed = fixed(sorted[sorted.length >> 1]!, 1);
  return done ? l10n.t`${many} · ${speed} ms each` : l10n.t`${many} · ${speed} ms each · writing`;
}

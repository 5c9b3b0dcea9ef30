/** The cell that is pointed at or has the focus, in full; its experts can be highlighted from here. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { layerLabel } from '../../extension/analysis/labels.ts';
import { meanLoadRatio } from '../../extension/analysis/tint.ts';
import { NO_EXPERT, type ExpertRef, type LayerShape } from '../../extension/protocol/trace.ts';
import { count, fixed, times } from '../../extension/analysis/numbers.ts';
import { sameExpert, type Highlighter } from '../highlight.ts';
import { visibleText } from '../../extension/analysis/tokenText.ts';
import type { Colors } from '../theme.ts';
import { cellOf, isWeighed, type Cell, type Choice } from './cells.ts';
import type { Row } from './rowCache.ts';
import type { CellPosition } from './painter.ts';

export interface DetailsModel {
  readonly at: CellPosition | undefined;
  readonly row: Row | undefined;
  readonly shape: LayerShape | undefined;
  /** Load over the even share at the cell's layer; undefined while unknown. */
  readonly ratios: Float64Array | undefined;
  readonly highlight: ExpertRef | undefined;
  readonly colors: Colors;
}

export function details(model: DetailsModel, highlighter: Highlighter): TemplateResult {
  const { at, row, shape } = model;
  if (!at || !shape)
    return html`<footer class="details dim">
      <p>${l10n.t`Point at a cell, or move to one with the keyboard.`}</p>
    </footer>`;
  const token = count(at.token);
  const cell = row && cellOf(row, at.layer);
  if (!cell) return html`<footer class="details dim"><p>${l10n.t`token ${token} · not routed yet`}</p></footer>`;
  const load = model.ratios
    ? meanLoadRatio(
        Uint16Array.from(cell.choices, (choice) => choice.expert),
        0,
        cell.choices.length,
        model.ratios,
      )
    : NaN;
  const nats = -row.rows.logProb[row.at]!;
  const surprise = Number.isNaN(nats) ? '–' : l10n.t`${fixed(nats, 2)} nats`;
  return html`<footer class="details">
    <p>
      <code>${visibleText(row.rows.text[row.at]!)}</code>
      <span class="dim">${l10n.t`token ${token} · id ${row.rows.ids[row.at]!} · surprise ${surprise}`}</span>
    </p>
    <p>
      <b>${layerLabel(shape)}</b>
      <span class="dim"
        >${l10n.t`entropy ${fixed(cell.entropy, 2)} · margin ${fixed(cell.margin, 2)} · load ${times(load)} even`}</span
      >
    </p>
    <div class="choices-of-cell">
      ${
        isWithoutData(cell)
          ? html`<span class="dim" title=${l10n.t`The source of the routing has none of this token here`}
              >${l10n.t`no data`}</span
            >`
          : cell.choices.map((choice) => expertButton(choice, at.layer, model, highlighter))
      }
      ${isWeighed(cell) ? nothing : html`<span class="dim">${l10n.t`weights unknown`}</span>`}
    </div>
  </footer>`;
}

/** Nothing is known of the cell, which is not the same as slots that a limit dropped. */
function isWithoutData({ choices, entropy }: Cell): boolean {
  return Number.isNaN(entropy) && choices.every(({ expert }) => expert === NO_EXPERT);
}

function expertButton(
  { expert, weight }: Choice,
  layer: number,
  { highlight, colors }: DetailsModel,
  highlighter: Highlighter,
): TemplateResult {
  if (expert === NO_EXPERT)
    return html`<span class="dim" title=${l10n.t`A capacity limit dropped this slot`}>${l10n.t`dropped`}</span>`;
  const known = !Number.isNaN(weight);
  const ref = { layer, expert };
  const enter = (): void => {
    highlighter.point(ref);
  };
  const leave = (): void => {
    highlighter.point(undefined);
  };
  return html`<button
    aria-pressed=${sameExpert(highlight, ref)}
    title=${l10n.t`Highlight the tokens of expert ${expert}`}
    @click=${() => {
      highlighter.toggle(ref);
    }}
    @pointerenter=${enter}
    @pointerleave=${leave}
    @focus=${enter}
    @blur=${leave}
  >
    <span
      class="weight"
      .style=${`width: ${known ? Math.min(80, Math.max(2, 80 * weight)) : 8}px; background: ${colors.expert(expert).fill}`}
    ></span
    >E${expert} ${known ? html`<span class="dim">${fixed(weight, 2)}</span>` : nothing}
  </button>`;
}

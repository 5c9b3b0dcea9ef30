/** A figure: its title and how its numbers came to be, what it means on demand, the chart, the table, its files. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { BASIS_NAMES, BASIS_TEXT } from '../../extension/analysis/basis.ts';
import type { Figure, Place } from '../../extension/protocol/report.ts';
import type { ExpertRef } from '../../extension/protocol/trace.ts';
import type { ExpertActions } from '../parts/lightElement.ts';
import './chart.ts';
import { action } from './controls.ts';
import { FILE_KINDS, type FileKind } from './files.ts';
import { helpText } from './help.ts';
import './table.ts';

/** Parts of a figure that open on demand. */
export type Part = 'help' | 'table' | 'save';

export interface FigureActions {
  readonly open: (figure: string, part: Part, open: boolean) => void;
  readonly save: (figure: Figure, kind: FileKind) => void;
  readonly copy: (figure: Figure) => void;
  readonly act: (action: string) => void;
  readonly goTo: (place: Place) => void;
  readonly experts: ExpertActions;
}

export interface FigureModel {
  readonly figure: Figure;
  readonly highlight: ExpertRef | undefined;
  /** Whether experts lead to their tokens. */
  readonly leads: boolean;
  readonly isOpen: (part: Part) => boolean;
  /** What became of saving or copying it, for a moment. */
  readonly done: string | undefined;
}

export function figureView(
  { figure, highlight, leads, isOpen, done }: FigureModel,
  actions: FigureActions,
): TemplateResult {
  const { id, title, basis, help, chart, table } = figure;
  const part = (name: Part, icon: string, label: string): TemplateResult =>
    html`<button
      class="icon"
      aria-expanded=${isOpen(name)}
      aria-controls=${isOpen(name) ? `${id}-${name}` : nothing}
      aria-label=${l10n.t`${label}: ${title}`}
      title=${label}
      @click=${() => {
        actions.open(id, name, !isOpen(name));
      }}
    >
      <span class="codicon codicon-${icon}" aria-hidden="true"></span>
    </button>`;
  return html`<article class=${classMap({ wide: isWide(figure) })} aria-labelledby="${id}-title">
    <header>
      <h3>
        <span id="${id}-title">${title}</span>
        <span class="basis" title=${BASIS_TEXT[basis]}>${BASIS_NAMES[basis]}</span>
      </h3>
      <span class="tools">
        ${part('help', 'question', l10n.t`What it means`)} ${chart ? part('table', 'table', l10n.t`Table`) : nothing}
        ${part('save', 'save', l10n.t`Copy or save`)}
      </span>
    </header>
    ${isOpen('help') ? html`<div class="help" id="${id}-help">${helpText(help, basis)}</div>` : nothing}
    ${isOpen('save') ? saveRow(figure, done, actions) : nothing}
    ${
      chart
        ? html`<moe-chart
            .figure=${figure}
            .highlight=${highlight}
            .leads=${leads}
            .actions=${actions.experts}
          ></moe-chart>`
        : nothing
    }
    ${
      !chart || isOpen('table')
        ? html`<moe-table
            id="${id}-table"
            .label=${title}
            .table=${table}
            .leads=${leads}
            .actions=${actions.experts}
            .goTo=${actions.goTo}
          ></moe-table>`
        : nothing
    }
    ${
      figure.actions && figure.actions.length > 0
        ? html`<p class="figure-actions">${figure.actions.map((one) => action(one, actions))}</p>`
        : nothing
    }
  </article>`;
}

function saveRow(figure: Figure, done: string | undefined, actions: FigureActions): TemplateResult {
  const kinds = FILE_KINDS.filter((kind) => figure.chart || kind === 'csv' || kind === 'json');
  return html`<div class="save" id="${figure.id}-save">
    <button
      class="link"
      @click=${() => {
        actions.copy(figure);
      }}
    >
      ${l10n.t`Copy table`}
    </button>
    <span class="dim">${l10n.t`Save as`}</span>
    ${kinds.map(
      (kind) =>
        html`<button
          class="link"
          @click=${() => {
            actions.save(figure, kind);
          }}
        >
          ${kind.toUpperCase()}
        </button>`,
    )}
    <span class="dim" role="status">${done ?? ''}</span>
  </div>`;
}

/** Figures that half a page is too narrow for. */
function isWide({ chart, table }: Figure): boolean {
  if (chart?.kind === 'heat') return chart.columns.names.length > 24;
  if (chart?.kind === 'bars') return chart.labels.length > 40;
  if (chart) return false;
  // A word or a place in a text takes as much as three numbers.
  return table.columns.reduce((numbers, { unit }) => numbers + (unit === 'text' ? 3 : 1), 0) > 6;
}

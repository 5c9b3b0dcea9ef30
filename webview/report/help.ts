/** What stands behind the "?" of a figure. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { BASIS_TEXT } from '../../extension/analysis/basis.ts';
import type { Basis, Help } from '../../extension/protocol/report.ts';

export function helpText({ meaning, formula, source, judge }: Help, basis?: Basis): TemplateResult {
  return html`<p>${meaning}</p>
    ${formula === undefined ? nothing : html`<p class="formula">${formula}</p>`}
    ${judge === undefined ? nothing : html`<p>${judge}</p>`}
    ${
      source === undefined && basis === undefined
        ? nothing
        : html`<p class="dim">
            ${basis === undefined ? nothing : BASIS_TEXT[basis]}
            ${source === undefined ? nothing : l10n.t`Source: ${source}`}
          </p>`
    }`;
}

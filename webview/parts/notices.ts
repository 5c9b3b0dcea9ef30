/** What stands above the figures: work under way, results that are out of date or partial, or what this is at all. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import type { ViewCommand, ViewState } from '../../extension/protocol/webview.ts';
import { count } from '../../extension/analysis/numbers.ts';

type Run = (command: ViewCommand) => void;

export function notices(state: ViewState, run: Run): TemplateResult {
  const stale = state.staleFrom < state.tokens && !state.running && !state.following;
  return html`
    ${state.running ? progress(state.running, run) : nothing}
    ${
      stale
        ? notice(
            'warning',
            state.staleFrom === 0
              ? l10n.t`Stale: the text has changed.`
              : l10n.t`Stale from token ${count(state.staleFrom)} on.`,
            html`<vscode-button
              appearance="secondary"
              @click=${() => {
                run('analyzeAgain');
              }}
              >${l10n.t`Analyze Again`}</vscode-button
            >`,
          )
        : nothing
    }
    ${state.partial !== undefined ? notice('info', state.partial, nothing) : nothing}
  `;
}

function notice(icon: string, sentence: string, action: TemplateResult | typeof nothing): TemplateResult {
  return html`<div class="notice" role="status">
    <span class="codicon codicon-${icon}" aria-hidden="true"></span>
    <span class="sentence">${sentence}</span>${action}
  </div>`;
}

function progress(running: NonNullable<ViewState['running']>, run: Run): TemplateResult {
  const { label, fraction } = running;
  const known = fraction !== undefined;
  return html`<div class="notice running">
    <div
      class="progress ${known ? '' : 'unknown'}"
      role="progressbar"
      aria-label=${label}
      aria-valuenow=${known ? Math.round(100 * fraction) : nothing}
    >
      <div .style=${known ? `width: ${100 * fraction}%` : ''}></div>
    </div>
    <span class="sentence" role="status">${label}</span>
    ${known ? html`<span class="number">${Math.round(100 * fraction)}${'\u202f'}%</span>` : nothing}
    <vscode-button
      appearance="secondary"
      @click=${() => {
        run('cancel');
      }}
      >${l10n.t`Cancel`}</vscode-button
    >
  </div>`;
}

export function empty(run: Run): TemplateResult {
  return html`<section class="empty">
    <p>
      ${l10n.t`In a mixture-of-experts model a router in each layer sends every token to a few experts, the small networks that suit it best.`}
    </p>
    <p>${l10n.t`MoEScope runs such a model on this machine and shows where each token of your text goes.`}</p>
    <div class="actions">
      <vscode-button
        @click=${() => {
          run('analyze');
        }}
        >${l10n.t`Analyze Routing`}</vscode-button
      >
      <vscode-button
        appearance="secondary"
        @click=${() => {
          run('openSample');
        }}
        >${l10n.t`Open Sample`}</vscode-button
      >
    </div>
  </section>`;
}

import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';

/** Which explanations are open, by the figures' ids. */
export interface HelpState {
  readonly isOpen: (id: string) => boolean;
  readonly open: (id: string, open: boolean) => void;
}

/** The "?" of a figure, whose explanation stands in the element `help-ID` while it is open. */
export function helpButton(id: string, title: string, { isOpen, open }: HelpState): TemplateResult {
  return html`<button
    class="ask"
    aria-expanded=${isOpen(id)}
    aria-label=${l10n.t`What it means: ${title}`}
    title=${l10n.t`What it means`}
    @click=${() => {
      open(id, !isOpen(id));
    }}
  >
    <span class="codicon codicon-question" aria-hidden="true"></span>
  </button>`;
}

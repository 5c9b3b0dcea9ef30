/** A list to choose from: the toolkit's, and Escape leaves it as it was, as it does other lists. */
import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

export interface Option {
  readonly value: string;
  readonly label: string;
}

export function dropdown(
  label: string,
  options: readonly Option[],
  chosen: string,
  choose: (value: string) => void,
): TemplateResult {
  const leave = {
    // Before the toolkit, which takes what was gone to for chosen.
    capture: true,
    handleEvent(event: KeyboardEvent): void {
      if (event.key === 'Escape') (event.currentTarget as HTMLSelectElement).value = chosen;
    },
  };
  // The toolkit takes the value only once it has its options: the first time the attribute `selected` says it. It fires
  // `change` for what is set from here, too.
  return html`<vscode-dropdown
    aria-label=${label}
    .value=${chosen}
    @keydown=${leave}
    @change=${(event: Event) => {
      const { value } = event.target as HTMLSelectElement;
      if (value !== chosen) choose(value);
    }}
  >
    ${repeat(
      options,
      ({ value }) => value,
      (o) => html`<vscode-option value=${o.value} ?selected=${o.value === chosen}>${o.label}</vscode-option>`,
    )}
  </vscode-dropdown>`;
}

/** One with its label before it. */
export function labelledDropdown(classes: string, ...of: Parameters<typeof dropdown>): TemplateResult {
  return html`<label class=${classes}><span aria-hidden="true">${of[0]}</span> ${dropdown(...of)}</label>`;
}

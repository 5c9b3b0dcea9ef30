/** What a user sets of a section, in one row. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { written } from '../../extension/analysis/numbers.ts';
import type { Action, Choice, Control, NumberBox, Slider, Toggle } from '../../extension/protocol/report.ts';
import { labelledDropdown } from '../parts/dropdown.ts';

export interface ControlActions {
  readonly set: (control: string, value: string | number | boolean) => void;
  readonly act: (action: string) => void;
}

export function controlRow(controls: readonly Control[], actions: ControlActions): TemplateResult | typeof nothing {
  if (controls.length === 0) return nothing;
  return html`<div class="controls">${controls.map((control) => controlOf(control, actions))}</div>`;
}

function controlOf(control: Control, actions: ControlActions): TemplateResult {
  switch (control.kind) {
    case 'slider':
      return slider(control, actions);
    case 'number':
      return numberBox(control, actions);
    case 'choice':
      return choice(control, actions);
    case 'toggle':
      return toggle(control, actions);
    case 'action':
      return action(control, actions);
  }
}

function slider({ id, label, min, max, step, value, unit, band }: Slider, { set }: ControlActions): TemplateResult {
  const place = (at: number): string => `${(100 * Math.min(1, Math.max(0, (at - min) / (max - min)))).toFixed(2)}%`;
  const text = written(value, unit);
  const style = `--at: ${place(value)}; --from: ${place(band?.from ?? min)}; --to: ${place(band?.to ?? min)}`;
  return html`<label class="control slider" title=${band ? l10n.t`Marked: ${band.label}` : nothing}>
    <span>${label}</span>
    <input
      type="range"
      min=${min}
      max=${max}
      step=${step}
      .value=${String(value)}
      .style=${style}
      aria-valuetext=${band && value >= band.from && value <= band.to ? l10n.t`${text}, ${band.label}` : text}
      @input=${(event: Event) => {
        set(id, (event.target as HTMLInputElement).valueAsNumber);
      }}
    />
    <output>${text}</output>
  </label>`;
}

function numberBox({ id, label, min, max, value, unit }: NumberBox, { set }: ControlActions): TemplateResult {
  return html`<label class="control">
    <span>${label}</span>
    <input
      type="number"
      min=${min}
      max=${max}
      step="any"
      .value=${String(value)}
      @change=${(event: Event) => {
        const input = event.target as HTMLInputElement;
        const wanted = input.valueAsNumber;
        // What is out of bounds goes to the nearest end; what is no number, back to what it was.
        const taken = Number.isNaN(wanted) ? value : Math.min(max, Math.max(min, wanted));
        input.value = String(taken);
        set(id, taken);
      }}
    />
    ${unit === undefined ? nothing : html`<span class="dim">${unit}</span>`}
  </label>`;
}

function choice({ id, label, options, value }: Choice, { set }: ControlActions): TemplateResult {
  return labelledDropdown('control', label, options, value, (chosen) => {
    set(id, chosen);
  });
}

function toggle({ id, label, value }: Toggle, { set }: ControlActions): TemplateResult {
  // The toolkit fires `change` for what is set from here, too: the listener must know the value before it is set.
  return html`<vscode-checkbox
    @change=${(event: Event) => {
      const { checked } = event.target as HTMLInputElement;
      if (checked !== value) set(id, checked);
    }}
    .checked=${value}
    >${label}</vscode-checkbox
  >`;
}

export function action({ id, label, primary }: Action, { act }: Pick<ControlActions, 'act'>): TemplateResult {
  return html`<vscode-button
    appearance=${primary === true ? 'primary' : 'secondary'}
    @click=${() => {
      act(id);
    }}
    >${label}</vscode-button
  >`;
}

import * as l10n from '@vscode/l10n';
import type { Control } from '../../protocol/report.ts';
import { written } from '../numbers.ts';

/** What a control is set to, as files and terminals say it; actions are nothing there. */
export function settingText(control: Control): string[] {
  switch (control.kind) {
    case 'slider':
      return [`${control.label} ${written(control.value, control.unit)}`];
    case 'number':
      return [`${control.label} ${control.value}${control.unit === undefined ? '' : ` ${control.unit}`}`];
    case 'choice':
      return [
        `${control.label}: ${control.options.find(({ value }) => value === control.value)?.label ?? control.value}`,
      ];
    case 'toggle':
      return [`${control.label}: ${control.value ? l10n.t`yes` : l10n.t`no`}`];
    case 'action':
      return [];
  }
}

import * as l10n from '@vscode/l10n';
import type { NumberBox, Parameters } from '../../protocol/report.ts';
import { numberBox } from './controls.ts';

/** Id of the section that the control stands in. */
export const MEND = 'balance-it';

/** How even is even enough. */
export function targetControl(set: Parameters): NumberBox {
  return numberBox(set, { id: 'target', label: l10n.t`MaxVio that is even enough`, min: 0, max: 10, value: 0.2 });
}

/** The target that the section's control says. */
export function targetOf(set: Parameters): number {
  return targetControl(set).value;
}

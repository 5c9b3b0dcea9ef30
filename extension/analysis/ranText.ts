/** How a model was run, in the reader's language. */
import * as l10n from '@vscode/l10n';
import { UNKNOWN_PRECISION, UNKNOWN_PROVIDER, type ModelInfo } from '../protocol/trace.ts';

export function precisionText({ precision }: Pick<ModelInfo, 'precision'>): string {
  return precision === UNKNOWN_PRECISION ? l10n.t`unknown precision` : precision;
}

export function providerText({ provider }: Pick<ModelInfo, 'provider'>): string {
  return provider === UNKNOWN_PROVIDER ? l10n.t`unknown engine` : provider;
}

/** As in int8 on cpu. */
export function ranText(model: Pick<ModelInfo, 'precision' | 'provider'>): string {
  return l10n.t`${precisionText(model)} on ${providerText(model)}`;
}

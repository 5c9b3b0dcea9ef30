import * as l10n from '@vscode/l10n';

/** One after the other, as the language divides them: a, b, c. */
export function listed(items: readonly string[]): string {
  return items.reduce((all, item) => (all === '' ? item : l10n.t`${all}, ${item}`), '');
}

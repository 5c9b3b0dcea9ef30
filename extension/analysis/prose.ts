/** Puts parts of what users read together as their language does. Parts that are absent, and empty ones, are left out. */
import * as l10n from '@vscode/l10n';

type Part = string | false | undefined;

/** Sentences one after the other. */
export function sentences(...parts: readonly Part[]): string {
  return joined(parts, (before, next) => l10n.t`${before} ${next}`);
}

/** Parts of a sentence that have commas in them, or could stand alone. */
export function clauses(parts: readonly Part[]): string {
  return joined(parts, (before, next) => l10n.t`${before}; ${next}`);
}

/** Parts of an enumeration. */
export function listed(parts: readonly Part[]): string {
  return joined(parts, (before, next) => l10n.t`${before}, ${next}`);
}

function joined(parts: readonly Part[], join: (before: string, next: string) => string): string {
  const [first = '', ...others] = parts.flatMap((part) => (part ? [part] : []));
  return others.reduce(join, first);
}

/** Puts parts of what users read together as their language does. Parts that are absent, and empty ones, are left out. */
import * as l10n from '@vscode/l10n';

type Parts = readonly (string | false | undefined)[];

/** One after the other, as the language divides them: a, b, c. */
export function listed(parts: Parts): string {
  return joined(parts, (before, next) => l10n.t`${before}, ${next}`);
}

/** Clauses that have commas in them, or could stand alone. */
export function clauses(parts: Parts): string {
  return joined(parts, (before, next) => l10n.t`${before}; ${next}`);
}

/** Sentences one after the other. */
export function sentences(...parts: Parts): string {
  return joined(parts, (before, next) => l10n.t`${before} ${next}`);
}

function joined(parts: Parts, join: (before: string, next: string) => string): string {
  const [first = '', ...others] = parts.flatMap((part) => (part ? [part] : []));
  return others.reduce(join, first);
}

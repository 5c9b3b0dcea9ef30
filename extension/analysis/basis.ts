import * as l10n from '@vscode/l10n';
import type { Basis } from '../protocol/report.ts';

/** What each basis means, in a sentence: it stands by every figure, in the page and in files. */
export const BASIS_TEXT: Readonly<Record<Basis, string>> = {
  measured: l10n.t`Measured: the model ran.`,
  counted: l10n.t`Counted: arithmetic on the routing of a run; the model did not run for it.`,
  simulated: l10n.t`Simulated: computed with assumptions, which are stated.`,
  recorded: l10n.t`Recorded: read from a file.`,
};

/** What each is called beside a figure; data and files say the English word. */
export const BASIS_NAMES: Readonly<Record<Basis, string>> = {
  measured: l10n.t`measured`,
  counted: l10n.t`counted`,
  simulated: l10n.t`simulated`,
  recorded: l10n.t`recorded`,
};

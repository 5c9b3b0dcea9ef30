import type { Basis } from '../protocol/report.ts';

/** What each basis means, in a sentence: it stands by every figure, in the page and in files. */
export const BASIS_TEXT: Readonly<Record<Basis, string>> = {
  measured: 'Measured: the model ran.',
  counted: 'Counted: arithmetic on the routing of a run; the model did not run for it.',
  simulated: 'Simulated: computed with assumptions, which are stated.',
  recorded: 'Recorded: read from a file.',
};

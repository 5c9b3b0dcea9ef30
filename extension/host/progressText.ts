import * as l10n from '@vscode/l10n';
import { count } from '../analysis/numbers.ts';
import type { Progress } from '../protocol/engine.ts';
import type { ErrorCode } from '../protocol/errors.ts';

/** What a run is doing, in a few words. */
export function progressLabel({ stage, done, total }: Progress, model: string): string {
  switch (stage) {
    case 'import':
      return total > 0
        ? l10n.t`Preparing ${model} for its first use: ${megabytes(done)} of ${megabytes(total)} MB`
        : l10n.t`Preparing ${model} for its first use`;
    case 'load':
      return l10n.t`Loading ${model}`;
    case 'tokenize':
      return l10n.t`Splitting the text into tokens`;
    case 'route':
      return total > 0 ? l10n.t`Routing ${count(done)} of ${count(total)} tokens` : l10n.t`Routing`;
    case 'balance':
      return l10n.t`Fitting biases, layer ${done + 1} of ${total}`;
    case 'profile':
    case 'measure':
      return total > 0 ? l10n.t`Measuring, ${Math.floor((100 * done) / total)} %` : l10n.t`Measuring`;
  }
}

/** Why a run ended early, and what it leaves; undefined when all tokens have routing. */
export function partialSentence(ended: ErrorCode, routed: number, tokens: number): string | undefined {
  if (routed === tokens) return undefined;
  const [some, all] = [count(routed), count(tokens)];
  return ended === 'cancelled'
    ? l10n.t`Stopped after ${some} of ${all} tokens: the figures are of these alone.`
    : l10n.t`The run broke off after ${some} of ${all} tokens: the figures are of these alone.`;
}

function megabytes(bytes: number): string {
  return count(Math.round(bytes / 1e6));
}

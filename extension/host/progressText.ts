import type { Progress } from '../protocol/engine.ts';
import type { ErrorCode } from '../protocol/errors.ts';

const grouped = new Intl.NumberFormat('en-US');

/** What a run is doing, in a few words. */
export function progressLabel({ stage, done, total }: Progress, model: string): string {
  switch (stage) {
    case 'import':
      return total > 0
        ? `Preparing ${model} for its first use: ${megabytes(done)} of ${megabytes(total)} MB`
        : `Preparing ${model} for its first use`;
    case 'load':
      return `Loading ${model}`;
    case 'tokenize':
      return 'Splitting the text into tokens';
    case 'route':
      return total > 0 ? `Routing ${grouped.format(done)} of ${grouped.format(total)} tokens` : 'Routing';
    case 'balance':
      return `Fitting biases, layer ${done + 1} of ${total}`;
    case 'profile':
    case 'measure':
      return total > 0 ? `Measuring, ${Math.floor((100 * done) / total)} %` : 'Measuring';
  }
}

/** Why a run ended early, and what it leaves; undefined when all tokens have routing. */
export function partialSentence(ended: ErrorCode, routed: number, tokens: number): string | undefined {
  if (routed === tokens) return undefined;
  const how = ended === 'cancelled' ? 'Stopped' : 'The run broke off';
  return `${how} after ${grouped.format(routed)} of ${grouped.format(tokens)} tokens: the figures are of these alone.`;
}

function megabytes(bytes: number): string {
  return grouped.format(Math.round(bytes / 1e6));
}

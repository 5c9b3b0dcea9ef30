import * as l10n from '@vscode/l10n';
import { bestFit, neededMemory, ON_THE_CPU } from '../models/fitting.ts';
import type { Footprint } from '../models/footprint.ts';
import { UserError } from '../protocol/errors.ts';
import type { Precision } from '../protocol/trace.ts';
import { gigabytes } from './memory.ts';

/**
 * The precision that a model opens in on the processor, and why: the one asked for, or the most exact that fits.
 *
 * @param bytes the model's weights at each precision
 * @param free bytes of memory that programs can still have
 * @throws UserError `precision-unsupported` where another one fits, else `model-too-large`, saying what does not fit and what would
 */
export function choosePrecision(
  wanted: Precision | 'auto',
  bytes: Footprint['bytes'],
  free: number,
): { readonly precision: Precision; readonly why: string } {
  const needed = (precision: Precision): number => neededMemory(bytes[precision].total, precision);
  const needs = (precision: Precision): string => l10n.t`${precision} needs ${gigabytes(needed(precision), free)}`;
  const best = bestFit(bytes, free);
  if (wanted === 'auto') {
    if (best) {
      const finer = ON_THE_CPU.slice(0, ON_THE_CPU.indexOf(best)).map(needs);
      const have = gigabytes(free, needed(best));
      return { precision: best, why: l10n.t`${[...finer, needs(best)].join(', ')}, and ${have} are free` };
    }
    const have = gigabytes(free, needed(ON_THE_CPU.at(-1)!));
    throw new UserError(
      'model-too-large',
      l10n.t`This model does not fit: ${ON_THE_CPU.map(needs).join(', ')}, and ${have} are free.`,
    );
  }
  if (needed(wanted) <= free) return { precision: wanted, why: l10n.t`it was asked for` };
  const [wants, have] = [gigabytes(needed(wanted), free), gigabytes(free, needed(wanted))];
  throw new UserError(
    best ? 'precision-unsupported' : 'model-too-large',
    best
      ? l10n.t`This model in ${wanted} needs ${wants} of memory, and ${have} are free. In ${best} it fits.`
      : l10n.t`This model in ${wanted} needs ${wants} of memory, and ${have} are free.`,
  );
}

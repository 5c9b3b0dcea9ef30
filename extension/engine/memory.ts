import * as l10n from '@vscode/l10n';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { freeMemory } from '../formats/freeMemory.ts';
import { ON_THE_CPU } from '../models/fitting.ts';
import { messageOf, UserError, type ErrorCode } from '../protocol/errors.ts';
import { PRECISIONS, type Precision } from '../protocol/trace.ts';

/**
 * Refuses what cannot fit before it is allocated. What nobody holds any more is given back first.
 *
 * @param what names it at the start of a sentence
 * @param code of what is thrown
 * @throws UserError
 */
export function requireMemory(bytes: number, what: string, code: ErrorCode = 'out-of-memory'): void {
  const free = freeFor(bytes);
  if (bytes <= free) return;
  throw new UserError(
    code,
    l10n.t`${what} needs ${gigabytes(bytes, free)} of memory, and ${gigabytes(free, bytes)} are free.`,
  );
}

/** Bytes as they stand beside others in a sentence: with as many digits as tell the two apart. */
export function gigabytes(bytes: number, others: number): string {
  let digits = 1;
  const written = (n: number): string => (n / 1e9).toFixed(digits);
  while (written(bytes) === written(others) && digits < 9) digits += 1;
  return `${written(bytes)} GB`;
}

/** Bytes that are free; where they are fewer than wanted, after what nobody holds any more was given back. */
export function freeFor(bytes: number): number {
  const free = freeMemory();
  if (bytes <= free) return free;
  collectGarbage();
  return freeMemory();
}

/** V8 takes its time with what nobody holds any more, and until then it does not count as free. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  // The buffers that one has found are freed by the next at the latest.
  collect();
}

/** As ONNX Runtime, C++, V8 and the operating system say it. */
const FAILED_ALLOCATION =
  /bad[_ ]alloc|failed to allocate|(?:buffer|array) allocation failed|cannot allocate memory|not enough memory|out of memory|ENOMEM/i;

/**
 * What an allocation that failed is to the user, with the precisions that take less; anything else that was thrown stays as it is.
 *
 * @param precision that the model runs in, or was to; undefined where it is none that can be chosen
 */
export function explainedFailure(error: unknown, precision: string | undefined): unknown {
  if (!isFailedAllocation(error)) return error;
  return new UserError('out-of-memory', sentenceOf(precision), { cause: error });
}

/** The same where an exported model is being opened: no shorter text would help, and it has one precision. */
export function explainedOpening(error: unknown): unknown {
  if (!isFailedAllocation(error)) return error;
  const why = l10n.t`Memory ran out while the model was being opened: end other programs.`;
  return new UserError('model-too-large', why, { cause: error });
}

/** Whether memory ran out where nobody has said so in a sentence yet. */
export function isFailedAllocation(error: unknown): boolean {
  return !(error instanceof UserError) && FAILED_ALLOCATION.test(messageOf(error));
}

function sentenceOf(precision: string | undefined): string {
  if (precision === undefined) return l10n.t`Memory ran out: analyze a part of the text, or end other programs.`;
  // From the most bits to the fewest.
  const fewerBits = PRECISIONS.slice(1 + PRECISIONS.indexOf(precision as Precision));
  const smaller = fewerBits.filter((each) => ON_THE_CPU.includes(each)).join(l10n.t` or `);
  return smaller === ''
    ? l10n.t`Memory ran out with the model in ${precision}. No precision takes less: analyze a part of the text, or end other programs.`
    : l10n.t`Memory ran out with the model in ${precision}. In ${smaller} it takes less.`;
}

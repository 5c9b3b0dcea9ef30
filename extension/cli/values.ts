/** Values of options as users write them. */
import { MAX_THREADS } from '../protocol/defaults.ts';
import { messageOf } from '../protocol/errors.ts';
import { UsageError } from './usage.ts';

/** What Node's parser says of a command line, as a UsageError. */
export function understood<T>(parsed: () => T): T {
  try {
    return parsed();
  } catch (error) {
    throw new UsageError(`${messageOf(error).split('. ', 1)[0]!}; see moescope --help.`, { cause: error });
  }
}

export function wholeNumber(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= least)) throw new UsageError(`--${option} takes a whole number from ${least} on, not "${text}".`);
  return value;
}

/** 0 where none are asked for: the engine decides then. */
export function threadCount(text: string | undefined): number {
  const threads = wholeNumber('threads', text, 1) ?? 0;
  if (threads > MAX_THREADS) throw new UsageError(`--threads takes ${MAX_THREADS} at most, not ${threads}.`);
  return threads;
}

/** A decimal number from `least` on. */
export function decimal(option: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(value >= least)) throw new UsageError(`--${option} takes a number from ${least} on, not "${text}".`);
  return value;
}

export function oneOf<T extends string>(option: string, text: string | undefined, known: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const value = known.find((name) => name === text);
  if (value === undefined) throw new UsageError(`--${option} takes ${known.join(', ')}, not "${text}".`);
  return value;
}

import { freemem } from 'node:os';
import { UserError } from '../protocol/errors.ts';

/**
 * Refuses what cannot fit before it is allocated.
 *
 * @param what names it at the start of a sentence
 * @throws UserError `out-of-memory`
 */
export function requireMemory(bytes: number, what: string): void {
  const free = freemem();
  if (bytes <= free) return;
  const gigabytes = (n: number): string => `${(n / 1e9).toFixed(1)} GB`;
  throw new UserError('out-of-memory', `${what} needs ${gigabytes(bytes)} of memory, and ${gigabytes(free)} are free.`);
}

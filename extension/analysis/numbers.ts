/** Numbers as views and reports write them. An unknown number is a dash. */
import type { Cell, Unit } from '../protocol/report.ts';
import { byteSize } from './sizes.ts';

const NARROW_SPACE = '\u202f';

export function percent(share: number): string {
  return Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)}${NARROW_SPACE}%`;
}

export function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(digits);
}

/** A change: with a + where it is one to more. */
export function signed(value: number, digits: number): string {
  return `${value > 0 ? '+' : ''}${fixed(value, digits)}`;
}

/** A multiple of the even share: 2.8×, 0.04×. */
export function times(ratio: number): string {
  return `${fixed(ratio, ratio < 0.995 ? 2 : 1)}×`;
}

let grouped: Intl.NumberFormat | undefined;

/** A whole number in groups of three digits. */
export function count(value: number): string {
  // The first format of a process takes some 30 ms, a third of what loading the extension takes: not before somebody counts.
  grouped ??= new Intl.NumberFormat('en-US');
  return grouped.format(value);
}

/** A cell of a report's table, or a number at an axis. */
export function written(value: Cell, unit: Unit): string {
  if (typeof value === 'string') return value;
  if (value === null || Number.isNaN(value)) return '–';
  switch (unit) {
    case 'percent':
      return percent(value);
    case 'times':
      return times(value);
    case 'bytes':
      return byteSize(value);
    case 'count':
      return count(value);
    case 'ms':
      return `${significant(value)}${NARROW_SPACE}ms`;
    case 'nats':
    case 'number':
    case 'text':
      return significant(value);
  }
}

/** Three digits: 1,235, 12.3, 1.23, 0.123, 0.0123; two where zeros would hide them, 1.2e-5. */
function significant(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 100) return count(Math.round(value));
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  if (size >= 0.1) return value.toFixed(3);
  return size >= 1e-4 ? value.toPrecision(3) : value.toExponential(1);
}

/** Numbers as the views write them. An unknown number is a dash. */

const NARROW_SPACE = '\u202f';

export function percent(share: number): string {
  return Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)}${NARROW_SPACE}%`;
}

export function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(digits);
}

/** A multiple of the even share: 2.8×, 0.04×. */
export function times(ratio: number): string {
  return `${fixed(ratio, ratio < 0.995 ? 2 : 1)}×`;
}

const grouped = new Intl.NumberFormat('en-US');

export function count(value: number): string {
  return grouped.format(value);
}

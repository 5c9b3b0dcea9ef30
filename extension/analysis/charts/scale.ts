/** From values to pixels, with ticks at round numbers. */
import type { Axis, Unit } from '../../protocol/report.ts';
import { byteSize } from '../sizes.ts';

export interface Scale {
  /** Pixel of a value; NaN where a logarithmic axis has none. */
  (value: number): number;
  readonly ticks: readonly number[];
  readonly least: number;
  readonly most: number;
}

/**
 * A scale of an axis over the range of its data, from one pixel to another. `room` is what a tick takes, in pixels. Ends that the
 * axis does not fix are rounded outwards to a tick.
 */
export function scaleOf(
  axis: Axis,
  data: readonly [number, number],
  pixels: readonly [number, number],
  room: number,
): Scale {
  const [from, to] = pixels;
  const wanted = Math.max(2, Math.min(8, Math.floor(Math.abs(to - from) / room)));
  const range = rangeOf(axis, data);
  const { least, most, ticks } = axis.log === true ? logTicks(axis, range, wanted) : evenTicks(axis, range, wanted);
  const f = axis.log === true ? Math.log : (x: number): number => x;
  const [a, b] = [f(least), f(most)];
  const at = (value: number): number => from + ((to - from) * (f(value) - a)) / (b - a);
  return Object.assign(at, { ticks, least, most });
}

/** Least and most of all values that are known; [0, 1] when none is. */
export function extent(values: Iterable<number | null | undefined>): [number, number] {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (typeof value !== 'number' || !Number.isFinite(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return least <= most ? [least, most] : [0, 1];
}

function rangeOf(axis: Axis, [low, high]: readonly [number, number]): [number, number] {
  let least = axis.min ?? low;
  let most = axis.max ?? high;
  if (axis.log === true) {
    least = least > 0 ? least : most > 0 ? most / 1000 : 0.1;
    most = most > least ? most : least * 10;
    return [least, most];
  }
  if (!(most > least)) {
    const pad = Math.abs(least) || 1;
    if (axis.max === undefined) most = least + pad;
    else if (axis.min === undefined) least = most - pad;
    else most = least + pad;
  }
  return [least, most];
}

interface Ticks {
  readonly least: number;
  readonly most: number;
  readonly ticks: readonly number[];
}

function evenTicks(axis: Axis, [low, high]: readonly [number, number], wanted: number): Ticks {
  const step = roundStep((high - low) / wanted, axis.unit);
  const least = axis.min ?? Math.floor(low / step + 1e-9) * step;
  const most = axis.max ?? Math.ceil(high / step - 1e-9) * step;
  const ticks: number[] = [];
  // Added to 0, −0 is 0.
  for (let i = 0 + Math.ceil(least / step - 1e-9); i * step <= most + step * 1e-9; i++) ticks.push(i * step);
  return { least, most, ticks };
}

/** 1, 2 or 5 times a power of ten; whole for what is counted. */
function roundStep(step: number, unit: Unit): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const rounded = [1, 2, 5, 10].find((m) => m * power >= step * (1 - 1e-9))! * power;
  return unit === 'count' ? Math.max(1, rounded) : rounded;
}

function logTicks(axis: Axis, [low, high]: readonly [number, number], wanted: number): Ticks {
  const power = (x: number): number => 10 ** x;
  const least = axis.min ?? power(Math.floor(Math.log10(low) + 1e-9));
  const most = axis.max ?? power(Math.ceil(Math.log10(high) - 1e-9));
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const every = Math.max(1, Math.ceil((last - first) / wanted));
  const factors = last - first <= wanted / 3 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let p = first; p <= last; p += every) {
    for (const factor of factors) {
      const tick = factor * power(p);
      if (tick >= least * (1 - 1e-9) && tick <= most * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return { least, most, ticks };
}

let compact: Intl.NumberFormat | undefined;

/** A number at an axis: as many digits as tell it from its neighbours, and no more. */
export function tickText(value: number, unit: Unit): string {
  const clean = Number(value.toPrecision(6));
  switch (unit) {
    case 'percent':
      return `${Number((100 * clean).toPrecision(6))}\u202f%`;
    case 'times':
      return `${clean}×`;
    case 'bytes':
      return byteSize(clean);
    case 'ms':
      return `${numberText(clean)}\u202fms`;
    case 'count':
    case 'number':
    case 'nats':
    case 'text':
      return numberText(clean);
  }
}

function numberText(value: number): string {
  const size = Math.abs(value);
  if (size >= 10_000) {
    compact ??= new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
    return compact.format(value);
  }
  return size > 0 && size < 1e-4 ? value.toExponential() : String(value);
}

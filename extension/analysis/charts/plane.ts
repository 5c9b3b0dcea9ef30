/** Two axes with their ticks and labels: what lines and points are drawn on. */
import type { Axis, Band, Yardstick } from '../../protocol/report.ts';
import { scaleOf, tickText, type Scale } from './scale.ts';
import { fitted, inline, label, LINE, tag, textWidth, widest } from './text.ts';

export interface Plane {
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Height of the whole drawing. */
  readonly height: number;
  readonly body: string;
  /** Name of the yardstick: to be drawn over the data, or lines run through it. */
  readonly yardstickName: string;
}

export interface PlaneSpec {
  readonly x: Axis;
  readonly y: Axis;
  readonly xRange: readonly [number, number];
  readonly yRange: readonly [number, number];
  readonly width: number;
  /** Above, for a legend, and on the right, for labels at the ends of lines. */
  readonly above: number;
  readonly aside: number;
  readonly yardstick?: Yardstick | undefined;
  readonly band?: Band | undefined;
  readonly at?: number | undefined;
}

export function plane(spec: PlaneSpec): Plane {
  const { width, above, aside, band } = spec;
  const tall = Math.min(240, Math.max(150, width * 0.42));
  const top = above + LINE + 6 + (band ? LINE : 0);
  const bottom = top + tall;
  const y = scaleOf(spec.y, spec.yRange, [bottom, top], 36);
  const left = Math.ceil(widest(y.ticks.map((tick) => tickText(tick, spec.y.unit)))) + 9;
  const right = width - Math.max(aside, 12);
  const room = widest([spec.xRange[0], spec.xRange[1]].map((end) => tickText(end, spec.x.unit))) + 26;
  // Along x the data fill the room; only a logarithmic axis ends at its ticks.
  const [least, most] = spec.xRange;
  const xAxis = spec.x.log === true || least === most ? spec.x : { min: least, max: most, ...spec.x };
  const x = scaleOf(xAxis, spec.xRange, [left, right], room);
  const sides = { x, y, left, right, top, bottom };
  const yardstick = spec.yardstick && yardstickBody(spec.yardstick, sides);
  const body =
    (band ? bandBody(band, sides) : '') +
    y.ticks.map((tick) => horizontal(tick, spec.y, sides)).join('') +
    x.ticks.map((tick) => vertical(tick, spec.x, sides)).join('') +
    tag('path', { class: 'line', d: `M${left} ${inline(bottom)}H${inline(right)}` }) +
    label(0, above + 10, fitted(spec.y.label, width)) +
    label((left + right) / 2, bottom + 2 * LINE + 3, fitted(spec.x.label, right - left), 'middle') +
    (yardstick?.line ?? '') +
    (spec.at === undefined ? '' : atBody(spec.at, sides));
  return { ...sides, body, yardstickName: yardstick?.name ?? '', height: bottom + 2 * LINE + 8 };
}

type Sides = Pick<Plane, 'x' | 'y' | 'left' | 'right' | 'top' | 'bottom'>;

function horizontal(tick: number, axis: Axis, { y, left, right }: Sides): string {
  const at = y(tick);
  return (
    tag('path', { class: 'grid', d: `M${left} ${inline(at)}H${inline(right)}` }) +
    label(left - 6, at + 4, tickText(tick, axis.unit), 'end')
  );
}

function vertical(tick: number, axis: Axis, { x, bottom }: Sides): string {
  const at = x(tick);
  return (
    tag('path', { class: 'line', d: `M${inline(at)} ${inline(bottom)}v4` }) +
    label(at, bottom + LINE + 2, tickText(tick, axis.unit), 'middle')
  );
}

function yardstickBody(
  { value, label: name }: Yardstick,
  { y, left, right, top, bottom }: Sides,
): { line: string; name: string } | undefined {
  const at = y(value);
  if (!(at >= top - 0.5 && at <= bottom + 0.5)) return undefined;
  const under = at - top < LINE;
  return {
    line: tag('path', { class: 'yardstick', d: `M${left} ${inline(at)}H${inline(right)}` }),
    name: label(left + 4, at + (under ? LINE - 2 : -4), name, 'start', 'dim halo'),
  };
}

function bandBody({ from, to, label: name }: Band, { x, left, right, top, bottom }: Sides): string {
  const [a, b] = [Math.max(left, x(from)), Math.min(right, x(to))];
  if (!(b > a)) return '';
  const half = textWidth(name) / 2;
  const middle = Math.min(right - half, Math.max(left + half, (a + b) / 2));
  const rect = { class: 'band', x: a, y: top - 4, width: b - a, height: bottom - top + 4 };
  return tag('rect', rect) + label(middle, top - 8, name, 'middle');
}

function atBody(value: number, { x, left, right, top, bottom }: Sides): string {
  const at = x(value);
  if (!(at >= left - 0.5 && at <= right + 0.5)) return '';
  return tag('path', { class: 'at', d: `M${inline(at)} ${inline(top)}V${inline(bottom)}` });
}

/** Lines with the interval around them; labels at their ends where there is room, else a legend. */
import * as l10n from '@vscode/l10n';
import type { Line, LineChart } from '../../protocol/report.ts';
import { written } from '../numbers.ts';
import { titled } from './bars.ts';
import type { Drawing, Frame, Mark } from './drawing.ts';
import { KEY, legend, SERIES, type Key } from './legend.ts';
import { nearest } from './nearest.ts';
import { plane, type Plane } from './plane.ts';
import { extent } from './scale.ts';
import { inline, label, LINE, tag, widest } from './text.ts';

/** Narrower drawings leave no room beside the lines. */
const DIRECT = 480;
/** More labels than this at line ends run into each other. */
const MAX_DIRECT = 8;
/** Of the drawing's width, what labels may take. */
const MAX_ASIDE = 0.3;
/** With more points than this, dots would run into each other. */
const MAX_DOTS = 40;

export function lines(chart: LineChart, frame: Frame): Drawing {
  const { series, yardstick, band, at } = chart;
  const strong = series.filter((line) => line.faint !== true);
  const faint = series.filter((line) => line.faint === true);
  // Faint lines of one name are one thing; those of many, as all other layers are, would bury the rest.
  const telling = new Set(faint.map((line) => line.label)).size === 1 ? faint.slice(0, 1) : [];
  const named =
    series.length > 1 ? [...strong, ...telling].filter((line) => line.y.some((value) => value !== null)) : [];
  const aside = KEY + widest(named.map((line) => line.label)) + 12;
  // Names that would be cut beside the lines are told in full above them.
  const direct = frame.width >= DIRECT && named.length <= MAX_DIRECT && aside <= MAX_ASIDE * frame.width;
  const keys = keysOf(series, named);
  const key = direct || named.length === 0 ? { body: '', height: 0 } : legend(keys, 0, 0, frame.width);
  const spec = {
    x: chart.x,
    y: chart.y,
    xRange: extent([...series.flatMap((line) => line.x), ...(at === undefined ? [] : [at])]),
    yRange: extent([
      ...series.flatMap((line) => [...line.y, ...(line.low ?? []), ...(line.high ?? [])]),
      yardstick?.value,
    ]),
    width: frame.width,
    above: key.height,
    aside: direct && named.length > 0 ? aside : 12,
    yardstick,
    band,
    at,
  };
  const p = plane(spec);
  // Faint lines first, so that they lie behind.
  const order = [...series.keys()].sort(
    (a, b) => Number(series[b]!.faint ?? false) - Number(series[a]!.faint ?? false),
  );
  const style = styleOf(series);
  const marks = series.map((line) => line.x.map((_, i) => markOf(chart, line, i, p)));
  const body =
    key.body +
    p.body +
    order.map((s) => interval(series[s]!, style(s), p)).join('') +
    order.map((s) => stroke(series[s]!, style(s), p)).join('') +
    order.map((s) => dots(series[s]!, style(s), marks[s]!, frame)).join('') +
    p.yardstickName +
    (direct ? endLabels(named, keys, p) : '');
  return {
    width: frame.width,
    height: p.height,
    body,
    marks: {
      rows: series.length,
      columns: (row) => series[row]?.x.length ?? 0,
      mark: ({ row, column }) => marks[row]?.[column],
      at: (x, y) => nearest(marks, x, y, p),
      of: () => undefined,
    },
  };
}

/** Colour and dashes of a line by its place among those that are not faint; six colours, and dashes that change with them. */
function styleOf(series: readonly Line[]): (s: number) => string {
  const place = new Map([...series.keys()].filter((s) => series[s]!.faint !== true).map((s, i) => [s, i]));
  return (s) => {
    const i = place.get(s);
    return i === undefined ? 'l lf' : `l l${i % SERIES} d${i % DASHES}`;
  };
}

/** Dash patterns in the sheet. */
const DASHES = 5;

function keysOf(series: readonly Line[], named: readonly Line[]): Key[] {
  const style = styleOf(series);
  return named.map((line) => ({
    name: line.label,
    key: (x, y) => tag('path', { class: style(series.indexOf(line)), d: `M${inline(x)} ${inline(y)}h16` }),
  }));
}

function markOf(chart: LineChart, line: Line, i: number, { x, y }: Plane): Mark | undefined {
  const value = line.y[i] ?? null;
  const [px, py] = [x(line.x[i]!), value === null ? NaN : y(value)];
  if (value === null || !Number.isFinite(px) || !Number.isFinite(py)) return undefined;
  const [low, high] = [line.low?.[i], line.high?.[i]];
  const at = `${chart.x.label} ${written(line.x[i]!, chart.x.unit === 'count' ? 'count' : chart.x.unit)}`;
  const plain = `${line.label}, ${at}: ${written(value, chart.y.unit)}`;
  const text =
    typeof low === 'number' && typeof high === 'number'
      ? l10n.t`${plain} (${written(low, chart.y.unit)} to ${written(high, chart.y.unit)})`
      : plain;
  return { x: px - 4, y: py - 4, width: 8, height: 8, text };
}

/** Stretches of points that have values, as a path each. */
function stroke(line: Line, classes: string, { x, y }: Plane): string {
  let d = '';
  let pen = 'M';
  line.x.forEach((at, i) => {
    const value = line.y[i] ?? null;
    const [px, py] = [x(at), value === null ? NaN : y(value)];
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      pen = 'M';
      return;
    }
    d += `${pen}${inline(px)} ${inline(py)}`;
    pen = 'L';
  });
  return d === '' ? '' : tag('path', { class: classes, d });
}

function interval({ x: at, low, high }: Line, classes: string, { x, y }: Plane): string {
  if (!low || !high) return '';
  const stretches: number[][] = [[]];
  at.forEach((_, i) => {
    if (typeof low[i] === 'number' && typeof high[i] === 'number') stretches.at(-1)!.push(i);
    else if (stretches.at(-1)!.length > 0) stretches.push([]);
  });
  const point = (i: number, end: readonly (number | null)[]): string => `${inline(x(at[i]!))} ${inline(y(end[i]!))}`;
  const d = stretches
    .filter((stretch) => stretch.length > 1)
    .map((stretch) => {
      const back = stretch.toReversed().map((i) => point(i, low));
      return `M${[...stretch.map((i) => point(i, high)), ...back].join('L')}Z`;
    });
  return d.length === 0 ? '' : tag('path', { class: classes.replace(/^l /, 'i '), d: d.join('') });
}

function dots(line: Line, classes: string, marks: readonly (Mark | undefined)[], frame: Frame): string {
  if (line.faint === true || line.x.length > MAX_DOTS) return '';
  const [, color] = classes.split(' ');
  return marks
    .map((mark) => {
      if (!mark) return '';
      return tag('circle', { class: `c ${color!}`, cx: mark.x + 4, cy: mark.y + 4, r: 2.5 }, titled(mark.text, frame));
    })
    .join('');
}

/**
 * Names at the right ends of lines, moved apart where they would overlap. Each has its line's key: lines that end close together,
 * or before the right edge, could be taken for one another.
 */
function endLabels(named: readonly Line[], keys: readonly Key[], { y, right, top, bottom }: Plane): string {
  const ends = named
    .map((line, i) => ({ key: keys[i]!, at: y(line.y.findLast((value) => value !== null) ?? NaN) }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at);
  const places = ends.map(({ at }) => Math.min(bottom, Math.max(top, at)));
  for (let i = 1; i < places.length; i++) places[i] = Math.max(places[i]!, places[i - 1]! + LINE);
  const over = Math.max(0, (places.at(-1) ?? 0) - bottom);
  for (let i = places.length - 1; i >= 0; i--) {
    const ceiling = i === places.length - 1 ? places[i]! - over : places[i + 1]! - LINE;
    places[i] = Math.min(places[i]!, ceiling);
  }
  return ends
    .map(
      ({ key: { name, key } }, i) =>
        key(right + 8, places[i]!) + label(right + 8 + KEY, places[i]! + 4, name, 'start', 'name'),
    )
    .join('');
}

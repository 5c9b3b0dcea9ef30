/** Bars: a row a label while they are few, columns in strips when they are many. */
import type { BarChart, Yardstick } from '../../protocol/report.ts';
import type { ExpertRef } from '../../protocol/trace.ts';
import { written } from '../numbers.ts';
import { columns } from './columns.ts';
import type { Drawing, Frame, Mark, Place } from './drawing.ts';
import { legend, patterns, seriesFill } from './legend.ts';
import { extent, scaleOf, type Scale } from './scale.ts';
import { fitted, inline, label, LINE, tag, widest } from './text.ts';

/** More rows than this are too tall to take in at a glance. */
const MAX_ROWS = 40;

export function bars(chart: BarChart, frame: Frame): Drawing {
  const lines = chart.stacked === true ? 1 : chart.series.length;
  return chart.labels.length * lines > MAX_ROWS && chart.labels.length > MAX_ROWS / 2
    ? columns(chart, frame)
    : rows(chart, frame);
}

/** Thickness of a bar: alone in its row, or one of several. */
const BAR = { alone: 12, many: 12 } as const;

function rows(chart: BarChart, frame: Frame): Drawing {
  const { labels, series, axis } = chart;
  const yardstick = nearYardstick(chart);
  const stacked = chart.stacked === true;
  const lines = stacked ? 1 : Math.max(1, series.length);
  const thick = lines === 1 ? BAR.alone : BAR.many;
  const pitch = lines * thick + (lines === 1 ? 6 : 8);
  const values = labels.map((_, i) => lineValues(chart, i).map((value) => written(value, axis.unit)));
  const name = Math.min(widest(labels) + 10, frame.width * 0.4);
  const value = widest(values.flat()) + 12;
  const key = keyOf(chart, frame);
  const top = key.height + (yardstick ? LINE + 2 : 2);
  const scale = scaleOf(...barRange(chart), [name, frame.width - value], 60);
  const zero = scale(Math.min(Math.max(axis.log === true ? scale.least : 0, scale.least), scale.most));
  const marks: Mark[][] = labels.map(() => []);
  let body = patterns(frame, barKeys(chart)) + key.body;

  labels.forEach((text, i) => {
    const y = top + i * pitch;
    const expert = chart.experts?.[i];
    let row = label(name - 10, y + (lines * thick) / 2 + 4, fitted(text, name - 10), 'end', 'name');
    let [positive, negative] = [0, 0];
    series.forEach((one, s) => {
      const at = y + (stacked ? 0 : s * thick);
      const v = one.values[i] ?? null;
      const from = stacked && v !== null ? (v >= 0 ? positive : negative) : undefined;
      if (from !== undefined && v !== null) {
        if (v >= 0) positive += v;
        else negative += v;
      }
      const start = from === undefined ? zero : scale(from);
      const end = v === null ? start : clamp(scale(v + (from ?? 0)), scale);
      const [left, width] = [Math.min(start, end), Math.abs(end - start)];
      const said = markText(chart, i, s);
      const shape = { x: left, y: at + 1, width, height: thick - 2, rx: Math.min(2, width / 2) };
      if (v !== null) row += tag('rect', { ...fillOf(chart, frame, expert, s), ...shape }, titled(said, frame));
      if (!stacked) row += label(frame.width - 2, at + thick / 2 + 4, values[i]![s]!, 'end', 'value');
      const box = stacked
        ? { x: left, y: at, width: Math.max(width, 2), height: thick }
        : { x: 0, y: at - (lines === 1 ? 2 : 0), width: frame.width, height: thick + (lines === 1 ? 4 : 0) };
      marks[i]!.push({ ...box, text: said, ...(expert ? { expert } : {}) });
    });
    if (stacked) row += label(frame.width - 2, y + thick / 2 + 4, values[i]![0]!, 'end', 'value');
    body += row;
  });

  const bottom = top + labels.length * pitch;
  if (zero > name + 0.5) body += tag('path', { class: 'line', d: `M${inline(zero)} ${top - 2}V${bottom - 4}` });
  if (yardstick) body += measure(yardstick, scale, [top - 2, bottom - 4], frame.width);
  body += label(name, bottom + 9, fitted(key.axis, frame.width - name));
  const height = bottom + (key.axis === '' ? 0 : LINE);
  return {
    width: frame.width,
    height,
    body,
    marks: {
      rows: labels.length,
      columns: () => series.length,
      mark: ({ row, column }) => marks[row]?.[column],
      at: (x, y) => {
        const row = Math.floor((y - top + 3) / pitch);
        if (!marks[row]) return undefined;
        if (!stacked) {
          return { row, column: Math.min(lines - 1, Math.max(0, Math.floor((y - top - row * pitch) / thick))) };
        }
        const column = marks[row].findIndex((mark) => x >= mark.x && x <= mark.x + mark.width);
        return { row, column: Math.max(0, column) };
      },
      of: (expert) => expertPlace(chart.experts, expert),
    },
  };
}

/** What a row says in numbers: each value, or the sum of those on one another. */
function lineValues({ series, stacked }: BarChart, i: number): (number | null)[] {
  const all = series.map(({ values }) => values[i] ?? null);
  if (stacked !== true) return all;
  return [all.every((v) => v === null) ? null : all.reduce<number>((sum, v) => sum + (v ?? 0), 0)];
}

/** A yardstick more than so many times as long as every bar is left to the words: bars would be no more than dots. */
const FAR = 10;

function nearYardstick({ axis, series, yardstick }: BarChart): Yardstick | undefined {
  if (axis.log === true) return yardstick;
  const longest = Math.max(0, ...series.flatMap(({ values }) => values.map((value) => Math.abs(value ?? 0))));
  return yardstick && (longest === 0 || Math.abs(yardstick.value) <= FAR * longest) ? yardstick : undefined;
}

/** The value axis and what it must show: all values, zero, and what they are measured by. */
export function barRange(chart: BarChart): [BarChart['axis'], [number, number]] {
  const { series, labels, axis } = chart;
  const yardstick = nearYardstick(chart);
  const ends: (number | null)[] = axis.log === true ? [] : [0];
  labels.forEach((_, i) => {
    const all = series.map(({ values }) => values[i] ?? 0);
    if (chart.stacked === true) {
      ends.push(
        all.reduce((sum, v) => sum + Math.max(0, v), 0),
        all.reduce((sum, v) => sum + Math.min(0, v), 0),
      );
    } else ends.push(...series.map(({ values }) => values[i] ?? null));
  });
  if (yardstick) ends.push(yardstick.value);
  const [least, most] = extent(ends.filter((v) => axis.log !== true || (v ?? 0) > 0));
  // The longest bar fills the room: numbers stand beside bars, so no round end is needed.
  const fixed = { ...axis, min: axis.min ?? least, max: axis.max ?? (most > least ? most : least + 1) };
  return [axis.log === true ? axis : fixed, [least, most]];
}

/** The legend where there are several series, and what is said of the axis. */
export function keyOf(chart: BarChart, frame: Frame): { body: string; height: number; axis: string } {
  const { series, axis } = chart;
  if (series.length < 2) return { body: '', height: 0, axis: axis.label };
  const keys = series.map(({ label: name }, i) => ({
    name,
    key: (x: number, y: number) => tag('rect', { ...seriesFill(frame, i), x, y: y - 5, width: 16, height: 10, rx: 2 }),
  }));
  return { ...legend(keys, 0, 0, frame.width), axis: axis.label };
}

/** Series that need a fill of their own. */
export function barKeys(chart: BarChart): number {
  return chart.series.length > 1 ? chart.series.length : 0;
}

/** An expert's own colour where there is one series, else the series'. */
export function fillOf(
  chart: BarChart,
  frame: Frame,
  expert: ExpertRef | undefined,
  s: number,
): { class: string; fill?: string } {
  return expert && chart.series.length === 1 ? { class: `x${expert.expert}` } : seriesFill(frame, s);
}

export function markText({ labels, series, axis }: BarChart, i: number, s: number): string {
  const { label: name, values } = series[s]!;
  return `${labels[i]!}: ${series.length > 1 ? `${name} ` : ''}${written(values[i] ?? null, axis.unit)}`;
}

export function titled(text: string, { titles }: Frame): string {
  return titles ? tag('title', {}, inline(text)) : '';
}

export function expertPlace(experts: BarChart['experts'], { layer, expert }: ExpertRef): Place | undefined {
  const row = experts?.findIndex((e) => e.layer === layer && e.expert === expert) ?? -1;
  return row < 0 ? undefined : { row, column: 0 };
}

/** Keeps a pixel between the ends of its scale. */
export function clamp(pixel: number, scale: Scale): number {
  const ends = [scale(scale.least), scale(scale.most)];
  return Math.min(Math.max(...ends), Math.max(Math.min(...ends), pixel));
}

/** A dashed line across all rows, its name above it. */
function measure(
  { value, label: name }: { value: number; label: string },
  scale: Scale,
  [top, bottom]: readonly [number, number],
  width: number,
): string {
  const x = clamp(scale(value), scale);
  const room = widest([name]) / 2;
  const at = Math.min(width - room, Math.max(room, x));
  return tag('path', { class: 'yardstick', d: `M${inline(x)} ${top}V${bottom}` }) + label(at, top - 4, name, 'middle');
}

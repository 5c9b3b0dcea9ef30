/** Many bars: columns in strips below one another, all on one scale. */
import type { BarChart } from '../../protocol/report.ts';
import { barKeys, barRange, clamp, expertPlace, fillOf, keyOf, markText, titled } from './bars.ts';
import type { Drawing, Frame, Mark } from './drawing.ts';
import { patterns } from './legend.ts';
import { scaleOf, tickText } from './scale.ts';
import { inline, label, LINE, tag, textWidth, widest } from './text.ts';

/** Height of one strip; several may be lower. */
const STRIP = { one: 120, several: 64 } as const;
/** Narrower columns cannot be pointed at. */
const MIN_COLUMN = 5;

export function columns(chart: BarChart, frame: Frame): Drawing {
  const { labels, series, axis, yardstick } = chart;
  const stacked = chart.stacked === true;
  const key = keyOf(chart, frame);
  const lines = stacked ? 1 : series.length;
  const left = Math.max(30, widest([tickText(barRange(chart)[1][1], axis.unit)]) + 14);
  const plot = frame.width - left - 2;
  const fits = Math.max(1, Math.floor(plot / (MIN_COLUMN * lines)));
  const perStrip = stripLength(labels.length, fits);
  const strips = Math.ceil(labels.length / perStrip);
  const pitch = plot / perStrip;
  const tall = strips === 1 ? STRIP.one : STRIP.several;
  const stripPitch = tall + LINE + 10;
  const top = key.height + LINE + 6;
  const every = labelEvery(labels, pitch);
  const marks: Mark[][] = series.map(() => []);
  let body = patterns(frame, barKeys(chart)) + key.body + label(left, key.height + 9, axis.label);

  for (let strip = 0; strip < strips; strip++) {
    const ceiling = top + strip * stripPitch;
    const floor = ceiling + tall;
    const [valueAxis, range] = barRange(chart);
    const scale = scaleOf(valueAxis, range, [floor, ceiling], 30);
    const zero = clamp(scale(axis.log === true ? scale.least : 0), scale);
    const first = strip * perStrip;
    const end = Math.min(labels.length, first + perStrip);
    body += ticks([scale.most], scale, left, plot, axis.unit);
    for (let i = first; i < end; i++) {
      const x = left + (i - first) * pitch;
      const gap = pitch / lines >= 4 ? 1 : 0;
      let sum = 0;
      series.forEach((_, s) => {
        const value = series[s]!.values[i] ?? null;
        const base = stacked ? clamp(scale(sum), scale) : zero;
        if (stacked) sum += Math.max(0, value ?? 0);
        const peak = value === null ? base : clamp(scale(stacked ? sum : value), scale);
        const from = x + (stacked ? 0 : (s * (pitch - gap)) / lines);
        const said = markText(chart, i, s);
        const width = Math.max(0.5, (pitch - gap) / lines);
        const shape = { x: from, y: Math.min(base, peak), width, height: Math.abs(peak - base) };
        const expert = chart.experts?.[i];
        if (value !== null) body += tag('rect', { ...fillOf(chart, frame, expert, s), ...shape }, titled(said, frame));
        const box = stacked ? { ...shape, height: Math.max(2, shape.height) } : { ...shape, y: ceiling, height: tall };
        marks[s]!.push({ ...box, text: said, ...(expert ? { expert } : {}) });
      });
      const name = labels[i]!;
      // A label needs room up to the next one, or up to the end of the strip.
      if ((i - first) % every === 0 && x + textWidth(name) <= frame.width + 2) body += label(x, floor + 12, name);
    }
    body += tag('path', { class: 'line', d: `M${left} ${inline(zero)}h${inline((end - first) * pitch)}` });
    if (yardstick) {
      const y = clamp(scale(yardstick.value), scale);
      body += tag('path', { class: 'yardstick', d: `M${left} ${inline(y)}h${inline((end - first) * pitch)}` });
      body += label(left - 5, y + 4, yardstick.label, 'end');
    }
  }

  return {
    width: frame.width,
    height: top + strips * stripPitch - 4,
    body,
    marks: {
      rows: series.length,
      columns: () => labels.length,
      mark: ({ row, column }) => marks[row]?.[column],
      at: (x, y) => {
        const strip = Math.floor((y - top + 4) / stripPitch);
        const within = Math.floor((x - left) / pitch);
        const column = strip * perStrip + within;
        if (strip < 0 || strip >= strips || within < 0 || within >= perStrip || column >= labels.length)
          return undefined;
        const inRow = marks.findIndex(
          ({ [column]: m }) => m && (stacked ? y >= m.y && y <= m.y + m.height : x <= m.x + m.width),
        );
        return { row: Math.max(0, inRow), column };
      },
      of: (expert) => {
        const place = expertPlace(chart.experts, expert);
        return place && { row: 0, column: place.row };
      },
    },
  };
}

/** Columns of a strip: as many as fit, in strips of one length; where there are several, of a round one. */
function stripLength(all: number, fits: number): number {
  const even = Math.ceil(all / Math.ceil(all / fits));
  return even === all || fits < 8 ? even : Math.min(Math.floor(fits / 8), Math.ceil(even / 8)) * 8;
}

/** Every how many columns one is labelled: a round number, so that labels stand in step. */
function labelEvery(labels: readonly string[], pitch: number): number {
  const room = widest(labels) + 12;
  const needed = Math.ceil(room / pitch);
  return [1, 2, 4, 8, 10, 16, 20, 32, 50, 64, 100, 128].find((n) => n >= needed) ?? needed;
}

function ticks(
  values: readonly number[],
  scale: (value: number) => number,
  left: number,
  width: number,
  unit: BarChart['axis']['unit'],
): string {
  return values
    .map((value) => {
      const y = scale(value);
      const line = tag('path', { class: 'grid', d: `M${left} ${inline(y)}h${inline(width)}` });
      return line + label(left - 5, y + 4, tickText(Number(value.toPrecision(2)), unit), 'end');
    })
    .join('');
}

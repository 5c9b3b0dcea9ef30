/** Points, each series with a shape of its own. */
import type { PointChart } from '../../protocol/report.ts';
import { written } from '../numbers.ts';
import { titled } from './bars.ts';
import type { Drawing, Frame, Mark } from './drawing.ts';
import { legend, SERIES } from './legend.ts';
import { nearest } from './nearest.ts';
import { plane } from './plane.ts';
import { extent } from './scale.ts';
import { inline, tag } from './text.ts';

/** Around the origin, some 7 pixels across: circle, square, triangle, diamond, cross, plus. */
const SHAPES = [
  'M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0Z',
  'M-3-3H3V3H-3Z',
  'M0-4L4 3H-4Z',
  'M0-4.2L4.2 0L0 4.2L-4.2 0Z',
  'M-3.5-3.5L3.5 3.5M3.5-3.5L-3.5 3.5',
  'M-4 0H4M0-4V4',
] as const;
/** Titles of more points than this make a file slow to open. */
const MAX_TITLES = 2000;

export function points(chart: PointChart, frame: Frame): Drawing {
  const { series } = chart;
  const keys = series.map(({ label: name }, s) => ({ name, key: (x: number, y: number) => shape(s, x + 8, y) }));
  const key = series.length > 1 ? legend(keys, 0, 0, frame.width) : { body: '', height: 0 };
  const p = plane({
    x: chart.x,
    y: chart.y,
    xRange: extent(series.flatMap((one) => one.x)),
    yRange: extent(series.flatMap((one) => one.y)),
    width: frame.width,
    above: key.height,
    aside: 12,
  });
  const marks = series.map((one, s) =>
    one.x.map((value, i): Mark | undefined => {
      const [x, y] = [p.x(value), p.y(one.y[i] ?? NaN)];
      if (!Number.isFinite(x) || !Number.isFinite(y)) return undefined;
      const where = `${chart.x.label} ${written(value, chart.x.unit)}, ${chart.y.label} ${written(one.y[i]!, chart.y.unit)}`;
      return { x: x - 5, y: y - 5, width: 10, height: 10, text: `${series[s]!.label}: ${where}` };
    }),
  );
  const titles = frame.titles && marks.flat().length <= MAX_TITLES;
  const body = marks.map((row, s) =>
    row.map((mark) => (mark ? shape(s, mark.x + 5, mark.y + 5, titled(mark.text, { ...frame, titles })) : '')).join(''),
  );
  return {
    width: frame.width,
    height: p.height,
    body: key.body + p.body + body.join(''),
    marks: {
      rows: series.length,
      columns: (row) => series[row]?.x.length ?? 0,
      mark: ({ row, column }) => marks[row]?.[column],
      at: (x, y) => nearest(marks, x, y, p),
      of: () => undefined,
    },
  };
}

function shape(s: number, x: number, y: number, title = ''): string {
  const place = `translate(${inline(x)} ${inline(y)})`;
  return tag('path', { class: `p l${s % SERIES}`, d: SHAPES[s % SHAPES.length]!, transform: place }, title);
}

/**
 * A colour a cell, in steps: all cells of a step are one path, so that 58 layers of 256 experts are some twenty elements.
 * Cells with room for it carry their value.
 */
import * as l10n from '@vscode/l10n';
import type { HeatChart } from '../../protocol/report.ts';
import { written } from '../numbers.ts';
import { titled } from './bars.ts';
import { HEAT_STEPS } from './colors.ts';
import type { Drawing, Frame, Mark, Place } from './drawing.ts';
import { tickText } from './scale.ts';
import { fitted, inline, label, LINE, tag, textWidth, widest } from './text.ts';

const ROW = { least: 5, most: 22 } as const;
/** All rows together, where they are many. */
const TARGET_HEIGHT = 320;
/** Titles of more cells than this make a file slow to open. */
const MAX_TITLES = 1200;

export function heat(chart: HeatChart, frame: Frame): Drawing {
  const [rows, columns] = [chart.rows.names, chart.columns.names];
  const g = geometry(chart, frame);
  const { left, top, rowHeight, columnWidth, gap } = g;
  const paths = new Map<number, string>();
  const said = chart.values.map((value) => (value === null ? '' : written(value, chart.unit)));
  const fits = rowHeight >= 15 && widest(said) + 10 <= columnWidth;
  const titles = frame.titles && chart.values.length <= MAX_TITLES;
  let texts = '';
  rows.forEach((_, r) => {
    for (let c = 0; c < columns.length;) {
      const step = stepOf(chart, chart.values[r * columns.length + c] ?? null);
      let end = c + 1;
      // Cells without a gap between them run together.
      if (gap === 0)
        while (end < columns.length && stepOf(chart, chart.values[r * columns.length + end] ?? null) === step) end += 1;
      if (step !== undefined) {
        const [x, y] = [left + c * columnWidth, top + r * rowHeight];
        const height = inline(rowHeight - (rowHeight >= 8 ? gap || 1 : 0));
        // By its right edge, not its width: rounded widths would leave seams between cells that touch.
        const right = inline(left + end * columnWidth - gap);
        paths.set(step, `${paths.get(step) ?? ''}M${inline(x)} ${inline(y)}H${right}v${height}H${inline(x)}z`);
        const text = said[r * columns.length + c]!;
        if (fits)
          texts += label(x + (columnWidth - gap) / 2, y + rowHeight / 2 + 3.5, text, 'middle', textClass(chart, step));
      }
      c = end;
    }
  });
  const kind = chart.scale === 'diverging' ? 'v' : 'h';
  const cells = [...paths].map(([step, d]) =>
    tag('path', { class: `${kind}${step}`, d, 'shape-rendering': 'crispEdges' }),
  );
  const mark = ({ row, column }: Place): Mark | undefined => markOf(chart, g, row, column);
  return {
    width: frame.width,
    height: g.height,
    body: names(chart, g) + cells.join('') + texts + (titles ? titleCells(chart, mark, frame) : '') + ramp(chart, g),
    marks: {
      rows: rows.length,
      columns: () => columns.length,
      mark,
      at: (x, y) => {
        const [row, column] = [Math.floor((y - top) / rowHeight), Math.floor((x - left) / columnWidth)];
        return row >= 0 && row < rows.length && column >= 0 && column < columns.length ? { row, column } : undefined;
      },
      of: ({ layer, expert }) =>
        chart.experts === true && layer < rows.length && expert < columns.length
          ? { row: layer, column: expert }
          : undefined,
    },
  };
}

interface Geometry {
  readonly left: number;
  readonly top: number;
  readonly rowHeight: number;
  readonly columnWidth: number;
  /** Between cells; 0 where they are small. */
  readonly gap: number;
  /** Below the last row. */
  readonly bottom: number;
  readonly height: number;
  readonly width: number;
}

function geometry({ rows, columns }: HeatChart, { width }: Frame): Geometry {
  const left = Math.min(widest(rows.names) + 8, width * 0.35);
  const top = 2 * LINE + 2;
  const columnWidth = Math.min(64, (width - left) / Math.max(1, columns.names.length));
  const rowHeight = Math.min(ROW.most, Math.max(ROW.least, Math.floor(TARGET_HEIGHT / Math.max(1, rows.names.length))));
  const room = Math.min(rowHeight, columnWidth);
  const gap = room >= 10 ? 2 : room >= 5 ? 1 : 0;
  const bottom = top + rows.names.length * rowHeight;
  return { left, top, rowHeight, columnWidth, gap, bottom, height: bottom + LINE + 12, width };
}

/** Colour step of a value; undefined where there is none. What lies beyond the ends has the ends' colours. */
function stepOf({ min, max, middle, scale }: HeatChart, value: number | null): number | undefined {
  if (value === null) return undefined;
  const center = middle ?? (min + max) / 2;
  const x =
    scale === 'diverging'
      ? 0.5 + (value < center ? (value - center) / (center - min || 1) : (value - center) / (max - center || 1)) / 2
      : (value - min) / (max - min || 1);
  return Math.round((HEAT_STEPS - 1) * Math.min(1, Math.max(0, x)));
}

function textClass({ scale }: HeatChart, step: number): string {
  return `cell ${scale === 'diverging' ? 'v' : 'h'}t${step}`;
}

function markOf(chart: HeatChart, g: Geometry, row: number, column: number): Mark | undefined {
  const [r, c] = [chart.rows.names[row], chart.columns.names[column]];
  const value = chart.values[row * chart.columns.names.length + column] ?? null;
  if (r === undefined || c === undefined) return undefined;
  return {
    x: g.left + column * g.columnWidth,
    y: g.top + row * g.rowHeight,
    width: g.columnWidth - g.gap,
    height: g.rowHeight - g.gap,
    text: `${r}, ${c}: ${value === null ? l10n.t`no value` : written(value, chart.unit)}`,
    ...(chart.experts === true && value !== null ? { expert: { layer: row, expert: column } } : {}),
  };
}

/** Names of rows and columns: as many as do not touch. */
function names({ rows, columns }: HeatChart, g: Geometry): string {
  const everyRow = Math.ceil(LINE / g.rowHeight);
  const everyColumn = Math.ceil((widest(columns.names) + 8) / g.columnWidth);
  const step = [1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128].find((n) => n >= everyColumn) ?? everyColumn;
  let body = label(0, 10, fitted(`${rows.label} ↓  ${columns.label} →`, g.width));
  rows.names.forEach((name, r) => {
    const y = g.top + (r + 0.5) * g.rowHeight + 3.5;
    if (r % everyRow === 0) body += label(g.left - 8, y, fitted(name, g.left - 8), 'end');
  });
  columns.names.forEach((name, c) => {
    if (c % step !== 0) return;
    const x = g.left + (c + 0.5) * g.columnWidth - g.gap / 2;
    const room = step * g.columnWidth - 4;
    // Names of narrow columns begin at their column; those of wide ones stand over its middle.
    if (g.columnWidth < textWidth(name)) {
      const from = g.left + c * g.columnWidth;
      if (from + textWidth(name) <= g.width) body += label(from, g.top - 5, fitted(name, room));
    } else body += label(x, g.top - 5, fitted(name, room), 'middle');
  });
  return body;
}

/** The colours from least to most, with the values that they stand for. */
function ramp(chart: HeatChart, g: Geometry): string {
  const kind = chart.scale === 'diverging' ? 'v' : 'h';
  const width = Math.min(120, g.width * 0.3);
  const y = g.bottom + 10;
  const [least, most] = [chart.min, chart.max].map((end) => tickText(Number(end.toPrecision(3)), chart.unit)) as [
    string,
    string,
  ];
  const beyond = chart.values.some((value) => value !== null && value > chart.max);
  const from = g.left + textWidth(least) + 6;
  const cell = width / HEAT_STEPS;
  const cells = Array.from({ length: HEAT_STEPS }, (_, i) =>
    tag('rect', {
      class: `${kind}${i}`,
      x: from + i * cell,
      y: y - 1,
      width: cell + 0.5,
      height: 9,
      'shape-rendering': 'crispEdges',
    }),
  );
  return (
    label(g.left, y + 7, least) +
    cells.join('') +
    label(from + width + 6, y + 7, beyond ? l10n.t`${most} or more` : most)
  );
}

/** Nothing to see, but something to point at: for files, which run no script. */
function titleCells(chart: HeatChart, mark: (place: Place) => Mark | undefined, frame: Frame): string {
  const columns = chart.columns.names.length;
  return chart.values
    .map((_, i) => {
      const at = mark({ row: Math.floor(i / columns), column: i % columns });
      if (!at) return '';
      const { x, y, width, height } = at;
      return tag('rect', { x, y, width, height, 'fill-opacity': 0 }, titled(at.text, frame));
    })
    .join('');
}

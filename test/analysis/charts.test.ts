/** What a reader takes from a chart: lengths, places and colours in proportion to values, and labels that can be read. */
import { describe, expect, test } from 'vitest';
import { draw } from '../../extension/analysis/charts/draw.ts';
import type { Drawing } from '../../extension/analysis/charts/drawing.ts';
import { extent, scaleOf, tickText } from '../../extension/analysis/charts/scale.ts';
import { fitted, textWidth } from '../../extension/analysis/charts/text.ts';
import type { BarChart, Chart, HeatChart, LineChart } from '../../extension/protocol/report.ts';
import { charts } from '../webview/chartSamples.ts';

const frame = { width: 600, id: 'c', titles: false };

function numbers(drawing: Drawing, pattern: RegExp): number[] {
  return Array.from(drawing.body.matchAll(pattern), ([, n]) => Number(n));
}

describe('scales', () => {
  const axis = { label: 'x', unit: 'number' } as const;

  test('end at round numbers unless they are told where', () => {
    const scale = scaleOf(axis, [0.13, 9.4], [0, 100], 20);
    expect([scale.least, scale.most]).toEqual([0, 10]);
    expect([...scale.ticks]).toEqual([0, 2, 4, 6, 8, 10]);
    expect(scale(5)).toBe(50);
    const fixed = scaleOf({ ...axis, min: 0.5, max: 4 }, [0, 9], [0, 70], 20);
    expect([fixed(0.5), fixed(4)]).toEqual([0, 70]);
  });

  test('count in whole numbers, however few they are', () => {
    expect([...scaleOf({ ...axis, unit: 'count' }, [0, 2], [0, 500], 20).ticks]).toEqual([0, 1, 2]);
  });

  test('of powers of ten have equal steps for equal ratios', () => {
    const scale = scaleOf({ ...axis, log: true }, [1, 1000], [0, 300], 40);
    expect([1, 10, 100, 1000].map((v) => Math.round(scale(v)))).toEqual([0, 100, 200, 300]);
  });

  test('hold for one value, for none, and for zero', () => {
    for (const data of [extent([3, 3]), extent([null]), extent([0, 0])]) {
      const scale = scaleOf(axis, data, [0, 100], 20);
      expect(scale.ticks.length).toBeGreaterThan(1);
      expect(scale.ticks.every((tick) => Number.isFinite(scale(tick)))).toBe(true);
    }
  });

  test('write ticks as people do', () => {
    expect(tickText(0.30000000000000004, 'number')).toBe('0.3');
    expect(tickText(0.15, 'percent')).toBe('15\u202f%');
    expect(tickText(1_200_000, 'count')).toBe('1.2M');
    expect(tickText(2.5, 'times')).toBe('2.5×');
    expect(tickText(4.25e9, 'bytes')).toBe('4.25 GB');
  });
});

describe('bars', () => {
  const chart: BarChart = {
    kind: 'bars',
    labels: ['a', 'b', 'c'],
    series: [{ label: 'x', values: [4, 1, -2] }],
    axis: { label: 'x', unit: 'number' },
  };

  test('are as long as their values, from a common zero', () => {
    const drawing = draw(chart, frame);
    const [a, b, c] = numbers(drawing, /<rect class="s0"[^>]* width="([\d.]+)"/g);
    expect(a! / b!).toBeCloseTo(4, 1);
    expect(c! / b!).toBeCloseTo(2, 1);
    const [ax, , cx] = numbers(drawing, /<rect class="s0" x="([\d.]+)"/g);
    expect(cx! + c!).toBeCloseTo(ax!, 1);
  });

  test('make room for a yardstick near them, and keep theirs from one far off', () => {
    const length = (value?: number): number => {
      const yardstick = value === undefined ? {} : { yardstick: { value, label: 'limit' } };
      return numbers(draw({ ...chart, ...yardstick }, frame), /<rect class="s0"[^>]* width="([\d.]+)"/g)[0]!;
    };
    expect(length(8)).toBeLessThan(0.7 * length());
    expect(length(1000)).toBe(length());
  });

  test('on one another reach their sum, which is written beside them', () => {
    const series = [
      { label: 'x', values: [1, 2] },
      { label: 'y', values: [3, 0.5] },
    ];
    const drawing = draw({ ...chart, labels: ['a', 'b'], series, stacked: true }, frame);
    const boxes = [0, 1].map((column) => drawing.marks.mark({ row: 0, column })!);
    expect(boxes[1]!.x).toBeCloseTo(boxes[0]!.x + boxes[0]!.width, 1);
    expect(boxes[1]!.width / boxes[0]!.width).toBeCloseTo(3, 1);
    expect(drawing.body).toContain('>4.00<');
    expect(drawing.body).toContain('>2.50<');
  });

  test('of hundreds of experts stand in strips of a round number, each in its own colour', () => {
    const experts = Array.from({ length: 256 }, (_, expert) => ({ layer: 2, expert }));
    const labels = experts.map(({ expert }) => `E${expert}`);
    const many: BarChart = { ...chart, labels, experts, series: [{ label: 'x', values: labels.map((_, i) => i) }] };
    for (const width of [300, 600, 1200]) {
      const { body, marks, height } = draw(many, { ...frame, width });
      expect(marks.columns(0)).toBe(256);
      expect(body).toContain('class="x255"');
      expect(height).toBeLessThan(800);
      const at = marks.of({ layer: 2, expert: 200 })!;
      const mark = marks.mark(at)!;
      expect(mark).toMatchObject({ text: 'E200: 200', expert: { layer: 2, expert: 200 } });
      expect(marks.at(mark.x + mark.width / 2, mark.y + mark.height / 2)).toEqual(at);
    }
  });
});

describe('lines', () => {
  test('do not run through the name of the yardstick', () => {
    const axis = { label: 'x', unit: 'number' } as const;
    const series = [{ label: 'a', x: [0, 1], y: [1.1, 1.1] }];
    const chart: LineChart = { kind: 'lines', x: axis, y: axis, series, yardstick: { value: 1, label: 'even' } };
    const { body } = draw(chart, frame);
    const [name, line] = [body.indexOf('>even</text>'), body.lastIndexOf('<path')];
    expect(Math.min(name, line)).toBeGreaterThan(0);
    expect(name).toBeGreaterThan(line);
  });

  const sample = charts.figures[0]!.chart as LineChart;

  test('names at their ends do not run into each other', () => {
    const y = (end: number): number[] => [0, end];
    const series = [1, 1.001, 1.002, 1.003].map((end, i) => ({ label: `line ${i}`, x: [0, 1], y: y(end) }));
    const { body } = draw({ kind: 'lines', x: sample.x, y: { label: 'y', unit: 'number' }, series }, frame);
    const places = Array.from(body.matchAll(/y="([\d.]+)" class="name">line \d/g), ([, at]) => Number(at)).sort(
      (a, b) => a - b,
    );
    expect(places).toHaveLength(4);
    for (let i = 1; i < 4; i++) expect(places[i]! - places[i - 1]!).toBeGreaterThanOrEqual(13.9);
  });

  test('are told apart by keys at their names, and names are never cut: what has no room beside stands above', () => {
    const series = [
      { label: 'this text', x: [1, 194], y: [0.1, 0.94] },
      { label: 'tokens of this load by themselves', x: [1, 194], y: [0.1, 0.93] },
      { label: 'without a value', x: [1, 194], y: [null, null] },
    ];
    const drawn = (width: number): string =>
      draw({ kind: 'lines', x: sample.x, y: { label: 'y', unit: 'number' }, series }, { ...frame, width }).body;
    const keyed = (classes: string, name: string): RegExp =>
      new RegExp(`<path class="${classes}" d="M[\\d.]+ [\\d.]+h16"/><text [^>]*>${name}</text>`, 'u');
    for (const width of [500, 900]) {
      expect(drawn(width)).toMatch(keyed('l l0 d0', 'this text'));
      expect(drawn(width)).toMatch(keyed('l l1 d1', 'tokens of this load by themselves'));
      expect(drawn(width)).not.toContain('without a value');
    }
    expect([drawn(500), drawn(900)].map((body) => body.includes('class="name"'))).toEqual([false, true]);
  });

  test('of less weight are named where they are one thing, beside the line or above', () => {
    const line = (label: string, faint: boolean): LineChart['series'][number] => ({
      label,
      x: [0, 1],
      y: [1, 2],
      faint,
    });
    const named = (width: number, ...faint: string[]): string[] => {
      const series = [line('L0', false), ...faint.map((label) => line(label, true))];
      const { body } = draw({ kind: 'lines', x: sample.x, y: sample.y, series }, { ...frame, width });
      return ['L0', ...new Set(faint)].filter((label) => body.includes(`>${label}</text>`));
    };
    for (const width of [300, 600]) {
      expect(named(width, 'mean of layers')).toEqual(['L0', 'mean of layers']);
      expect(named(width, 'other layers', 'other layers')).toEqual(['L0', 'other layers']);
      expect(named(width, 'L1', 'L2')).toEqual(['L0']);
    }
  });

  test('break where a value is missing', () => {
    const series = [{ label: 'a', x: [0, 1, 2, 3], y: [1, null, 2, 3] }];
    const { body, marks } = draw({ kind: 'lines', x: sample.x, y: sample.y, series }, frame);
    const d = /class="l l0 d0" d="([^"]+)"/.exec(body)![1]!;
    expect(d.match(/M/g)).toHaveLength(2);
    expect(marks.mark({ row: 0, column: 1 })).toBeUndefined();
  });

  test('what is pointed at is the nearest point, with the interval around it', () => {
    const { marks } = draw(sample, frame);
    const row = sample.series.findIndex(({ label }) => label === 'by position');
    const mark = marks.mark({ row, column: 1 })!;
    expect(marks.at(mark.x + 4, mark.y + 4)).toEqual({ row, column: 1 });
    // exp(−1), and 15 % of it less and more.
    expect(mark.text).toBe('by position, capacity factor 1.00: 36.8\u202f% (31.3\u202f% to 42.3\u202f%)');
    expect(marks.at(mark.x + 4, -50)).toBeUndefined();
  });
});

describe('heat maps', () => {
  const chart: HeatChart = {
    kind: 'heat',
    rows: { label: 'row', names: ['a', 'b'] },
    columns: { label: 'column', names: ['x', 'y', 'z'] },
    values: [0, 1, 2, null, 5, -1],
    unit: 'number',
    scale: 'sequential',
    min: 0,
    max: 2,
  };

  test('have the colour of the value, and of the ends beyond them; no value, no cell', () => {
    const { body } = draw(chart, frame);
    const cells = (step: number): number =>
      (new RegExp(`<path class="h${step}" d="([^"]+)"`).exec(body)?.[1]!.match(/M/g) ?? []).length;
    expect([cells(0), cells(12), cells(24)]).toEqual([2, 1, 2]);
    expect(body).toContain('>2 or more<');
  });

  test('that diverge have their middle where it is told', () => {
    const { body } = draw({ ...chart, scale: 'diverging', min: -1, middle: 1, max: 5 }, frame);
    expect(/<path class="v12" d="([^"]+)"/.exec(body)![1]!.match(/M/g)).toHaveLength(1);
    expect(body).toMatch(/<path class="v0"/);
    expect(body).toMatch(/<path class="v24"/);
  });

  test('write values where cells have room', () => {
    expect(draw(chart, frame).body).toContain('>1.00<');
    const narrow = {
      ...chart,
      columns: { label: 'c', names: Array.from({ length: 90 }, (_, i) => `c${i}`) },
      rows: { label: 'r', names: ['a'] },
      values: Array.from({ length: 90 }, () => 1),
    };
    expect(draw(narrow, frame).body).not.toContain('>1.00<');
  });

  test('leave a gap between values in cells beside one another', () => {
    const names = Array.from({ length: 10 }, (_, i) => String(i));
    const shares: HeatChart = {
      ...chart,
      rows: { label: 'layer', names: ['L'] },
      columns: { label: 'factor', names },
      values: names.map(() => 0.536),
      unit: 'percent',
    };
    // The name of the row takes less than 20 pixels. In most fonts 53.6 % is some 35 pixels wide.
    const written = (columnWidth: number): boolean =>
      draw(shares, { ...frame, width: 20 + 10 * columnWidth }).body.includes('>53.6\u202f%<');
    expect([38, 42, 46].map(written)).toEqual([false, false, true]);
  });
});

test('no label is wider than its chart, at any width', () => {
  for (const width of [240, 300, 480, 800, 1200]) {
    for (const { id, chart } of charts.figures) {
      const { body } = draw(chart as Chart, { ...frame, width });
      for (const [, x, anchor, text] of body.matchAll(/<text x="([-\d.]+)"[^>]*?(?: text-anchor="(\w+)")?>([^<]+)</g)) {
        const left = Number(x) - (anchor === 'end' ? 1 : anchor === 'middle' ? 0.5 : 0) * textWidth(text!);
        expect(left, `${id} at ${width}: ${text!}`).toBeGreaterThan(-8);
        expect(left + textWidth(text!), `${id} at ${width}: ${text!}`).toBeLessThan(width + 14);
      }
    }
  }
});

test('a label is cut to its room', () => {
  expect(fitted('short', 100)).toBe('short');
  const cut = fitted('a name that is far too long for its place', 80);
  expect(cut).toMatch(/^a name.*…$/);
  expect(textWidth(cut)).toBeLessThanOrEqual(80);
});

test('charts without any data are charts', () => {
  const axis = { label: 'x', unit: 'number' } as const;
  const empty: readonly Chart[] = [
    { kind: 'bars', labels: [], series: [{ label: 'x', values: [] }], axis },
    { kind: 'lines', x: axis, y: axis, series: [] },
    { kind: 'points', x: axis, y: { ...axis, log: true }, series: [{ label: 'x', x: [], y: [] }] },
    {
      kind: 'heat',
      rows: { label: 'r', names: [] },
      columns: { label: 'c', names: [] },
      values: [],
      unit: 'number',
      scale: 'sequential',
      min: 0,
      max: 0,
    },
  ];
  for (const chart of empty) {
    const { body, height, marks } = draw(chart, frame);
    expect(body).not.toMatch(/NaN|Infinity|undefined/);
    expect(height).toBeGreaterThan(0);
    expect(marks.at(100, 20)).toBeUndefined();
  }
});

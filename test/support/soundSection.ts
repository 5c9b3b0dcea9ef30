/** What every section of a report keeps, whatever its subject. */
import { expect } from 'vitest';
import type { Chart, Figure, Section } from '../../extension/protocol/report.ts';

export function expectSound(section: Section): void {
  // JSON has no NaN: null would come back.
  expect(JSON.parse(JSON.stringify(section))).toEqual(section);
  const said = section.figures.length > 0 || (section.lacking ?? section.verdict) !== undefined;
  expect(said, `${section.id} says nothing`).toBe(true);
  expect(section.verdict ?? '').not.toMatch(/NaN|undefined|Infinity/);
  for (const ids of [section.figures, section.controls].map((of) => of.map(({ id }) => id))) {
    expect(new Set(ids).size, ids.join()).toBe(ids.length);
  }
  section.figures.forEach(expectSoundFigure);
}

function expectSoundFigure({ id, text, table, chart }: Figure): void {
  expect(id).toMatch(/^[a-z0-9-]+$/);
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
  for (const row of table.rows) expect(row.length, id).toBe(table.columns.length);
  for (const part of [table.experts, table.places]) if (part) expect(part.length, id).toBe(table.rows.length);
  for (const place of table.places ?? []) if (place) expect(place.end).toBeGreaterThanOrEqual(place.start);
  if (chart) expectSoundChart(chart, id);
}

function expectSoundChart(chart: Chart, id: string): void {
  switch (chart.kind) {
    case 'bars':
      for (const { values } of chart.series) expect(values.length, id).toBe(chart.labels.length);
      if (chart.experts) expect(chart.experts.length, id).toBe(chart.labels.length);
      break;
    case 'lines':
      for (const { x, y, low, high } of chart.series) {
        for (const part of [y, low, high]) if (part) expect(part.length, id).toBe(x.length);
      }
      break;
    case 'points':
      for (const { x, y } of chart.series) expect(y.length, id).toBe(x.length);
      break;
    case 'heat':
      expect(chart.values.length, id).toBe(chart.rows.names.length * chart.columns.names.length);
      expect(chart.max, id).toBeGreaterThan(chart.min);
      break;
  }
}

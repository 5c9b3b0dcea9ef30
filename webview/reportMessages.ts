/** Shapes of the messages that the report page gets. */
import * as v from 'valibot';
import { BASES, UNITS } from '../extension/protocol/report.ts';
import type { ToReportPage } from '../extension/protocol/webview.ts';
import { viewState } from './messages.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const value = v.nullable(finite);
const text = v.string();
const unit = v.picklist(UNITS);
const expertRef = v.object({ layer: index, expert: index });
const place = v.object({ file: v.exactOptional(index), start: index, end: index });

const axis = v.object({
  label: text,
  unit,
  min: v.exactOptional(finite),
  max: v.exactOptional(finite),
  log: v.exactOptional(v.boolean()),
});
const yardstick = v.exactOptional(v.object({ value: finite, label: text }));
const band = v.exactOptional(v.object({ from: finite, to: finite, label: text }));

const chart = v.variant('kind', [
  v.object({
    kind: v.literal('bars'),
    labels: v.array(text),
    series: v.array(v.object({ label: text, values: v.array(value) })),
    stacked: v.exactOptional(v.boolean()),
    axis,
    yardstick,
    experts: v.exactOptional(v.array(expertRef)),
  }),
  v.object({
    kind: v.literal('lines'),
    x: axis,
    y: axis,
    series: v.array(
      v.object({
        label: text,
        x: v.array(finite),
        y: v.array(value),
        low: v.exactOptional(v.array(value)),
        high: v.exactOptional(v.array(value)),
        faint: v.exactOptional(v.boolean()),
      }),
    ),
    yardstick,
    band,
    at: v.exactOptional(finite),
  }),
  v.object({
    kind: v.literal('points'),
    x: axis,
    y: axis,
    series: v.array(v.object({ label: text, x: v.array(finite), y: v.array(finite) })),
  }),
  v.object({
    kind: v.literal('heat'),
    rows: v.object({ label: text, names: v.array(text) }),
    columns: v.object({ label: text, names: v.array(text) }),
    values: v.array(value),
    unit,
    scale: v.picklist(['sequential', 'diverging']),
    min: finite,
    middle: v.exactOptional(finite),
    max: finite,
    experts: v.exactOptional(v.boolean()),
  }),
]);

const control = { id: text, label: text };
const action = v.object({ kind: v.literal('action'), ...control, primary: v.exactOptional(v.boolean()) });
const controls = v.variant('kind', [
  v.object({
    kind: v.literal('slider'),
    ...control,
    min: finite,
    max: finite,
    step: finite,
    value: finite,
    unit,
    band,
  }),
  v.object({
    kind: v.literal('number'),
    ...control,
    min: finite,
    max: finite,
    value: finite,
    unit: v.exactOptional(text),
  }),
  v.object({
    kind: v.literal('choice'),
    ...control,
    options: v.array(v.object({ value: text, label: text })),
    value: text,
    layer: v.exactOptional(v.literal(true)),
  }),
  v.object({ kind: v.literal('toggle'), ...control, value: v.boolean() }),
  action,
]);

const figure = v.object({
  // Ids go into the page and into names of files.
  id: v.pipe(text, v.regex(/^[a-z0-9-]+$/)),
  title: text,
  basis: v.picklist(BASES),
  help: v.object({
    meaning: text,
    formula: v.exactOptional(text),
    source: v.exactOptional(text),
    judge: v.exactOptional(text),
  }),
  text,
  chart: v.exactOptional(chart),
  table: v.object({
    columns: v.array(v.object({ label: text, unit })),
    rows: v.array(v.array(v.union([text, finite, v.null()]))),
    experts: v.exactOptional(v.array(v.nullable(expertRef))),
    places: v.exactOptional(v.array(v.nullable(place))),
  }),
  actions: v.exactOptional(v.array(action)),
});

const section = v.object({
  id: text,
  title: text,
  verdict: v.exactOptional(text),
  lacking: v.exactOptional(text),
  controls: v.array(controls),
  figures: v.array(figure),
});

export const toReportPage: v.GenericSchema<unknown, ToReportPage> = v.variant('type', [
  v.object({ type: v.literal('state'), state: viewState }),
  v.object({
    type: v.literal('subjects'),
    subjects: v.array(v.object({ id: text, name: text, detail: text })),
    current: v.exactOptional(text),
  }),
  v.object({ type: v.literal('sections'), sections: v.array(v.object({ id: text, title: text, group: text })) }),
  v.object({ type: v.literal('changed') }),
  v.object({ type: v.literal('reveal'), section: text }),
  v.object({ type: v.literal('section'), request: v.number(), section }),
  v.object({ type: v.literal('failed'), request: v.number(), message: text }),
]);

/** The command line of `moescope report`. */
import { parseArgs } from 'node:util';
import type { Settings } from '../analysis/export/report.ts';
import { makeSection, SECTIONS } from '../analysis/sections/all.ts';
import type { Subject } from '../analysis/sections/subject.ts';
import type { Control, Parameters } from '../protocol/report.ts';
import type { ReportOptions } from './report.ts';
import { layerNamed } from './measuring.ts';
import { HERE_ALONE, MODEL_OPTIONS, modelOptions } from './modelOptions.ts';
import { notWith, SERVER_OPTIONS, serverOptions } from './serverOptions.ts';
import { UsageError } from './usage.ts';
import { oneOf, understood } from './values.ts';

const USAGE = `moescope report FILE… [options]          routes texts through a model and says what their load tells, one report a FILE
moescope report --trace FILE [options]   the same of recorded routing; --trace more than once adds counts up

  --html OUT        write one HTML file that opens without a network, prints, and holds every table ("-": standard output)
  --json OUT        write everything as JSON, a line a report ("-": standard output, and no tables)
  --csv DIR         write every table as CSV
  --svg DIR         write every chart as SVG
  --section ID      only this section; may be given more than once
  --set S.C=VALUE   set a section's control, as in capacity.factor=1.5; may be given more than once
  --against PATH    compare with the same text under the model at PATH, or with the text there; of a --trace, with that recording
  --part NAME       which of the counts that a recording holds
  --model, --router, --server, --threads, --context, --precision, --provider   as for moescope analyze

Sections: ${SECTIONS.map(({ id }) => id).join(', ')}.`;

/** Undefined when only help was asked for, which is printed. Throws UsageError. */
export function parseReport(args: string[]): ReportOptions | undefined {
  const { values, positionals } = understood(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        html: { type: 'string' },
        json: { type: 'string' },
        csv: { type: 'string' },
        svg: { type: 'string' },
        section: { type: 'string', multiple: true },
        set: { type: 'string', multiple: true },
        trace: { type: 'string', multiple: true },
        part: { type: 'string' },
        against: { type: 'string' },
        ...MODEL_OPTIONS,
        ...SERVER_OPTIONS,
        help: { type: 'boolean', short: 'h' },
      },
    }),
  );
  if (values.help === true) {
    console.log(USAGE);
    return undefined;
  }
  const server = serverOptions(values);
  notWith(values, 'server', [...HERE_ALONE, 'trace']);
  notWith(values, 'trace', HERE_ALONE);
  return {
    files: positionals,
    server,
    trace: values.trace ?? [],
    part: values.part,
    against: values.against,
    json: values.json,
    html: values.html,
    csv: values.csv,
    svg: values.svg,
    sections: (values.section ?? []).map(knownSection),
    set: (values.set ?? []).map(wellFormed),
    generate: 0,
    ...modelOptions(values),
  };
}

function knownSection(id: string): string {
  const ids = SECTIONS.map((section) => section.id);
  return oneOf('section', id, ids)!;
}

const SETTING = /^([^.=]+)\.([^.=]+)=(.*)$/su;

function wellFormed(text: string): string {
  const [, section] = SETTING.exec(text) ?? [];
  if (section === undefined) throw new UsageError(`--set takes SECTION.CONTROL=VALUE, not "${text}".`);
  knownSection(section);
  return text;
}

/** What was set, as the controls of a subject's sections take it. Throws UsageError naming what they take. */
export function settingsOf(texts: readonly string[], subject: Subject): Settings {
  const settings: Record<string, Parameters> = {};
  for (const text of texts) {
    const [, section, control, value] = SETTING.exec(text)!;
    const made = makeSection(section!, subject, settings[section!] ?? {});
    const controls = made?.controls.filter(({ kind }) => kind !== 'action') ?? [];
    const found = controls.find(({ id }) => id === control);
    if (!found) {
      const known = controls.map(({ id }) => id).join(', ');
      const has = known === '' ? 'has nothing to set here' : `has ${known}`;
      throw new UsageError(`--set ${section!}.${control!}: ${section!} ${has}.`);
    }
    settings[section!] = { ...settings[section!], [found.id]: valueOf(found, value!, text) };
  }
  return settings;
}

/** A label of a layer, in the control of one; the value behind it is its place among those with experts. */
const LAYER = /^[LED]\d+$/u;

function valueOf(control: Control, text: string, setting: string): string | number | boolean {
  const refuse = (takes: string): UsageError => new UsageError(`--set ${setting}: it takes ${takes}.`);
  switch (control.kind) {
    case 'slider':
    case 'number': {
      const value = text.trim() === '' ? NaN : Number(text);
      if (!(value >= control.min && value <= control.max)) throw refuse(`${control.min} to ${control.max}`);
      return value;
    }
    case 'choice': {
      const { id, options } = control;
      const isLayer = (label: string): boolean => id === 'layer' && LAYER.test(label);
      const found =
        options.find(({ label }) => isLayer(label) && label === layerNamed(text)) ??
        options.find(({ value, label }) => !isLayer(label) && value === text) ??
        options.find(({ label }) => label === text);
      if (found) return found.value;
      throw refuse(
        options
          .map(({ value, label }) => (label === value || isLayer(label) ? label : `${value} (${label})`))
          .join(', '),
      );
    }
    case 'toggle':
      if (text !== 'true' && text !== 'false') throw refuse('true or false');
      return text === 'true';
    case 'action':
      throw refuse('nothing');
  }
}

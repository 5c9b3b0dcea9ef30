/** A whole report: every section of a subject, as the user set them. */
import * as l10n from '@vscode/l10n';
import type { Parameters, Section } from '../../protocol/report.ts';
import type { Written } from '../../protocol/written.ts';
import { BASIS_NAMES } from '../basis.ts';
import { tokenCount } from '../labels.ts';
import { ranText } from '../ranText.ts';
import { ABLATION } from '../sections/ablationControls.ts';
import { makeSection, SECTIONS } from '../sections/all.ts';
import { WHAT_IF } from '../sections/changeControls.ts';
import { COST } from '../sections/cost.ts';
import { MEND } from '../sections/mendControls.ts';
import type { Subject } from '../sections/subject.ts';

export interface Report {
  readonly subject: Subject;
  readonly sections: readonly Section[];
  /** Absent where it is not written to a file. */
  readonly by?: Written;
}

/** What the user set, by section. */
export type Settings = Readonly<Record<string, Parameters>>;

/** All sections in their order, or those that are named. */
export function reportOf(subject: Subject, settings: Settings = {}, only?: readonly string[]): Report {
  const ids = SECTIONS.map(({ id }) => id).filter((id) => only?.includes(id) ?? true);
  const sections = ids.flatMap((id) => makeSection(id, subject, settings[id] ?? {}) ?? []);
  return { subject, sections };
}

/** Sections whose figures the model is run for when somebody asks. */
const ON_REQUEST: readonly string[] = [WHAT_IF, MEND, ABLATION, COST];

/** Sections with something to show, and of the others what they say instead: what it takes to have them. */
export function partsOf({ sections }: Report): {
  readonly shown: readonly Section[];
  readonly absent: readonly Absent[];
} {
  const shown = sections.filter(({ figures }) => figures.length > 0);
  const absent = sections.flatMap(({ id, title, verdict, lacking, controls, figures }): Absent[] => {
    if (figures.length > 0) return [];
    // A file has no buttons.
    const unasked = ON_REQUEST.includes(id) && controls.some(({ kind }) => kind === 'action');
    const why = unasked ? l10n.t`Measured on request, which had not been made.` : (verdict ?? lacking ?? '');
    return [{ id, title, why, unasked }];
  });
  return { shown, absent };
}

export interface Absent {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** The model can be run for it, and was not yet. */
  readonly unasked: boolean;
}

/** What was routed by what, and what wrote that when, in a line. */
export function aboutReport({ subject: { model, source, trace }, by }: Report): string {
  const tokens = trace ? [tokenCount(trace.routed)] : [];
  const of = model.architecture === '' ? model.name : `${model.name} (${model.architecture})`;
  const from = by ? [by.writer, `${by.written.slice(0, 16).replace('T', ' ')} UTC`] : [];
  return [of, ranText(model), ...tokens, BASIS_NAMES[source], ...from].join(' · ');
}

/** A whole report: every section of a subject, as the user set them. */
import * as l10n from '@vscode/l10n';
import type { Parameters, Section } from '../../protocol/report.ts';
import { BASIS_NAMES } from '../basis.ts';
import { count } from '../numbers.ts';
import { makeSection, SECTIONS } from '../sections/all.ts';
import type { Subject } from '../sections/subject.ts';

export interface Report {
  readonly subject: Subject;
  readonly sections: readonly Section[];
}

/** What the user set, by section. */
export type Settings = Readonly<Record<string, Parameters>>;

/** All sections in their order, or those that are named. */
export function reportOf(subject: Subject, settings: Settings = {}, only?: readonly string[]): Report {
  const ids = SECTIONS.map(({ id }) => id).filter((id) => only?.includes(id) ?? true);
  const sections = ids.flatMap((id) => makeSection(id, subject, settings[id] ?? {}) ?? []);
  return { subject, sections };
}

/** Sections with something to show, and of the others what they say instead: what it takes to have them. */
export function partsOf({ sections }: Report): {
  readonly shown: readonly Section[];
  readonly absent: readonly Absent[];
} {
  const shown = sections.filter(({ figures }) => figures.length > 0);
  const absent = sections.flatMap(({ title, verdict, lacking, figures }) => {
    return figures.length > 0 ? [] : [{ title, why: verdict ?? lacking ?? '' }];
  });
  return { shown, absent };
}

export interface Absent {
  readonly title: string;
  readonly why: string;
}

/** What was routed by what, in a line. */
export function aboutReport({ subject: { model, source, trace } }: Report): string {
  const tokens = trace ? [l10n.t`${count(trace.routed)} tokens`] : [];
  const of = model.architecture === '' ? model.name : `${model.name} (${model.architecture})`;
  return [of, l10n.t`${model.precision} on ${model.provider}`, ...tokens, BASIS_NAMES[source]].join(' · ');
}

/** `moescope report`: every section of texts or recordings, in the terminal and as files. */
import { reportFiles, type ExportFormat } from '../analysis/export/files.ts';
import { reportsHtml } from '../analysis/export/html.ts';
import { reportJson } from '../analysis/export/json.ts';
import { partsOf, reportOf, type Report } from '../analysis/export/report.ts';
import { subjectsOfCounts } from '../analysis/recordedKinds.ts';
import { subjectOf, subjectOfCounts, type Subject } from '../analysis/sections/subject.ts';
import type { Recording } from '../protocol/recording.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { routedAgainst } from './against.ts';
import { aboutCounts, chosenCounts, withoutPart } from './counts.ts';
import { openRecording, requireUse, type ObtainOptions } from './obtain.ts';
import { writeFolder, writeOut } from './output.ts';
import { settingsOf } from './reportOptions.ts';
import { fileName, INTERRUPTED, readText, routeAll } from './route.ts';
import { absentText, sectionText } from './sectionText.ts';
import { summary, visible } from './table.ts';
import { UsageError } from './usage.ts';

export interface ReportOptions extends ObtainOptions {
  readonly part: string | undefined;
  /** What to compare with: a model, a text, or a recording where one is reported on. */
  readonly against: string | undefined;
  /** Files; "-" is standard output, and then nothing is printed. */
  readonly json: string | undefined;
  readonly html: string | undefined;
  /** Folders. */
  readonly csv: string | undefined;
  readonly svg: string | undefined;
  /** Ids of sections; all when there are none. */
  readonly sections: readonly string[];
  /** As written: section.control=value. */
  readonly set: readonly string[];
}

interface Obtained {
  readonly subject: Subject;
  /** What it is, before its sections. */
  readonly about: string;
}

/** Returns the exit code; throws UserError and UsageError. */
export async function report(options: ReportOptions): Promise<number> {
  const { obtained, interrupted } = await obtainAll(options);
  const only = options.sections.length > 0 ? options.sections : undefined;
  const by = writtenNow(__dirname);
  const reports = obtained.map(({ subject }) => ({ ...reportOf(subject, settingsOf(options.set, subject), only), by }));
  await writeFiles(reports, options);
  if (options.json !== '-' && options.html !== '-') {
    const texts = reports.map((made, i) => {
      const { shown, absent } = partsOf(made);
      return [obtained[i]!.about, ...shown.map(sectionText), ...absentText(absent)].join('\n');
    });
    process.stdout.write(texts.join(`\n${'─'.repeat(80)}\n\n`));
  }
  return interrupted ? INTERRUPTED : 0;
}

async function obtainAll(options: ReportOptions): Promise<{ obtained: readonly Obtained[]; interrupted: boolean }> {
  const { files } = options;
  const [first, ...more] = options.trace;
  if (first !== undefined) {
    if (files.length > 0) throw new UsageError('Either a FILE or --trace, not both.');
    const { against, model } = options;
    const recording = await openRecording([first, ...more], model);
    const other = against === undefined ? undefined : await openRecording([against], model);
    requireUse(model, other ? [recording, other] : [recording]);
    const names = namesOf([...options.trace, ...(against === undefined ? [] : [against])]);
    const obtained = recorded(names.slice(0, options.trace.length).join(', '), recording, options);
    const others = other ? recorded(names.at(-1)!, other, options) : [];
    return { obtained: besideNamesakes(obtained, others), interrupted: false };
  }
  if (files.length === 0) throw new UsageError('Which FILE? "-" reads standard input.');
  if (options.part !== undefined) throw new UsageError('--part is for --trace.');
  const texts: string[] = [];
  for (const name of files) texts.push(await readText(name));
  const routed = await routeAll(texts, options);
  const names = namesOf([...files, ...(options.against === undefined ? [] : [options.against])]);
  const obtained = routed.map(({ recorded: { trace, text } }, i) => {
    const name = names[i]!;
    const title = files.length > 1 ? `${visible(name, Infinity)}\n` : '';
    return { subject: subjectOf(name, trace, text), about: title + summary(trace) };
  });
  const interrupted = routed.some((one) => one.interrupted);
  if (options.against === undefined || interrupted) return { obtained, interrupted };
  const sides = obtained.map(({ subject }, i) => ({ name: subject.name, text: routed[i]!.recorded.text }));
  const second = await routedAgainst({ path: options.against, name: names.at(-1)! }, sides, options);
  return {
    obtained: obtained.map((one, i) => (second.others[i] ? beside(one, second.others[i]) : one)),
    interrupted: second.interrupted,
  };
}

function beside({ subject, about }: Obtained, other: Subject): Obtained {
  return { about, subject: { ...subject, evidence: { ...subject.evidence, other } } };
}

/** Parts of two recordings go together by their names; a recording of one part goes with all. Throws UsageError. */
function besideNamesakes(obtained: readonly Obtained[], others: readonly Obtained[]): readonly Obtained[] {
  const [first, ...more] = others;
  if (!first) return obtained;
  const pairs = obtained.map((one) => ({
    one,
    other: more.length === 0 ? first : others.find(({ subject }) => subject.name === one.subject.name),
  }));
  if (pairs.every(({ other }) => !other)) {
    const names = others.map(({ subject }) => `"${subject.name}"`).join(', ');
    throw new UsageError(
      `--against holds ${names}, of which --trace holds none: --part NAME says which to compare with.`,
    );
  }
  return pairs.map(({ one, other }) => (other ? beside(one, other.subject) : one));
}

function recorded(name: string, recording: Recording, { part, against }: ReportOptions): Obtained[] {
  // Of two recordings, a part is named of the one that has several.
  const named = against !== undefined && partsIn(recording) < 2 ? undefined : part;
  if (recording.kind === 'trace') {
    withoutPart(named);
    const { trace, text } = recording;
    return [{ subject: subjectOf(name, trace, text === '' ? undefined : text), about: summary(trace) }];
  }
  const chosen = chosenCounts(recording.counts, named);
  const together = subjectsOfCounts(name, chosen)
    .filter(({ domains }) => domains)
    .map((subject) => ({ subject, about: `${visible(subject.name)}\n` }));
  const each = chosen.map((counts) => ({
    subject: subjectOfCounts(counts.name === '' ? name : counts.name, counts),
    about: aboutCounts(counts),
  }));
  return [...each, ...together];
}

function partsIn(recording: Recording): number {
  return recording.kind === 'counts' ? recording.counts.length : 1;
}

/** What files are called, with the way to them where several are called alike. */
function namesOf(files: readonly string[]): string[] {
  const names = files.map(fileName);
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : files[i]!));
}

async function writeFiles(reports: readonly Report[], { json, html, csv, svg }: ReportOptions): Promise<void> {
  if (json !== undefined) await writeOut(json, reports.map(reportJson));
  if (html !== undefined) await writeOut(html, [reportsHtml(reports, 'vivid')]);
  const folders: readonly (readonly [ExportFormat, string | undefined])[] = [
    ['csv', csv],
    ['svg', svg],
  ];
  for (const [format, folder] of folders) {
    if (folder !== undefined) await writeFolder(folder, reportFiles(reports, format, 'vivid'));
  }
}

import * as l10n from '@vscode/l10n';
import { homedir } from 'node:os';
import { basename } from 'node:path';
import { Uri, ViewColumn, window, workspace } from 'vscode';
import { count } from '../analysis/numbers.ts';
import { subjectsOfCounts } from '../analysis/recordedKinds.ts';
import { subjectOf, type Subject } from '../analysis/sections/subject.ts';
import type { InspectorClient } from '../client/inspectorClient.ts';
import type { RecordedCounts, Recording } from '../protocol/recording.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import type { Analyzer } from './analyzer.ts';
import { unlinked } from './markdown.ts';
import { withNotice } from './progressNotice.ts';
import type { ReportPage } from './reportPage.ts';
import { modelDetail, type Subjects } from './subjects.ts';

/** Opens recorded routing: a text with its tokens in an editor, all else in the load report. */
export class Recordings {
  readonly #inspector: InspectorClient;
  readonly #analyzer: Analyzer;
  readonly #subjects: Subjects;
  readonly #report: ReportPage;

  constructor(inspector: InspectorClient, analyzer: Analyzer, subjects: Subjects, report: ReportPage) {
    this.#inspector = inspector;
    this.#analyzer = analyzer;
    this.#subjects = subjects;
    this.#report = report;
  }

  /** Asks for a file and opens it. Whether its text stands in an editor now. Throws UserError. */
  async open(): Promise<boolean> {
    const [file] =
      (await window.showOpenDialog({
        title: l10n.t`Recorded routing`,
        openLabel: l10n.t`Open Trace`,
        defaultUri: workspace.workspaceFolders?.[0]?.uri ?? Uri.file(homedir()),
        filters: {
          [l10n.t`Recorded routing`]: ['json', 'jsonl', 'npy', 'npz', 'pt', 'gguf', 'dat', 'csv', 'tsv', 'txt'],
          [l10n.t`All files`]: ['*'],
        },
      })) ?? [];
    return file !== undefined && this.openFile(file.fsPath);
  }

  /** Opens a file. Whether its text stands in an editor now. Throws UserError. */
  async openFile(path: string): Promise<boolean> {
    const name = basename(path);
    const abort = new AbortController();
    const recording = await withNotice(name, l10n.t`Reading ${name}`, abort, () =>
      this.#inspector.recording(path, abort.signal),
    );
    return this.#show(path, name, recording);
  }

  /** Opens recorded counts that come with the extension: each model's, with all its kinds of text. Throws UserError. */
  async openBundled(file: Uri): Promise<void> {
    const recording = await this.#inspector.recording(file.fsPath, new AbortController().signal);
    if (recording.kind !== 'counts') return;
    const subjects = subjectsOfCounts(basename(file.fsPath), recording.counts).filter(({ domains }) => domains);
    for (const subject of [...subjects].reverse()) this.#addCounts(file.fsPath, subject);
    this.#report.show('balance');
  }

  async #show(path: string, name: string, recording: Recording): Promise<boolean> {
    if (recording.kind === 'counts') {
      await this.#showCounts(path, name, recording.counts);
      return false;
    }
    const { trace, text } = recording;
    if (text !== '' && hasPlaces(trace) && (await this.#showText(text, trace))) return true;
    this.#add(path, name, l10n.t`${modelDetail(trace.origin.model)} · ${count(trace.tokens.ids.length)} tokens`, () =>
      subjectOf(name, trace, text),
    );
    this.#report.show();
    void window.showInformationMessage(
      l10n.t`${unlinked(name)} does not say where its tokens stand in a text: its load is shown, and views of tokens need that.`,
    );
    return false;
  }

  /** Shows a trace on its text in an editor of its own. Whether the text could be shown as it was. */
  async #showText(text: string, trace: RoutingTrace): Promise<boolean> {
    const document = await workspace.openTextDocument({ content: text });
    // An editor makes all line ends alike; then the places are others.
    if (document.getText() !== text) return false;
    await window.showTextDocument(document, { viewColumn: ViewColumn.One });
    this.#analyzer.show(document, text, trace);
    return true;
  }

  async #showCounts(path: string, name: string, all: readonly RecordedCounts[]): Promise<void> {
    const items = subjectsOfCounts(name, all).map((subject) => ({
      label: subject.name,
      description: modelDetail(subject.model),
      subject,
    }));
    const picked = items.length === 1 ? items : await window.showQuickPick(items, { title: name, canPickMany: true });
    if (!picked || picked.length === 0) return;
    for (const { subject } of picked) this.#addCounts(path, subject);
    this.#report.show();
  }

  #addCounts(path: string, subject: Subject): void {
    const { name, model } = subject;
    this.#add(`${path}#${name}`, name, l10n.t`${modelDetail(model)} · counts, no tokens`, () => subject);
  }

  #add(id: string, name: string, detail: string, make: () => Subject): void {
    this.#subjects.add({ id: `recording:${id}`, name, detail, make });
  }
}

/** Whether tokens stand somewhere in the text. */
function hasPlaces({ tokens: { start, end } }: RoutingTrace): boolean {
  return start.some((from, t) => from < end[t]!);
}

import * as l10n from '@vscode/l10n';
import { basename } from 'node:path';
import { ViewColumn, window, workspace, type Uri } from 'vscode';
import { tokenCount } from '../analysis/labels.ts';
import type { Subject } from '../analysis/sections/subject.ts';
import { InspectorClient } from '../client/inspectorClient.ts';
import type { PeerOptions } from '../client/peerProcess.ts';
import type { OpenedRecording, RecordingPaths } from '../protocol/recording.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import type { Analyzer } from './analyzer.ts';
import { unlinked } from './markdown.ts';
import { withNotice } from './progressNotice.ts';
import type { ReportPage } from './reportPage.ts';
import { startFolder } from './saveAs.ts';
import { modelDetail, type Subjects } from './subjects.ts';

export interface RecordingsParts {
  readonly analyzer: Analyzer;
  readonly report: ReportPage;
  readonly subjects: Subjects;
}

/** Opens recorded routing: a text with its tokens in an editor, all else in the load report. */
export class Recordings {
  readonly #inspector: PeerOptions;
  readonly #parts: RecordingsParts;

  /** @param inspector where the inspector's bundle is: each recording has one of its own, whose memory goes when it is read */
  constructor(inspector: PeerOptions, parts: RecordingsParts) {
    this.#inspector = inspector;
    this.#parts = parts;
  }

  /** Asks for files that are one recording and opens them. Whether a text stands in an editor now. Throws UserError. */
  async open(): Promise<boolean> {
    const [first, ...more] =
      (await window.showOpenDialog({
        title: l10n.t`Recorded routing; of several files the counts are added up`,
        openLabel: l10n.t`Open Trace`,
        canSelectMany: true,
        defaultUri: startFolder(),
        filters: {
          [l10n.t`Recorded routing`]: ['json', 'jsonl', 'npy', 'npz', 'pt', 'gguf', 'dat', 'csv', 'tsv', 'txt'],
          [l10n.t`All files`]: ['*'],
        },
      })) ?? [];
    return first !== undefined && this.openFiles([first.fsPath, ...more.map(({ fsPath }) => fsPath)]);
  }

  /** Opens files that are one recording. Whether a text stands in an editor now. Throws UserError. */
  async openFiles(paths: RecordingPaths): Promise<boolean> {
    const name = basename(paths[0]);
    const abort = new AbortController();
    const opened = await withNotice(name, l10n.t`Reading ${name}`, abort, () => this.#read(paths, abort.signal));
    return this.#show(paths.join(), name, opened);
  }

  /** Opens recorded counts that come with the extension: each model's, with all its kinds of text. Throws UserError. */
  async openBundled(file: Uri): Promise<void> {
    const opened = await this.#read([file.fsPath], new AbortController().signal);
    if (opened.kind !== 'counts') return;
    const subjects = opened.subjects.filter(({ domains }) => domains);
    for (const subject of [...subjects].reverse()) this.#addCounts(file.fsPath, subject);
    this.#parts.report.show('balance');
  }

  async #read(paths: RecordingPaths, signal: AbortSignal): Promise<OpenedRecording> {
    const inspector = new InspectorClient(this.#inspector);
    try {
      return await inspector.recording(paths, signal);
    } finally {
      inspector.dispose();
    }
  }

  async #show(id: string, name: string, opened: OpenedRecording): Promise<boolean> {
    if (opened.kind === 'counts') {
      await this.#showCounts(id, name, opened.subjects);
      return false;
    }
    const { subject, placed } = opened;
    const { trace, text } = subject;
    if (placed && (await this.#showText(text, trace))) return true;
    this.#add(id, subject, `${modelDetail(subject.model)} · ${tokenCount(trace.tokens.ids.length)}`);
    this.#parts.report.show();
    void window.showInformationMessage(
      l10n.t`${unlinked(name)} does not say where its tokens stand in a text: its load is shown, and views of tokens need that.`,
    );
    return false;
  }

  /** Shows a trace on its text in an editor of its own. Whether the text could be shown as it was. */
  async #showText(text: string, trace: RoutingTrace): Promise<boolean> {
    // An extension can have texts of 50 MB at most.
    const document = await Promise.resolve(workspace.openTextDocument({ content: text })).catch(() => undefined);
    // An editor makes all line ends alike; then the places are others.
    if (document?.getText() !== text) return false;
    await window.showTextDocument(document, { viewColumn: ViewColumn.One });
    this.#parts.analyzer.show(document, text, trace);
    return true;
  }

  async #showCounts(id: string, name: string, subjects: readonly Subject[]): Promise<void> {
    const items = subjects.map((subject) => ({
      label: subject.name,
      description: modelDetail(subject.model),
      subject,
    }));
    const picked = items.length === 1 ? items : await window.showQuickPick(items, { title: name, canPickMany: true });
    if (!picked || picked.length === 0) return;
    for (const { subject } of picked) this.#addCounts(id, subject);
    this.#parts.report.show();
  }

  #addCounts(id: string, subject: Subject): void {
    this.#add(`${id}#${subject.name}`, subject, l10n.t`${modelDetail(subject.model)} · counts, no tokens`);
  }

  #add(id: string, subject: Subject, detail: string): void {
    const { name, model } = subject;
    this.#parts.subjects.add({ id: `recording:${id}`, name, detail, model, make: () => subject });
  }
}

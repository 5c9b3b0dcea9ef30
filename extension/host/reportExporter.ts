/** The report of the current subject as files: all of it (MoEScope: Export Report…), or the data of one figure. */
import * as l10n from '@vscode/l10n';
import { commands, env, ProgressLocation, Uri, window, workspace, type QuickPickItem } from 'vscode';
import type { ExportedFile, ExportFormat } from '../analysis/export/files.ts';
import type { Settings } from '../analysis/export/report.ts';
import type { AnalystClient } from '../client/analystClient.ts';
import type { FromReportPage } from '../protocol/webview.ts';
import type { Lens } from './lens.ts';
import { unlinked } from './markdown.ts';
import { saveAs, startFolder } from './saveAs.ts';
import type { Subjects } from './subjects.ts';

interface FormatItem extends QuickPickItem {
  readonly format: ExportFormat;
}

const FORMATS: readonly FormatItem[] = [
  {
    format: 'html',
    label: 'HTML',
    detail: l10n.t`One page with every figure, table and explanation. It opens without a network, and prints.`,
  },
  { format: 'json', label: 'JSON', detail: l10n.t`Everything, for programs; the README documents it.` },
  { format: 'csv', label: 'CSV', detail: l10n.t`Every table as a file, in a folder.` },
  { format: 'svg', label: 'SVG', detail: l10n.t`Every chart as a file, in a folder.` },
];

export interface Analysts {
  /** Speaks the language of VS Code. */
  readonly local: AnalystClient;
  /** Speaks English: programs look for the same names in files wherever those were made. */
  readonly english: AnalystClient;
}

export class ReportExporter {
  readonly #analysts: Analysts;
  readonly #lens: Lens;
  readonly #subjects: Subjects;

  constructor(analysts: Analysts, lens: Lens, subjects: Subjects) {
    this.#analysts = analysts;
    this.#lens = lens;
    this.#subjects = subjects;
  }

  /** Asks for format and place. Throws what the analyst and the file system say. */
  async run(settings: Settings): Promise<void> {
    const subject = this.#subjects.current;
    if (!subject) {
      const analyze = l10n.t`Analyze Routing`;
      const answer = await window.showInformationMessage(l10n.t`There is nothing to report on yet.`, analyze);
      if (answer === analyze) await commands.executeCommand('moescope.analyze');
      return;
    }
    const chosen = await window.showQuickPick(FORMATS, { title: l10n.t`Export Report`, placeHolder: l10n.t`As what?` });
    if (!chosen) return;
    const { format } = chosen;
    const analyst = format === 'json' || format === 'csv' ? this.#analysts.english : this.#analysts.local;
    const files = await window.withProgress(
      { location: ProgressLocation.Window, title: l10n.t`MoEScope: making the report` },
      () => analyst.ask(subject, { kind: 'export', format, settings, palette: this.#lens.palette }),
    );
    if (format === 'html' || format === 'json') await saveOne(files[0]!, format);
    else await saveAll(files, format);
  }

  /** Asks where a figure's data go. Throws what the analyst and the file system say. */
  async saveFigure({ section, figure, format, set }: Extract<FromReportPage, { type: 'saveData' }>): Promise<void> {
    const subject = this.#subjects.current;
    if (!subject) return;
    const { path, text } = await this.#analysts.english.ask(subject, { kind: 'figure', section, figure, format, set });
    await saveAs(path, Buffer.from(text));
  }
}

async function saveOne({ path, text }: ExportedFile, format: ExportFormat): Promise<void> {
  const uri = await saveAs(path, Buffer.from(text));
  if (!uri) return;
  // A browser runs where the window is: what lies on a remote machine is out of its reach.
  const open = format === 'html' && env.remoteName === undefined ? [l10n.t`Open in Browser`] : [];
  const answer = await window.showInformationMessage(l10n.t`The report is in ${nameOf(uri)}.`, ...open);
  if (answer !== undefined) await env.openExternal(uri);
}

/** Into a new folder, so that nothing is overwritten. */
async function saveAll(files: readonly ExportedFile[], format: ExportFormat): Promise<void> {
  const [into] =
    (await window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      openLabel: l10n.t`Export Here`,
      title: l10n.t`A folder for ${files.length} files`,
      defaultUri: startFolder(),
    })) ?? [];
  if (!into) return;
  const made = await freeFolder(into, `moescope-${format}`);
  for (const { path, text } of files) await workspace.fs.writeFile(Uri.joinPath(made, path), Buffer.from(text));
  void window.showInformationMessage(l10n.t`${files.length} files are in ${nameOf(made)}.`);
}

async function freeFolder(parent: Uri, name: string): Promise<Uri> {
  const taken = new Set((await workspace.fs.readDirectory(parent)).map(([entry]) => entry));
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}-${n}`;
  return Uri.joinPath(parent, free);
}

function nameOf(uri: Uri): string {
  return unlinked(uri.path.slice(uri.path.lastIndexOf('/') + 1));
}

import type { Disposable, Uri } from 'vscode';
import { WHAT_IF } from '../analysis/sections/changeControls.ts';
import { COST, MEASURE } from '../analysis/sections/cost.ts';
import { CAPACITY, limitOf } from '../analysis/sections/limitControls.ts';
import { AnalystClient } from '../client/analystClient.ts';
import type { EngineClient } from '../client/engineClient.ts';
import type { InspectorClient } from '../client/inspectorClient.ts';
import type { PeerOptions } from '../client/peerProcess.ts';
import { language } from '../protocol/language.ts';
import type { Analyzer } from './analyzer.ts';
import { Comparer } from './comparer.ts';
import type { ComparisonDocument } from './comparisonDocument.ts';
import { Comparisons } from './comparisons.ts';
import { Disposables } from './disposables.ts';
import type { EditorLink } from './editorLink.ts';
import type { Feed } from './feed.ts';
import type { FirstUse } from './firstUse.ts';
import { FolderAnalyzer } from './folderAnalyzer.ts';
import { Intervener } from './intervener.ts';
import type { Lens } from './lens.ts';
import { LoadRecorder } from './loadRecorder.ts';
import type { Log } from './log.ts';
import { ModelPage } from './modelPage.ts';
import { ModelPicker } from './modelPicker.ts';
import type { Models } from './models.ts';
import type { Problems } from './problems.ts';
import { askToRemove } from './removal.ts';
import { profileText } from './profiler.ts';
import { Recordings } from './recordings.ts';
import { ReportActions } from './reportActions.ts';
import { ReportExporter } from './reportExporter.ts';
import { ReportPage } from './reportPage.ts';
import { openSample } from './samples.ts';
import { addSectionFiles } from './sectionFiles.ts';
import type { ServerConnections } from './serverConnections.ts';
import { ServerPicker } from './serverPicker.ts';
import type { Servers } from './servers.ts';
import type { Sessions } from './sessions.ts';
import type { Settings } from './settings.ts';
import type { Subjects } from './subjects.ts';
import type { ViewActions } from './viewActions.ts';

export interface OnDemandParts {
  readonly actions: ViewActions;
  readonly analyst: AnalystClient;
  /** Absolute path of the analyst's bundle. */
  readonly analystEntry: string;
  readonly analyzer: Analyzer;
  readonly client: EngineClient;
  readonly comparison: ComparisonDocument;
  readonly connections: FirstUse<ServerConnections>;
  readonly extension: Uri;
  readonly feed: Feed;
  readonly inspector: InspectorClient;
  /** Where the inspector's bundle is. */
  readonly inspectorOptions: PeerOptions;
  /** Folder where runs through folders keep what they have come to. */
  readonly journals: string;
  readonly lens: Lens;
  readonly link: EditorLink;
  readonly log: Log;
  /** Folder of samples and recordings. */
  readonly media: Uri;
  readonly models: Models;
  readonly problems: Problems;
  readonly servers: Servers;
  readonly sessions: Sessions;
  readonly settings: Settings;
  readonly subjects: Subjects;
}

/** What few sessions use: the report, folders, models to choose and look at, comparisons, recordings, servers, interventions. */
export class OnDemand implements Disposable {
  readonly comparer: Comparer;
  readonly comparisons: Comparisons;
  readonly folders: FolderAnalyzer;
  readonly models: ModelPicker;
  readonly page: ModelPage;
  readonly recorder: LoadRecorder;
  readonly recordings: Recordings;
  readonly report: ReportPage;
  readonly servers: ServerPicker;
  readonly #media: Uri;
  readonly #subjects: Subjects;
  readonly #disposables = new Disposables();

  constructor(parts: OnDemandParts) {
    const { analyst, client, connections, extension, inspector, lens, log, models } = parts;
    const { problems, servers, sessions, subjects } = parts;
    this.#media = parts.media;
    this.#subjects = subjects;

    const reportActions = new ReportActions();
    addSectionFiles(reportActions, analyst);
    const english = language() === '' ? analyst : this.#disposables.add(new AnalystClient(parts.analystEntry, {}));
    this.#disposables.add(
      subjects.onDidRemove((id) => {
        english.forget(id);
      }),
    );
    const exporter = new ReportExporter({ local: analyst, english }, lens, subjects);
    this.report = this.#disposables.add(new ReportPage(extension, { ...parts, exporter, reportActions }));
    // The report's capacity limit is the one that the tint shows.
    this.#disposables.add(
      this.report.onDidSet(({ section, set }) => {
        if (section === CAPACITY) void lens.chooseLimit(limitOf(set));
      }),
    );

    this.folders = this.#disposables.add(new FolderAnalyzer({ ...parts, report: this.report }));
    this.page = this.#disposables.add(new ModelPage(extension, models, inspector, sessions, log));
    this.models = new ModelPicker(models, client, inspector, this.page, problems, log);
    this.comparer = this.#disposables.add(
      new Comparer(client, inspector, models, sessions, subjects, parts.comparison),
    );
    this.comparisons = new Comparisons({ ...parts, report: this.report });
    this.recordings = new Recordings(parts.inspectorOptions, { ...parts, report: this.report });
    this.recorder = new LoadRecorder(servers, connections, this.recordings, problems);
    this.servers = new ServerPicker(servers, connections, problems);

    this.#disposables.add(new Intervener(client, models, sessions, subjects, reportActions));
    reportActions.add(CAPACITY, 'tint', () => lens.chooseTint('dropped'));
    reportActions.add(COST, MEASURE, (context) => profileText(parts, context));
    reportActions.add('specialisation', 'folder', () => this.folders.analyze(undefined, undefined));
    reportActions.add('payoff', 'folder', () => this.folders.analyze(undefined, undefined));
    reportActions.add('compare', 'with', () => this.comparisons.ask());
    reportActions.add('compare', 'bundled', (context) => this.comparisons.bundledOf(context));
  }

  /** Opens the report where a change in the model is asked for. */
  showWhatIf(): void {
    this.report.show(WHAT_IF);
  }

  /** Opens the report where it says what a limit would drop. */
  showCapacity(): void {
    this.report.show(CAPACITY);
  }

  removeFromReport(): Promise<void> {
    return askToRemove(this.#subjects);
  }

  openSample(): Promise<void> {
    return openSample(this.#media, (file) => this.recordings.openBundled(file));
  }

  dispose(): void {
    this.#disposables.dispose();
  }
}

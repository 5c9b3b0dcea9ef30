import * as l10n from '@vscode/l10n';
import { EventEmitter, ViewColumn, type Disposable, type Event, type Uri, type WebviewPanel } from 'vscode';
import type { Settings } from '../analysis/export/report.ts';
import type { AnalystClient } from '../client/analystClient.ts';
import type { Parameters, Place, Section } from '../protocol/report.ts';
import type { FromReportPage, ToReportPage } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import { EditorTab, type OpenTab, type RestoresTab } from './editorTab.ts';
import type { EditorLink } from './editorLink.ts';
import type { Feed } from './feed.ts';
import type { Log } from './log.ts';
import { bugSentence, type Problems } from './problems.ts';
import type { ReportActions } from './reportActions.ts';
import type { ReportExporter } from './reportExporter.ts';
import { saveAs } from './saveAs.ts';
import type { Subjects } from './subjects.ts';
import { Throttle } from './throttle.ts';
import type { ViewActions } from './viewActions.ts';
import { fromReportPageSchema } from './viewMessages.ts';

/** While a run is under way, the report is made anew so often. */
const UPDATE_MS = 1_000;

export interface ReportParts {
  readonly actions: ViewActions;
  readonly analyst: AnalystClient;
  readonly exporter: ReportExporter;
  readonly feed: Feed;
  readonly link: EditorLink;
  readonly log: Log;
  readonly problems: Problems;
  readonly reportActions: ReportActions;
  readonly subjects: Subjects;
}

/** The load report in an editor tab, of the current subject. */
export class ReportPage implements RestoresTab, Disposable {
  readonly #parts: ReportParts;
  readonly #tab: EditorTab<ToReportPage, FromReportPage>;
  readonly #disposables = new Disposables();
  readonly #set = this.#disposables.add(new EventEmitter<{ section: string; set: Parameters }>());
  /** Section to bring into view once the page is there. */
  #wanted: string | undefined;
  /** The tab whose page is there: one that is behind another tab has none. */
  #there: OpenTab<ToReportPage> | undefined;
  /** Stands for the page that came up last, until it is gone. */
  #page: symbol | undefined;
  /** What is set in the page, by section. */
  #settings: Settings = {};

  /** The user set controls of a section. */
  readonly onDidSet: Event<{ readonly section: string; readonly set: Parameters }> = this.#set.event;

  constructor(extension: Uri, parts: ReportParts) {
    this.#parts = parts;
    this.#tab = this.#disposables.add(
      new EditorTab<ToReportPage, FromReportPage>(extension, parts.log, {
        entry: 'report',
        title: l10n.t`Load Report`,
        schema: fromReportPageSchema,
        opened: (tab) => this.#opened(tab),
        gone: () => {
          this.#there = this.#page = undefined;
          parts.actions.leave();
        },
      }),
    );
  }

  /** Opens the report, or brings it forward, at a section if one is named. */
  show(section?: string): void {
    this.#wanted = section;
    if (this.#there) this.#reveal(this.#there);
    this.#tab.show(ViewColumn.Beside, false);
  }

  /** Exports the report of the current subject, as the page has it set. */
  async export(): Promise<void> {
    const { exporter, problems } = this.#parts;
    try {
      await exporter.run(this.#settings);
    } catch (error) {
      problems.report('export report', error);
    }
  }

  restore(panel: WebviewPanel): void {
    this.#tab.restore(panel);
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #opened(tab: OpenTab<ToReportPage>): (message: FromReportPage) => void {
    const { feed, subjects } = this.#parts;
    tab.own(
      feed.watch({
        session: () => subjects.session,
        pointed: () => subjects.pointed,
        state: (state) => {
          tab.post({ type: 'state', state });
        },
      }),
    );
    const changed = tab.own(
      new Throttle(UPDATE_MS, () => {
        tab.post({ type: 'changed' });
      }),
    );
    tab.own(
      subjects.onDidUpdate((id) => {
        if (id === subjects.current?.id) changed.request();
      }),
    );
    tab.own(
      subjects.onDidChange(() => {
        this.#list(tab);
        feed.switched();
      }),
    );
    return (message) => {
      this.#receive(message, tab);
    };
  }

  #receive(message: FromReportPage, tab: OpenTab<ToReportPage>): void {
    const { actions, exporter, problems, subjects } = this.#parts;
    switch (message.type) {
      case 'ready':
        this.#settings = message.set;
        void this.#begin(tab);
        break;
      case 'chooseSubject':
        subjects.choose(message.id);
        break;
      case 'section':
        this.#settings = { ...this.#settings, [message.id]: message.set };
        this.#set.fire({ section: message.id, set: message.set });
        void this.#answer(message, tab);
        break;
      case 'act':
        void this.#act(message);
        break;
      case 'goto':
        void this.#goTo(message.place).catch((error: unknown) => {
          problems.report('go to a place', error);
        });
        break;
      case 'saveData':
        void exporter.saveFigure(message).catch((error: unknown) => {
          problems.report(`save ${message.figure}`, error);
        });
        break;
      case 'save':
        void saveAs(message.name, Buffer.from(message.content, message.encoding)).catch((error: unknown) => {
          problems.report(`save ${message.name}`, error);
        });
        break;
      case 'export':
        this.#settings = { ...this.#settings, ...message.set };
        void this.export();
        break;
      case 'chooseLayer':
      case 'chooseTint':
      case 'highlight':
      case 'command':
        actions.handle(message, subjects.session, subjects.pointed);
        break;
    }
  }

  async #begin(tab: OpenTab<ToReportPage>): Promise<void> {
    const { analyst, feed, problems } = this.#parts;
    const page = Symbol('page');
    this.#page = page;
    try {
      const sections = await analyst.sections();
      if (this.#page !== page) return;
      tab.post({ type: 'sections', sections: sections.map(({ id, title, group }) => ({ id, title, group })) });
      this.#list(tab);
      feed.refresh();
      this.#there = tab;
      this.#reveal(tab);
    } catch (error) {
      problems.report('load report', error);
    }
  }

  #list(tab: OpenTab<ToReportPage>): void {
    const { entries, current } = this.#parts.subjects;
    tab.name(entries.find(({ id }) => id === current?.id)?.name);
    tab.post({ type: 'subjects', subjects: entries, ...(current && { current: current.id }) });
  }

  #reveal(tab: OpenTab<ToReportPage>): void {
    if (this.#wanted !== undefined) tab.post({ type: 'reveal', section: this.#wanted });
    this.#wanted = undefined;
  }

  async #answer(
    { request, id, set }: Extract<FromReportPage, { type: 'section' }>,
    tab: OpenTab<ToReportPage>,
  ): Promise<void> {
    const { analyst, log, subjects } = this.#parts;
    const subject = subjects.current;
    if (!subject) {
      tab.post({ type: 'failed', request, message: l10n.t`Nothing is routed. Run Analyze Routing first.` });
      return;
    }
    try {
      const section = await analyst.ask(subject, { kind: 'section', id, set });
      tab.post({ type: 'section', request, section: subjects.leads(subject.id) ? section : withoutPlaces(section) });
    } catch (error) {
      log.error(`section ${id}`, error);
      tab.post({ type: 'failed', request, message: bugSentence() });
    }
  }

  async #act({ section, action, set }: Extract<FromReportPage, { type: 'act' }>): Promise<void> {
    const { problems, reportActions, subjects } = this.#parts;
    const subject = subjects.current;
    if (!subject) return;
    try {
      await reportActions.run(section, action, { subject, session: subjects.sessionOf(subject.id), set });
    } catch (error) {
      problems.report(`${section}: ${action}`, error);
    }
  }

  async #goTo(place: Place): Promise<void> {
    const { link, subjects } = this.#parts;
    const id = subjects.current?.id;
    if (id === undefined) return;
    const session = subjects.sessionOf(id);
    if (!session) {
      await subjects.goTo(id, place);
      return;
    }
    const [token] = session.routed?.index.at(place.start) ?? [];
    if (token !== undefined) await link.goTo(session, token, true);
  }
}

/** Rows that lead nowhere do not look as if they did. */
function withoutPlaces(section: Section): Section {
  const figures = section.figures.map((figure) => {
    const { columns, rows, experts } = figure.table;
    return { ...figure, table: { columns, rows, ...(experts ? { experts } : {}) } };
  });
  return { ...section, figures };
}

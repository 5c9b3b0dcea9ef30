import * as l10n from '@vscode/l10n';
import { posix } from 'node:path';
import { commands, ProgressLocation, StatusBarAlignment, window, type Disposable, type StatusBarItem } from 'vscode';
import type { FolderRouting } from '../analysis/folder/folderRouting.ts';
import { domainsOf, type Grouping } from '../analysis/folder/groups.ts';
import {
  folderAccount,
  folderSentences,
  unseenSentences,
  type FolderAccount,
  type Unseen,
} from '../analysis/folder/sentences.ts';
import { count } from '../analysis/numbers.ts';
import { subjectOfFolder } from '../analysis/sections/subject.ts';
import type { EngineClient } from '../client/engineClient.ts';
import { FileJournal } from '../client/folderJournal.ts';
import {
  inTurn,
  Pause,
  runFolder,
  type FolderFile,
  type FolderOutcome,
  type FolderProgress,
  type Limits,
} from '../client/folderRun.ts';
import { walk } from '../client/folderTree.ts';
import { digest, engineRouter } from '../client/textRouter.ts';
import { UserError } from '../protocol/errors.ts';
import type { Place } from '../protocol/report.ts';
import { urlsOf } from '../protocol/server.ts';
import { folderPlace, type FolderPlace } from './folderPlace.ts';
import { askGrouping, askWhat } from './folderQuestions.ts';
import { languageLookup } from './languages.ts';
import type { Log } from './log.ts';
import { unlinked } from './markdown.ts';
import type { Models } from './models.ts';
import { openPlace } from './openPlace.ts';
import type { Problems } from './problems.ts';
import type { ReportPage } from './reportPage.ts';
import type { Settings } from './settings.ts';
import { modelDetail, type Subjects } from './subjects.ts';
import { Throttle } from './throttle.ts';

/** A notification is redrawn as a whole for each step. */
const NOTICE_MS = 250;
/** The section of the report that says what came of it. */
const SECTION = 'specialisation';
const BY: Readonly<Record<Grouping['by'], string>> = {
  language: l10n.t`by language`,
  folder: l10n.t`by folder`,
  rules: l10n.t`by rules`,
};

export interface FolderAnalyzerParts {
  readonly client: EngineClient;
  /** Where runs keep what they have come to. */
  readonly journals: string;
  readonly log: Log;
  readonly models: Models;
  readonly problems: Problems;
  readonly report: ReportPage;
  readonly settings: Settings;
  readonly subjects: Subjects;
}

/** A run under way. */
interface Run {
  readonly place: FolderPlace;
  readonly pause: Pause;
  readonly abort: AbortController;
  progress: FolderProgress | undefined;
  unseen: Unseen;
}

/** Routes the files of a folder, and makes what came of it a subject of the report. One at a time. */
export class FolderAnalyzer implements Disposable {
  readonly #parts: FolderAnalyzerParts;
  readonly #item: StatusBarItem;
  #run: Run | undefined;

  constructor(parts: FolderAnalyzerParts) {
    this.#parts = parts;
    this.#item = window.createStatusBarItem('moescope.folder', StatusBarAlignment.Left, 49);
    this.#item.name = l10n.t`MoEScope: Folder`;
    this.#item.command = 'moescope.pauseFolder';
  }

  /** Asks what is missing, then runs. @param item what a menu was opened on, and what was selected with it */
  async analyze(item: unknown, selection: unknown): Promise<void> {
    if (this.#run) {
      await this.#askAboutRun(this.#run);
      return;
    }
    const chosen = await askWhat(item, selection);
    if (!chosen) return;
    const grouping = await askGrouping(this.#parts.settings);
    if (!grouping || !(await this.#parts.models.agree())) return;
    const run: Run = {
      place: await folderPlace(chosen),
      pause: new Pause(),
      abort: new AbortController(),
      progress: undefined,
      unseen: { more: false, unreadable: 0 },
    };
    this.#runs(run);
    try {
      await this.#work(run, grouping);
    } finally {
      this.#runs(undefined);
      this.#item.hide();
    }
  }

  /** Lets the run wait after the file under way, or go on. */
  togglePause(): void {
    if (!this.#run) {
      void window.showInformationMessage(l10n.t`No folder is being analyzed.`);
      return;
    }
    this.#run.pause.toggle();
    this.#show(this.#run);
  }

  dispose(): void {
    this.#run?.abort.abort();
    this.#item.dispose();
  }

  #runs(run: Run | undefined): void {
    this.#run = run;
    void commands.executeCommand('setContext', 'moescope.analyzingFolder', run !== undefined);
  }

  async #askAboutRun({ place, pause, abort }: Run): Promise<void> {
    const toggle = pause.paused ? l10n.t`Go On` : l10n.t`Pause`;
    const stop = l10n.t`Stop`;
    const answer = await window.showInformationMessage(
      l10n.t`${unlinked(place.name)} is being analyzed.`,
      toggle,
      stop,
    );
    if (answer === toggle) this.togglePause();
    else if (answer === stop) abort.abort();
  }

  async #work(run: Run, grouping: Grouping): Promise<void> {
    const { log, problems, settings } = this.#parts;
    const limits = { files: settings.folderFiles, characters: settings.folderCharacters };
    const outcome = await this.#withNotice(run, (show) => this.#route(run, grouping, limits, show));
    const { routing, ended, unsaved } = outcome;
    const said = this.#tell(run, grouping, limits, outcome);
    log.info(`${run.place.base.toString()}: ${said.join(' ')}`);
    if (unsaved !== undefined) log.error('store what was routed', unsaved);
    if (ended) problems.report(`analyze ${run.place.base.toString()}`, ended);
    if (!routing && !ended)
      throw new UserError(
        'text-empty',
        l10n.t`No file of ${run.place.name} could be routed. ${said.slice(1).join(' ')}`,
      );
  }

  async #route(run: Run, grouping: Grouping, limits: Limits, show: () => void): Promise<FolderOutcome> {
    const { client, journals, models, settings } = this.#parts;
    const { place, abort, pause } = run;
    const { files, unseen } = await filesOf(place, grouping, abort.signal);
    run.unseen = unseen;
    if (models.server && models.server.folder === undefined) {
      throw new UserError(
        'server-unfit',
        l10n.t`Many texts on a server take a local folder with the model's config.json, which says how many experts there are: name one in Use a Server….`,
      );
    }
    const router = engineRouter(client, models.request());
    const identity = await router.identity();
    const named = [place.base.toString(), identity, limits.characters, JSON.stringify([grouping, place.within])];
    return runFolder({
      files: inTurn(files, (path) => digest([path])),
      tree: place.tree,
      router,
      identity,
      limits,
      journal: new FileJournal(journals, digest(named)),
      pause,
      waiting: (outcome) => {
        this.#show(run);
        this.#tell(run, grouping, limits, outcome);
      },
      progress: (progress) => {
        run.progress = progress;
        show();
      },
      signal: abort.signal,
      ahead: models.server ? settings.folderConcurrency * urlsOf(models.server).length : 1,
    });
  }

  async #withNotice<T>(run: Run, work: (show: () => void) => Promise<T>): Promise<T> {
    const title = unlinked(`MoEScope: ${run.place.name}`);
    const options = { location: ProgressLocation.Notification, cancellable: true, title };
    this.#show(run);
    this.#item.show();
    return window.withProgress(options, async (notice, token) => {
      token.onCancellationRequested(() => {
        run.abort.abort();
      });
      let shown = 0;
      const throttle = new Throttle(NOTICE_MS, () => {
        const { progress } = run;
        this.#show(run);
        if (!progress) return;
        const percent = (100 * progress.tally.routed) / progress.files;
        notice.report({ message: unlinked(message(run, progress)), increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      });
      notice.report({ message: l10n.t`looking for files` });
      try {
        return await work(() => {
          throttle.request();
        });
      } finally {
        throttle.dispose();
      }
    });
  }

  #show(run: Run): void {
    const { paused } = run.pause;
    const done = run.progress
      ? l10n.t`${count(run.progress.tally.routed)} of ${count(run.progress.files)} files`
      : run.place.name;
    this.#item.text = `${paused ? '$(debug-continue)' : '$(debug-pause)'} ${done}`;
    this.#item.tooltip = paused
      ? l10n.t`${run.place.name} is paused: click to go on`
      : l10n.t`Routing ${run.place.name}: click to pause`;
    this.#item.accessibilityInformation = { label: `MoEScope: ${this.#item.tooltip}`, role: 'button' };
  }

  /** Shows what there is, if anything; in the sentences that say what it is of. */
  #tell({ place, unseen }: Run, grouping: Grouping, limits: Limits, outcome: FolderOutcome): string[] {
    const account = folderAccount(limits, unseen, outcome);
    if (outcome.routing) {
      this.#add(place, grouping, outcome.routing, account);
      this.#parts.report.show(SECTION);
    }
    return folderSentences(account);
  }

  #add(place: FolderPlace, grouping: Grouping, routing: FolderRouting, account: FolderAccount): void {
    this.#parts.subjects.add({
      id: `folder:${digest([place.base.toString(), place.within.join('\n'), JSON.stringify(grouping), routing.model.folder])}`,
      name: place.name,
      detail: l10n.t`${modelDetail(routing.model)} · ${count(routing.files.length)} files ${BY[grouping.by]}`,
      model: routing.model,
      make: () => subjectOfFolder(place.name, routing, account),
      goTo: (target) => goTo(place, routing, target),
    });
  }
}

function message({ pause }: Run, { tally, files, path, stage, fraction }: FolderProgress): string {
  if (pause.paused) return l10n.t`paused after ${count(tally.routed)} of ${count(files)} files`;
  const doing = preparing(stage, fraction);
  return l10n.t`${count(tally.routed + 1)} of ${count(files)}: ${posix.basename(path)}${doing}. The status bar has a pause.`;
}

/** What is done before texts are routed, and may take long; empty for all else. */
function preparing(stage: string, fraction: number | undefined): string {
  const part = fraction === undefined ? '' : ` ${Math.floor(100 * fraction)} %`;
  switch (stage) {
    case 'import':
      return l10n.t` (import${part})`;
    case 'load':
      return l10n.t` (load${part})`;
    default:
      return '';
  }
}

/** Throws UserError when nothing is left to route, or the user stops it. */
async function filesOf(
  place: FolderPlace,
  grouping: Grouping,
  signal: AbortSignal,
): Promise<{ readonly files: FolderFile[]; readonly unseen: Unseen }> {
  const { tree, exclude, outer, within, prefix } = place;
  const { paths, ...unseen } = await walk(tree, { include: [], exclude, outer, within, prefix }, signal);
  // Globs of settings go from the workspace folder on.
  const whole = paths.map((path) => posix.join(prefix, path));
  const domains = domainsOf(whole, grouping, languageLookup());
  const files = paths.flatMap((path, i) => (domains[i] === undefined ? [] : [{ path, domain: domains[i] }]));
  if (files.length === 0) {
    const none =
      paths.length > 0
        ? l10n.t`No file in ${place.name} matches a glob in moescope.folderGroups. Globs are relative to the workspace folder, for example src/**.`
        : l10n.t`No file of ${place.name} is left to route: what is ignored or excluded is left out.`;
    throw new UserError('text-empty', [none, ...unseenSentences(unseen)].join(' '));
  }
  return { files, unseen };
}

/** Opens a file at a typical token of it, which is all that leads into files. Throws UserError when it is not there any more. */
async function goTo(
  { base }: FolderPlace,
  { files, patterns }: FolderRouting,
  { file, start, end }: Place,
): Promise<void> {
  const tokens = patterns.flatMap(({ typical }) => typical.flat());
  const token = tokens.find((one) => one.file === file && one.start === start && one.end === end);
  if (!token) return;
  await openPlace(base.with({ path: posix.join(base.path, files[token.file]!) }), token, token.text);
}

import * as l10n from '@vscode/l10n';
import { setTimeout as delay } from 'node:timers/promises';
import { commands, window, type Disposable, type TextEditor } from 'vscode';
import * as v from 'valibot';
import { clearedSentence } from '../analysis/sizes.ts';
import type { EngineClient } from '../client/engineClient.ts';
import type { Analyzer } from './analyzer.ts';
import { pickCommand } from './commandPicker.ts';
import type { Continuer } from './continuer.ts';
import { Disposables } from './disposables.ts';
import type { EditorLink } from './editorLink.ts';
import type { FirstUse } from './firstUse.ts';
import { HOVER_COMMANDS } from './hoverCommands.ts';
import type { Lens } from './lens.ts';
import { pickLens } from './lensPicker.ts';
import type { LiveSwitch } from './liveSwitch.ts';
import type { Log } from './log.ts';
import { LoadView } from './loadView.ts';
import type { MapPanel } from './mapPanel.ts';
import type { OnDemand } from './onDemand.ts';
import type { Problems } from './problems.ts';
import type { Session } from './session.ts';
import type { RoutedText } from './routedText.ts';
import type { Sessions } from './sessions.ts';
import { seenEditors } from './shownEditor.ts';
import type { Subjects } from './subjects.ts';
import { isText, samePart, selectedText, visibleText, type TextPart } from './textPart.ts';
import { askAboutSize, LARGE_TEXT, offerSample } from './textQuestions.ts';
import { expertRef } from './viewMessages.ts';

/** Until views are opened that have nothing to show yet: making them takes the processor from what routes. */
const VIEWS_MS = 2500;

/** What the window takes to draw the first tints, before it has views to make as well. */
const DRAWN_MS = 200;

/** Links carry data from a document's hover; anyone can make a link. */
const highlightArgument = v.object({ uri: v.string(), ...expertRef.entries });
/** A view names the text that it speaks of; menus of editors pass a resource, which this is not. */
const textArgument = v.object({ uri: v.string() });
const mapArgument = v.object({ uri: v.string(), token: v.pipe(v.number(), v.integer(), v.minValue(0)) });

export interface CommandParts {
  readonly analyzer: Analyzer;
  /** Folder of what the engine built from checkpoints. */
  readonly cache: string;
  readonly client: EngineClient;
  readonly continuer: Continuer;
  readonly lens: Lens;
  readonly link: EditorLink;
  readonly live: LiveSwitch;
  readonly log: Log;
  readonly map: MapPanel;
  readonly onDemand: FirstUse<OnDemand>;
  readonly problems: Problems;
  readonly sessions: Sessions;
  readonly subjects: Subjects;
}

/** Every command of package.json, and what it does. */
export class Commands implements Disposable {
  readonly #parts: CommandParts;
  readonly #disposables = new Disposables();
  #viewsOpened = false;

  constructor(parts: CommandParts) {
    this.#parts = parts;
    const { sessions, lens, link, log, map } = parts;
    const onDemand = (): Promise<OnDemand> => parts.onDemand.get();
    this.#register('moescope.analyze', async (argument) => {
      if (!(await this.#again(this.#named(argument)))) await this.#analyzeHere();
    });
    this.#register('moescope.analyzeVisible', () => this.#analyzeEditor(visibleText));
    this.#register('moescope.analyzeFolder', async (item, selection) => {
      await (await onDemand()).folders.analyze(item, selection);
    });
    this.#register('moescope.pauseFolder', async () => {
      (await onDemand()).folders.togglePause();
    });
    this.#register('moescope.compare', async () => {
      const here = await this.#routedHere();
      if (here) await (await onDemand()).comparer.compare(here.session, here.routed);
    });
    this.#register('moescope.compareBundled', () => this.#compareBundled());
    this.#register('moescope.compareWith', async () => {
      if (parts.subjects.current || (await this.#routedHere())) await (await onDemand()).comparisons.ask();
    });
    this.#register('moescope.keepRouting', async () => {
      const here = await this.#routedHere();
      if (here) (await onDemand()).comparisons.keep(here.session, here.routed);
    });
    this.#register('moescope.removeFromReport', async () => (await onDemand()).removeFromReport());
    this.#register('moescope.cancel', async (argument) => {
      const named = this.#named(argument);
      if (named) {
        parts.analyzer.cancel(named);
        return;
      }
      if (parts.continuer.writing) {
        await parts.continuer.drop();
        return;
      }
      this.#withHere((session) => {
        parts.analyzer.cancel(session);
      });
    });
    this.#register('moescope.continue', () => this.#continue());
    this.#register('moescope.startLive', () => parts.live.set(true));
    this.#register('moescope.stopLive', () => parts.live.set(false));
    this.#register('moescope.clear', () => {
      this.#withHere((session) => {
        sessions.remove(session.document.uri);
      });
    });
    this.#register('moescope.clearHighlight', () => {
      for (const session of sessions.all) {
        session.compared = undefined;
        session.measured = undefined;
        this.#highlight(session, undefined);
      }
    });
    this.#register('moescope.chooseModel', async () => {
      if (await (await onDemand()).models.pick()) await this.#again(sessions.current);
    });
    this.#register('moescope.useServer', async () => {
      if (await (await onDemand()).servers.pick()) await this.#again(sessions.current);
    });
    this.#register('moescope.startRecording', async () => (await onDemand()).recorder.start());
    this.#register('moescope.stopRecording', async () => (await onDemand()).recorder.stop());
    this.#register('moescope.openTrace', async () => {
      if (await (await onDemand()).recordings.open()) await this.#openViews();
    });
    this.#register('moescope.showModel', async () => {
      (await onDemand()).page.show();
    });
    this.#register('moescope.chooseLens', () => pickLens(lens, sessions));
    this.#register('moescope.openMap', () => {
      map.show();
    });
    this.#register('moescope.openReport', async () => {
      (await onDemand()).report.show();
    });
    this.#register('moescope.openCapacity', async () => {
      (await onDemand()).showCapacity();
    });
    this.#register('moescope.whatIf', async () => {
      (await onDemand()).showWhatIf();
    });
    this.#register('moescope.exportReport', async () => (await onDemand()).report.export());
    this.#register('moescope.openSample', async () => (await onDemand()).openSample());
    this.#register('moescope.restartEngine', () => this.#restartEngine());
    this.#register('moescope.clearCache', async () => {
      await window.showInformationMessage(clearedSentence(await parts.client.clearCache(parts.cache)));
    });
    this.#register('moescope.openSettings', () =>
      commands.executeCommand('workbench.action.openSettings', '@ext:moescope.moescope'),
    );
    this.#register('moescope.showLog', () => {
      log.show();
    });
    this.#register('moescope.showCommands', () => pickCommand(parts.live, sessions));
    this.#register(HOVER_COMMANDS.highlight, (argument) => {
      const { uri, layer, expert } = v.parse(highlightArgument, argument);
      const session = sessions.get(uri);
      const { pinned } = session ?? {};
      const again = pinned?.layer === layer && pinned.expert === expert;
      this.#highlight(session, again ? undefined : { layer, expert });
    });
    this.#register(HOVER_COMMANDS.map, (argument) => {
      const { uri, token } = v.parse(mapArgument, argument);
      const session = sessions.get(uri);
      if (!session?.routed) return;
      sessions.open(session.document);
      map.show();
      link.showInMap(token);
    });
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  /** Bugs in a command come to the log and the user, not to VS Code's own notice. */
  #register(id: string, run: (argument: unknown, selection: unknown) => unknown): void {
    this.#disposables.add(
      commands.registerCommand(id, async (argument: unknown, selection: unknown) => {
        try {
          await run(argument, selection);
        } catch (error) {
          this.#parts.problems.report(id, error);
        }
      }),
    );
  }

  /** Routes what an editor shows; where none shows a text, the current one once more, which is behind another tab. */
  async #analyzeHere(): Promise<void> {
    if (this.#editor() || !(await this.#again(this.#parts.sessions.current))) await this.#analyzeEditor(selectedText);
  }

  async #analyzeEditor(part: (editor: TextEditor) => TextPart): Promise<void> {
    const editor = this.#editor();
    if (!editor) {
      await offerSample(l10n.t`Open a text first: MoEScope routes what is in the editor.`);
      return;
    }
    await this.#analyze(editor, part);
  }

  async #analyze(editor: TextEditor, part: (editor: TextEditor) => TextPart): Promise<void> {
    let wanted = part(editor);
    if (wanted.text.length > LARGE_TEXT) {
      const chosen = await askAboutSize(wanted, part);
      if (!chosen || editor.document.isClosed) return;
      // As it reads by now.
      wanted = chosen(editor);
    }
    const run = this.#parts.analyzer.analyze(wanted);
    if (!this.#viewsOpened) {
      await Promise.race([this.#routesSome(), run]);
      await delay(DRAWN_MS);
      await this.#openViews(editor.viewColumn);
    }
    await run;
  }

  /** The same text under both bundled models; the one that is chosen stays so. */
  async #compareBundled(): Promise<void> {
    const { comparisons } = await this.#parts.onDemand.get();
    const editor = this.#editor();
    if (editor && !comparisons.bundledIsChosen) {
      const part = selectedText(editor);
      if (part.text.trim() !== '') return comparisons.bothBundled(part);
    }
    const here = await this.#routedHere();
    if (!here) return;
    if (comparisons.isBundled(here.routed)) await comparisons.withOtherBundled(here.session, here.routed);
    else await comparisons.bothBundled(samePart(here.session.document, here.routed));
  }

  /** The routing that is shown; routes the text first where there is none, or one that an edit made stale. */
  async #routedHere(): Promise<{ readonly session: Session; readonly routed: RoutedText } | undefined> {
    const { sessions } = this.#parts;
    const editor = this.#editor();
    const sessionHere = (): Session | undefined => (editor ? sessions.get(editor.document.uri) : sessions.current);
    if (sessionHere()?.run) {
      await window.showInformationMessage(l10n.t`This text is being routed: compare when that is done.`);
      return undefined;
    }
    const current = (): boolean => sessionHere()?.routed?.edits.edited === false;
    if (!current()) {
      await this.#analyzeHere();
      // It was stopped, or failed, which has been said.
      if (!current() || sessionHere()?.partial !== undefined) return undefined;
    }
    const session = sessionHere();
    return session?.routed && { session, routed: session.routed };
  }

  /** Analyses a session's part of its document once more. Whether there is one. */
  async #again(session: Session | undefined): Promise<boolean> {
    const part = session && (session.run ?? session.routed);
    if (!part) return false;
    await this.#parts.analyzer.analyze(samePart(session.document, part));
    return true;
  }

  /** A new engine, for what is under way as well; what failed is routed once more. */
  async #restartEngine(): Promise<void> {
    const { analyzer, client, continuer, sessions } = this.#parts;
    // A new engine would write it from the beginning once more.
    if (continuer.writing) await continuer.drop();
    client.restart();
    const session = [sessions.current, ...sessions.all].find((one) => one?.failed);
    if (session?.failed) await analyzer.analyze(samePart(session.document, session.failed));
    else if (!sessions.all.some(({ run }) => run)) {
      window.setStatusBarMessage(l10n.t`The engine starts anew with the next run.`, 5_000);
    }
  }

  async #continue(): Promise<void> {
    const editor = this.#editor();
    if (!editor) await offerSample(l10n.t`Open a text first: MoEScope writes on from its cursor.`);
    else await this.#parts.continuer.write(editor);
  }

  /** The active editor of a text; from a view or a panel, where none is, that of the current session, or any. */
  #editor(): TextEditor | undefined {
    const { current } = this.#parts.sessions;
    const visible = seenEditors().filter(({ document }) => isText(document));
    const active = window.activeTextEditor;
    if (active && isText(active.document)) return active;
    return visible.find(({ document }) => document === current?.document) ?? visible[0];
  }

  /** The session of the text that a command was asked for by name. */
  #named(argument: unknown): Session | undefined {
    return v.is(textArgument, argument) ? this.#parts.sessions.get(argument.uri) : undefined;
  }

  #withHere(run: (session: Session) => void): void {
    const { sessions } = this.#parts;
    const active = window.activeTextEditor;
    const session = (active && sessions.get(active.document.uri)) ?? sessions.current;
    if (session) run(session);
  }

  #highlight(session: Session | undefined, expert: Session['pinned']): void {
    if (!session) return;
    session.pinned = expert;
    session.preview = undefined;
    this.#parts.sessions.publish(session, 'highlight');
  }

  /** Waits for the first tokens of a run, but not long. */
  #routesSome(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        watch.dispose();
        resolve();
      };
      const timer = setTimeout(done, VIEWS_MS);
      const watch = this.#parts.sessions.onDidChange(({ session }) => {
        if (session.routed && session.routed.trace.routed > 0) done();
      });
    });
  }

  /**
   * The first run of a window shows where its figures are; from then on the views are where the user wants them.
   *
   * @param column that of the text, which the map is not to cover: a page, as the walkthrough, may be active beside it
   */
  async #openViews(column?: number): Promise<void> {
    if (this.#viewsOpened) return;
    this.#viewsOpened = true;
    if (column !== window.tabGroups.activeTabGroup.viewColumn + 1) this.#parts.map.show();
    await commands.executeCommand(`${LoadView.id}.focus`, { preserveFocus: true });
  }
}

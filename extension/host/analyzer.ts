import * as l10n from '@vscode/l10n';
import { ProgressLocation, window, type TextDocument } from 'vscode';
import type { EngineClient } from '../client/engineClient.ts';
import { TraceBuilder } from '../client/traceBuilder.ts';
import type { AnalyzeResult, Progress } from '../protocol/engine.ts';
import { cancelled, ENGINE_FAILURES, isUserError, SUPERSEDED, UserError, type ErrorCode } from '../protocol/errors.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import { EditTracker } from './editTracker.ts';
import type { LiveSwitch } from './liveSwitch.ts';
import type { Log } from './log.ts';
import { unlinked } from './markdown.ts';
import type { Models } from './models.ts';
import type { Problems } from './problems.ts';
import { QUIET_MS } from './progressNotice.ts';
import { partialSentence, progressLabel } from './progressText.ts';
import { RoutedText } from './routedText.ts';
import type { LiveBase, Run, Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { TextPart } from './textPart.ts';
import { Throttle } from './throttle.ts';

/** A notification is redrawn as a whole for each step. */
const NOTICE_MS = 500;
/**
 * What is far from an edit waits until nobody has typed for so long: at 5 keys a second it would begin after each, and be in the way
 * of the next.
 */
const REST_MS = 500;

/** Whoever types asks many times a second: whether a model is the one that was agreed on is looked at this often. */
const AGREED_MS = 1000;

/** Runs texts through the model and keeps their sessions up to date while it does. */
export class Analyzer {
  readonly #client: EngineClient;
  readonly #sessions: Sessions;
  readonly #models: Models;
  readonly #problems: Problems;
  readonly #log: Log;
  readonly #live: LiveSwitch;
  #generations = 0;
  /** When it was looked at last. */
  #agreed = -Infinity;
  /** What could not be asked of its server, which has been told, and nothing has been routed since. */
  #away: string | undefined;

  constructor(
    client: EngineClient,
    sessions: Sessions,
    models: Models,
    live: LiveSwitch,
    problems: Problems,
    log: Log,
  ) {
    this.#client = client;
    this.#live = live;
    this.#sessions = sessions;
    this.#models = models;
    this.#problems = problems;
    this.#log = log;
  }

  /**
   * Settles when the run has ended, however it ended; what it has come to by then stays. A run under way is ended.
   *
   * @param current the views turn to it
   * @param unasked nobody has asked for it
   * @returns what went wrong, which has been told
   */
  async analyze(part: TextPart, current = true, unasked = false): Promise<ErrorCode | undefined> {
    const { document, text, whole } = part;
    if (text.trim() === '') {
      const message = whole
        ? l10n.t`There is no text to route in this document.`
        : l10n.t`There is no text to route in what is selected or in sight.`;
      this.#problems.report('analyze', new UserError('text-empty', message));
      return 'text-empty';
    }
    const session = this.#sessions.open(document, current);
    // Another model is not to wait until one that nobody wants has been loaded.
    const isSame = session.run?.request === this.#request;
    session.run?.abort.abort(isSame ? SUPERSEDED : undefined);
    const run = this.#begin(session, part, false);
    const work = this.#work(session, run, part, unasked);
    const notice = setTimeout(() => {
      this.#lasts(session, run);
      void this.#notify(session, run, work);
    }, QUIET_MS);
    const ended = await work;
    clearTimeout(notice);
    return ended;
  }

  /** Routes what edits have made of a session's text. It is told of only where it takes long. */
  async follow(session: Session, part: TextPart): Promise<ErrorCode | undefined> {
    session.run?.abort.abort(SUPERSEDED);
    const run = this.#begin(session, part, true);
    const work = this.#work(session, run, part, true);
    const notice = setTimeout(() => {
      run.quiet = false;
      this.#lasts(session, run);
    }, QUIET_MS);
    const ended = await work;
    clearTimeout(notice);
    return ended;
  }

  /**
   * Shows a trace that was recorded on the text of a document, in the place of what was routed there.
   *
   * @param edits what happened in the document since
   * @param current the views turn to it
   */
  show(
    document: TextDocument,
    text: string,
    trace: RoutingTrace,
    edits = new EditTracker(text, 0, true),
    current = true,
  ): void {
    const session = this.#sessions.open(document, current);
    session.run?.abort.abort();
    session.run = undefined;
    session.failed = undefined;
    session.eol = document.eol;
    session.show(new RoutedText(++this.#generations, text, edits, trace), false);
    this.#sessions.publish(session, 'routing');
  }

  /** Whether the routing that Live shows of a text is that of another model than the next run takes, or of another way to run it. */
  isOfAnotherModel({ live, routed, run }: Session): boolean {
    return !run && live !== undefined && live.generation === routed?.generation && live.model !== this.#request;
  }

  /** Stands for the model that the next run takes, and how that runs. */
  get #request(): string {
    return JSON.stringify(this.#models.request());
  }

  #begin(session: Session, { document, text, base, whole }: TextPart, quiet: boolean): Run {
    const run: Run = {
      label: l10n.t`Starting`,
      fraction: undefined,
      model: this.#models.name,
      request: this.#request,
      abort: new AbortController(),
      edits: new EditTracker(text, base, whole),
      live: this.#live.on,
      quiet,
      lasting: false,
      shown: false,
    };
    session.run = run;
    session.failed = undefined;
    session.eol = document.eol;
    this.#sessions.publish(session, 'run');
    return run;
  }

  /** Ends the document's run; what it has come to stays. */
  cancel(session: Session): void {
    if (!session.run) return;
    session.run.label = l10n.t`Stopping`;
    session.run.abort.abort();
    this.#sessions.publish(session, 'run');
  }

  async #work(session: Session, run: Run, { text }: TextPart, unasked: boolean): Promise<ErrorCode | undefined> {
    const { signal } = run.abort;
    let builder: TraceBuilder | undefined;
    let routed: RoutedText | undefined;
    let base: LiveBase | undefined;
    const follows = run.quiet;
    const show = (text: RoutedText): void => {
      run.shown = true;
      session.show(text, base !== undefined);
      this.#sessions.publish(session, 'routing');
    };
    const current = (): boolean => session.run === run;
    let bug: unknown;
    // The connection would swallow what a handler throws. A run that another one has replaced is not listened to.
    const whileCurrent =
      <T>(take: (message: T) => void) =>
      (message: T): void => {
        if (!current() || bug !== undefined) return;
        try {
          take(message);
        } catch (error) {
          bug = error;
          run.abort.abort();
        }
      };
    try {
      const isFollowed = run.live && session.live?.model === run.request;
      if (!isFollowed || performance.now() - this.#agreed >= AGREED_MS) await this.#agree(run);
      const request = this.#models.request();
      const model = JSON.stringify(request);
      if (run.live && session.live?.model === model) base = session.live;
      const { memory } = this.#live;
      const result = await this.#client.analyze(
        request,
        text,
        {
          progress: whileCurrent((progress) => {
            if (!signal.aborted) this.#advance(session, run, progress);
          }),
          began: whileCurrent((began) => {
            builder = new TraceBuilder(began, base?.builder);
            const kept = began.kept && base && { generation: base.generation, tokens: began.kept.tokens };
            const generation = ++this.#generations;
            routed = new RoutedText(generation, text, run.edits, builder.trace, kept);
            if (run.live) session.live = { run: began.run, model, generation, builder };
            // Between two texts that differ by a letter nothing should flicker.
            if (base || follows) run.shown = false;
            else show(routed);
          }),
          routed: whileCurrent((part) => {
            if (!builder || !routed) return;
            builder.add(part);
            routed.grow(builder.trace);
            if (run.shown) this.#sessions.publish(session, 'growth');
            else show(routed);
            run.shown = true;
          }),
        },
        signal,
        0,
        memory === undefined
          ? undefined
          : {
              memory,
              follows,
              ...(base ? { base: { run: base.run, routed: base.builder.routed } } : {}),
              ...(follows && session.hurried ? { rest: REST_MS } : {}),
            },
      );
      if (!current() || !builder || !routed) return undefined;
      routed.grow(builder.finish(result));
      session.behind = undefined;
      this.#away = undefined;
      if (!run.shown) show(routed);
      this.#logTimes(run, routed.index.count, result);
      return undefined;
    } catch (failure) {
      // A run that another one has replaced has nothing more to say.
      if (!current()) return undefined;
      return this.#fail(session, run, bug ?? failure, unasked);
    } finally {
      if (current()) {
        session.run = undefined;
        this.#sessions.publish(session, 'run');
      }
    }
  }

  #logTimes({ model, quiet }: Run, tokens: number, { milliseconds: { open, tokenize, route } }: AnalyzeResult): void {
    this.#log.write({
      level: quiet ? 'debug' : 'info',
      message:
        `${model}: ${tokens} tokens; open ${open.toFixed(0)} ms, ` +
        `tokenize ${tokenize.toFixed(0)} ms, route ${route.toFixed(0)} ms`,
    });
  }

  /** Says why a run has failed, but not again and again that its server is away. */
  #fail(session: Session, run: Run, error: unknown, unasked: boolean): ErrorCode {
    const ended = isUserError(error) ? error.code : 'internal';
    if (ENGINE_FAILURES.has(ended)) session.failed = run;
    // What is shown may be the beginning that an earlier run, which this one replaced, had come to.
    const shown = session.routed;
    if (shown) session.partial ??= partialSentence(ended, shown.trace.routed, shown.index.count);
    const isAway = ended === 'server-unreachable';
    if (!(unasked && isAway && this.#away === run.request)) this.#problems.report(`analyze ${session.key}`, error);
    if (isAway) this.#away = run.request;
    return ended;
  }

  /** Has the user agree to what the model is taken for. Throws UserError. */
  async #agree({ live }: Run): Promise<void> {
    if (!(await this.#models.agree())) {
      // Whoever does not is not to be asked again at every letter.
      if (live) await this.#live.set(false);
      throw cancelled();
    }
    this.#agreed = performance.now();
  }

  /** From now on something moves where the run is told of. */
  #lasts(session: Session, run: Run): void {
    run.lasting = true;
    this.#sessions.publish(session, 'run');
  }

  #advance(session: Session, run: Run, progress: Progress): void {
    run.label = progressLabel(progress, run.model);
    run.fraction = progress.total > 0 ? progress.done / progress.total : undefined;
    if (!run.quiet) this.#sessions.publish(session, 'run');
  }

  async #notify(session: Session, run: Run, work: Promise<unknown>): Promise<void> {
    const options = { location: ProgressLocation.Notification, cancellable: true, title: 'MoEScope' };
    await window.withProgress(options, async (progress, token) => {
      token.onCancellationRequested(() => {
        if (session.run === run) this.cancel(session);
      });
      let shown = 0;
      const show = new Throttle(NOTICE_MS, () => {
        const percent = 100 * (run.fraction ?? 0);
        // Each stage counts from 0; the bar of a notification only goes forward.
        progress.report({ message: unlinked(run.label), increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      });
      let leave = (): void => undefined;
      const replaced = new Promise<void>((resolve) => (leave = resolve));
      const listener = this.#sessions.onDidChange(({ session: changed, change }) => {
        if (changed !== session || change !== 'run') return;
        if (session.run === run) show.request();
        else leave();
      });
      progress.report({ message: unlinked(run.label) });
      await Promise.race([work, replaced]);
      listener.dispose();
      show.dispose();
    });
  }
}

import type { EndOfLine, TextDocument } from 'vscode';
import type { Agreement } from '../analysis/agreement.ts';
import type { TraceBuilder } from '../client/traceBuilder.ts';
import type { ExpertRef } from '../protocol/trace.ts';
import type { EditTracker } from './editTracker.ts';
import type { RoutedText } from './routedText.ts';
import { textName } from './textName.ts';

/** A run under way: what it does, how far it is (0 to 1, undefined where unknown), and how to end it. */
export interface Run {
  label: string;
  fraction: number | undefined;
  /** Name of the model that runs. */
  readonly model: string;
  /** Stands for the model and how it runs. */
  readonly request: string;
  readonly abort: AbortController;
  /** What happens to the document from the moment its text was taken. */
  readonly edits: EditTracker;
  /** It goes on from earlier runs, and the next one may go on from it. */
  readonly live: boolean;
  /** It follows an edit, and the user need not hear of it as long as it is quick. */
  quiet: boolean;
  /** It has taken so long that something should move. */
  lasting: boolean;
  /** Some of its routing is shown. */
  shown: boolean;
}

/** What the next run of an edited text goes on from. */
export interface LiveBase {
  readonly run: number;
  /** Stands for the model and how it runs. */
  readonly model: string;
  /** Of the text that was routed. */
  readonly generation: number;
  readonly builder: TraceBuilder;
}

/** What tokens lose by a change in the model. */
export interface MeasuredLoss {
  /** The change, in a few words. */
  readonly change: string;
  /** In nats; [T]. */
  readonly byToken: Float32Array;
}

/** Somebody types until no edit has come for so long. */
const TYPING_MS = 500;
/**
 * While routing follows edits, what an edit makes stale is shown to be so only if its routing takes longer than this: else all that stands
 * behind the cursor would flicker with every letter.
 */
export const SPARED_MS = 100;

/** What is known of one document: its routed text, the run under way, and what the user points at. */
export class Session {
  routed: RoutedText | undefined;
  /** Routing of the text before an edit, which stands in, dimmed, for what the run under way has not come to. */
  behind: RoutedText | undefined;
  live: LiveBase | undefined;
  run: Run | undefined;
  /** The last run, if it failed by what another engine may mend. */
  failed: Run | undefined;
  /** The sentence that says that the routing is not of the whole text, and why. */
  partial: string | undefined;
  /** Expert that was clicked, and the one that is pointed at. */
  pinned: ExpertRef | undefined;
  preview: ExpertRef | undefined;
  /** It was edited only now, and routing follows: what is stale is not shown to be so yet. */
  sparing = false;
  /** Token under the editor's cursor. */
  cursor: number | undefined;

  #compared: Agreement | undefined;
  #measured: MeasuredLoss | undefined;
  /** When the document was edited last, and how long after the time before. */
  #editedAt = -Infinity;
  #pause = Infinity;

  /** The line ends that offsets were counted with last. */
  eol: EndOfLine;

  constructor(readonly document: TextDocument) {
    this.eol = document.eol;
  }

  /** Whether it is being typed into while routing follows: what can wait, waits. */
  get typing(): boolean {
    return this.live !== undefined && performance.now() - this.#editedAt < TYPING_MS;
  }

  /** Whether the last edit was one of several in a row, as of somebody who types. */
  get hurried(): boolean {
    return this.#pause < TYPING_MS;
  }

  /** Takes note of an edit. */
  edited(): void {
    const now = performance.now();
    this.#pause = now - this.#editedAt;
    this.#editedAt = now;
  }

  /** What edits have to be told to: the text that is shown may be that of the run, and must not be told twice. */
  get trackers(): ReadonlySet<EditTracker> {
    const followed = [this.routed, this.behind, this.run, this.failed].flatMap((one) => (one ? [one.edits] : []));
    return new Set(followed);
  }

  /** The run that the user should hear of. */
  get running(): Run | undefined {
    return this.run?.quiet ? undefined : this.run;
  }

  /** Whether an edit made the routing stale, and nothing that would be done at once mends that. */
  get outdated(): boolean {
    return this.routed?.edits.edited === true && !this.run?.quiet && !this.sparing;
  }

  get key(): string {
    return this.document.uri.toString();
  }

  get name(): string {
    return textName(this.document);
  }

  /**
   * Shows another routing.
   *
   * @param follows it is of what an edit made of the text before: what that knew stands in for what this has not come to
   */
  show(routed: RoutedText, follows: boolean): void {
    if (!follows) this.preview = undefined;
    if (!follows || routed.complete) this.behind = undefined;
    else if (this.routed?.complete) this.behind = this.routed;
    this.routed = routed;
    this.partial = undefined;
    this.compared = undefined;
    this.measured = undefined;
  }

  /**
   * What stays of this routing in another run, for as long as the tokens that flip are to stand out: in the place of losses, whose
   * outlines look much the same.
   */
  set compared(agreement: Agreement | undefined) {
    this.#compared = agreement;
    if (agreement) this.#measured = undefined;
  }

  /** What each token of this routing loses by a change in the model, for as long as that is to stand out: in the place of flips. */
  set measured(loss: MeasuredLoss | undefined) {
    this.#measured = loss;
    if (loss) this.#compared = undefined;
  }

  /** The comparison whose tokens stand out, if the text is still the one that was compared. */
  get flips(): Agreement | undefined {
    return this.routed?.edits.edited === false ? this.#compared : undefined;
  }

  /** The losses that stand out, if the text is still the one that was measured. */
  get loss(): MeasuredLoss | undefined {
    return this.routed?.edits.edited === false ? this.#measured : undefined;
  }

  /** The expert whose tokens stand out, if the model has it. */
  get highlight(): ExpertRef | undefined {
    const wanted = this.preview ?? this.pinned;
    return wanted && this.routed?.has(wanted) ? wanted : undefined;
  }
}

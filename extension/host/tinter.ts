import {
  EndOfLine,
  Range,
  ThemeColor,
  window,
  type DecorationRenderOptions,
  type Disposable,
  type TextDocument,
  type TextEditor,
  type TextEditorDecorationType,
} from 'vscode';
import { Disposables } from './disposables.ts';
import type { Lens } from './lens.ts';
import type { Limits } from './limits.ts';
import type { LiveSwitch } from './liveSwitch.ts';
import type { RoutedText } from './routedText.ts';
import type { Session } from './session.ts';
import type { EditedLines, SessionEvent, Sessions } from './sessions.ts';
import { themeKind } from './theme.ts';
import { Throttle } from './throttle.ts';
import { outlineDecoration, tintDecoration, windowDecoration } from './tintDecoration.ts';
import { styleOf, tinting, tintingBehind } from './tinting.ts';
import { singleSpans, tintSpans, windowSpans, type Line, type Span } from './tintSpans.ts';

/** One redraw a frame, however fast the scrolling. */
const FRAME_MS = 16;
/** A running analysis adds tokens many times a second; its tint may come a little later. */
const GROWTH_MS = 100;
/**
 * While routing follows edits, what an edit makes stale is dimmed only if its routing takes longer than this: else all that stands behind
 * the cursor would flicker with every letter.
 */
const DIM_MS = 100;
/** Lines beyond the visible ones that are tinted too, so that a scroll of a page finds its tint there already. */
const MARGIN_LINES = 40;
/** Tinted stretches start and end at multiples of this: a scroll within them changes nothing, so nothing is sent. */
const BLOCK_LINES = 32;

/** Keys of the marks where context windows start, and of the tokens that another run routed otherwise; those of styles are not negative. */
const WINDOW_KEY = -1;
const FLIP_KEY = -2;
/** Tokens that a change in the model makes less probable, and more. */
const LOSS_KEY = -3;
const GAIN_KEY = -4;
/** From so many nats on a token's change stands out. */
const FELT = 0.5;
/** Stands for decorations that an edit has moved: equal to no list of them, the empty one included. */
const MOVED: Drawn = { list: 'moved', spans: [] };
/** More lines than these are not typed into at a time. */
const NEAR_LINES = 8;

/** What an editor was given of one type. */
interface Drawn {
  readonly list: string;
  readonly spans: readonly Span[];
}

/** Tints the tokens in every visible editor of an analysed document. */
export class Tinter implements Disposable {
  readonly #sessions: Sessions;
  readonly #lens: Lens;
  readonly #limits: Limits;
  readonly #live: LiveSwitch;
  readonly #disposables = new Disposables();
  readonly #redraw = this.#disposables.add(
    new Throttle(FRAME_MS, () => {
      this.#draw();
    }),
  );
  readonly #growth = this.#disposables.add(
    new Throttle(GROWTH_MS, () => {
      this.#draw();
    }),
  );
  #dimming: NodeJS.Timeout | undefined;
  readonly #types = new Map<number, TextEditorDecorationType>();
  /** What each editor was given last, by type: only differences are sent, and a type gone out of use is cleared. */
  readonly #drawn = new Map<TextEditor, Map<number, Drawn>>();
  /**
   * Lines that are being typed into. What stands there has types of its own: VS Code takes all decorations of a type or none, and a
   * letter should not have it draw those of the whole page anew.
   */
  readonly #near = new WeakMap<TextDocument, EditedLines>();
  /** When what is not current yet of a text was edited. */
  readonly #editedAt = new WeakMap<Session, number>();

  constructor(sessions: Sessions, lens: Lens, limits: Limits, live: LiveSwitch) {
    this.#sessions = sessions;
    this.#live = live;
    this.#lens = lens;
    this.#limits = limits;
    const redraw = (): void => {
      this.#redraw.request();
    };
    this.#disposables.add(window.onDidChangeTextEditorVisibleRanges(redraw));
    this.#disposables.add(window.onDidChangeVisibleTextEditors(redraw));
    this.#disposables.add(limits.onDidChange(redraw));
    this.#disposables.add(
      sessions.onDidChange((event) => {
        this.#follow(event);
      }),
    );
    this.#disposables.add(
      lens.onDidChange(() => {
        this.#restyle();
      }),
    );
    this.#disposables.add(
      window.onDidChangeActiveColorTheme(() => {
        this.#restyle();
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.#dimming);
    this.#dropTypes();
    this.#disposables.dispose();
  }

  #follow({ session, change, lines }: SessionEvent): void {
    if (change === 'run' || change === 'cursor') return;
    if (change === 'edit') {
      this.#approach(session, lines);
      this.#forget(session, lines);
      if (this.#live.on && session.live) {
        if (!this.#editedAt.has(session)) this.#editedAt.set(session, performance.now());
        this.#dimLater();
        return;
      }
    }
    (change === 'growth' ? this.#growth : this.#redraw).request();
  }

  /** Draws when the time is up in which what an edit made stale is spared. */
  #dimLater(milliseconds = DIM_MS): void {
    this.#dimming ??= setTimeout(() => {
      this.#draw();
    }, milliseconds);
  }

  /** Follows the typing to other lines. */
  #approach({ document }: Session, lines: EditedLines | undefined): void {
    const near = this.#near.get(document);
    if (!lines || (near && near.from <= lines.from && lines.to <= near.to)) return;
    // A new line moves those below, and is the next to be typed into.
    const to = lines.to === Infinity ? lines.from + 1 : lines.to;
    if (to - lines.from < NEAR_LINES) this.#near.set(document, { from: lines.from, to });
    else this.#near.delete(document);
  }

  /** Whether an edit is so recent that what it made stale is not dimmed. */
  #sparing(session: Session): boolean {
    const at = this.#editedAt.get(session);
    const left = at === undefined ? 0 : at + DIM_MS - performance.now();
    if (left <= 0) return false;
    this.#dimLater(left);
    return true;
  }

  /** VS Code moves decorations along with edits, and stretches them: what was set last is no longer what is there. */
  #forget({ document }: Session, lines: EditedLines = { from: 0, to: Infinity }): void {
    for (const [editor, drawn] of this.#drawn) {
      if (editor.document !== document) continue;
      for (const [key, { spans }] of drawn)
        if (spans.some(({ line }) => line >= lines.from && line <= lines.to)) drawn.set(key, MOVED);
    }
  }

  /** Colours have changed, or may have: all types are made anew. */
  #restyle(): void {
    this.#dropTypes();
    this.#redraw.request();
  }

  #dropTypes(): void {
    for (const type of this.#types.values()) type.dispose();
    this.#types.clear();
    this.#drawn.clear();
  }

  #draw(): void {
    clearTimeout(this.#dimming);
    this.#dimming = undefined;
    const visible = new Set(window.visibleTextEditors);
    for (const editor of this.#drawn.keys()) if (!visible.has(editor)) this.#drawn.delete(editor);
    for (const editor of visible) {
      const session = this.#sessions.get(editor.document.uri);
      if (session?.routed) this.#drawEditor(editor, session, session.routed);
      else this.#clearEditor(editor);
    }
  }

  #drawEditor(editor: TextEditor, session: Session, routed: RoutedText): void {
    const spans = this.#spans(editor, session, routed);
    const before = this.#drawn.get(editor) ?? new Map<number, Drawn>();
    const now = new Map<number, Drawn>();
    for (const [key, list] of spans) {
      const drawn = { list: list.map(({ line, from, to }) => `${line}:${from}-${to}`).join(), spans: list };
      if (drawn.list !== before.get(key)?.list) editor.setDecorations(this.#type(key), list.map(rangeOf));
      now.set(key, drawn);
    }
    for (const key of before.keys()) if (!now.has(key)) editor.setDecorations(this.#type(key), []);
    this.#drawn.set(editor, now);
  }

  #clearEditor(editor: TextEditor): void {
    const before = this.#drawn.get(editor);
    if (!before) return;
    this.#drawn.delete(editor);
    for (const key of before.keys()) editor.setDecorations(this.#type(key), []);
  }

  #spans(editor: TextEditor, session: Session, routed: RoutedText): Map<number, Span[]> {
    const layer = this.#lens.layerOf(routed.trace.layers);
    const dropped = this.#limits.of(session)?.[layer];
    const choice = { layer, tint: this.#lens.tint, highlight: session.highlight, dropped };
    const keyOf = tinting(routed, choice);
    const { behind } = session;
    if (!behind && !routed.edits.edited) this.#editedAt.delete(session);
    const behindKeyOf = behind && tintingBehind(behind, routed.reach, choice, this.#sparing(session));
    const near = this.#near.get(session.document);
    const flips = new Set(session.flips?.layers[choice.layer]?.flips);
    const byToken = session.loss?.byToken ?? new Float32Array();
    const lost = tokensWhere(byToken, (nats) => nats >= FELT);
    const gained = tokensWhere(byToken, (nats) => nats <= -FELT);
    const spans = new Map<number, Span[]>();
    for (const lines of visibleLines(editor)) {
      const found = tintSpans(routed, lines, keyOf)
        .set(WINDOW_KEY, windowSpans(routed, lines))
        .set(FLIP_KEY, singleSpans(routed, lines, flips))
        .set(LOSS_KEY, singleSpans(routed, lines, lost))
        .set(GAIN_KEY, singleSpans(routed, lines, gained));
      const dimmed = behindKeyOf ? tintSpans(behind, lines, behindKeyOf) : [];
      for (const [key, list] of [...found, ...dimmed]) {
        for (const span of list) {
          const isNear = near !== undefined && near.from <= span.line && span.line <= near.to;
          const type = typeKey(key, isNear);
          const others = spans.get(type);
          if (others) others.push(span);
          else spans.set(type, [span]);
        }
      }
    }
    return spans;
  }

  #type(key: number): TextEditorDecorationType {
    let type = this.#types.get(key);
    if (!type) {
      type = window.createTextEditorDecorationType(this.#options(Math.floor(key / 2)));
      this.#types.set(key, type);
    }
    return type;
  }

  #options(key: number): DecorationRenderOptions {
    if (key === WINDOW_KEY) return { ...windowDecoration(), borderColor: new ThemeColor('editorInfo.foreground') };
    if (key === FLIP_KEY) return { ...outlineDecoration(), outlineColor: new ThemeColor('editorWarning.foreground') };
    if (key === LOSS_KEY) return { ...outlineDecoration(), outlineColor: new ThemeColor('editorError.foreground') };
    if (key === GAIN_KEY)
      return { ...outlineDecoration('dotted'), outlineColor: new ThemeColor('editorInfo.foreground') };
    return tintDecoration(styleOf(key), this.#lens.palette, themeKind(window.activeColorTheme.kind));
  }
}

/** A style has two types: one of them is for the lines that are being typed into. */
function typeKey(key: number, near: boolean): number {
  return 2 * key + (near ? 1 : 0);
}

/** The visible stretches of an editor (folding makes several) with their margins, none overlapping. */
function visibleLines({ document, visibleRanges }: TextEditor): Line[][] {
  const stretches: Line[][] = [];
  let next = 0;
  for (const { start, end } of visibleRanges) {
    const first = Math.max(next, Math.floor((start.line - MARGIN_LINES) / BLOCK_LINES) * BLOCK_LINES);
    const beyond = Math.ceil((end.line + MARGIN_LINES) / BLOCK_LINES) * BLOCK_LINES;
    const last = Math.min(document.lineCount, beyond) - 1;
    if (first <= last) stretches.push(linesOf(document, first, last));
    next = Math.max(next, last + 1);
  }
  return stretches;
}

/** One call to find the first line's offset; the others follow by their lengths. */
function linesOf(document: TextDocument, first: number, last: number): Line[] {
  const lines: Line[] = [];
  const eolLength = document.eol === EndOfLine.CRLF ? 2 : 1;
  let start = document.offsetAt(document.lineAt(first).range.start);
  for (let line = first; line <= last; line++) {
    const { length } = document.lineAt(line).text;
    lines.push({ line, start, length });
    start += length + eolLength;
  }
  return lines;
}

function rangeOf({ line, from, to }: Span): Range {
  return new Range(line, from, line, to);
}

function tokensWhere(byToken: Float32Array, holds: (nats: number) => boolean): ReadonlySet<number> {
  return new Set(Array.from(byToken.keys()).filter((token) => holds(byToken[token]!)));
}

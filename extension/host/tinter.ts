import {
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
import { SPARED_MS, type Session } from './session.ts';
import type { EditedLines, SessionEvent, Sessions } from './sessions.ts';
import { themeKind } from './theme.ts';
import { Throttle } from './throttle.ts';
import { outlineDecoration, tintDecoration, windowDecoration } from './tintDecoration.ts';
import { styleOf, tinting, tintingBehind } from './tinting.ts';
import { movedSpans, singleSpans, tintSpans, windowSpans, type Line, type Span } from './tintSpans.ts';
import { visibleLines } from './visibleLines.ts';

/** One redraw a frame, however fast the scrolling. */
const FRAME_MS = 16;
/** A running analysis adds tokens many times a second; its tint may come a little later. */
const GROWTH_MS = 100;
/** While somebody types, all but the lines typed into is tinted so often: it would have the editor draw beside the letters. */
const TYPING_MS = 300;

/** Keys of the marks where context windows start, and of the tokens that another run routed otherwise; those of styles are not negative. */
const WINDOW_KEY = -1;
const FLIP_KEY = -2;
/** Tokens that a change in the model makes less probable, and more. */
const LOSS_KEY = -3;
const GAIN_KEY = -4;
/** From so many nats on a token's change stands out. */
const FELT = 0.5;
/** Stands for decorations that an edit has changed: equal to no list of them, the empty one included. */
const CHANGED: Drawn = { list: 'changed', spans: [], sentAt: -Infinity };
/** How long an edit and decorations may take past each other: those may have met a text that was edited already, and stand elsewhere. */
const CROSSING_MS = 1000;
/** More lines than these are not typed into at a time. */
const NEAR_LINES = 8;

/** What an editor was given of one type. */
interface Drawn {
  readonly list: string;
  readonly spans: readonly Span[];
  readonly sentAt: number;
}

/** What an editor was given, by type, and which lines were those being typed into when all of it was drawn. */
interface DrawnEditor {
  readonly near: EditedLines | undefined;
  readonly types: Map<number, Drawn>;
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
  readonly #redrawNear = this.#disposables.add(
    new Throttle(FRAME_MS, () => {
      this.#drawNear();
    }),
  );
  /** The text that is being typed into. */
  #typed: Session | undefined;
  #dimming: NodeJS.Timeout | undefined;
  readonly #types = new Map<number, TextEditorDecorationType>();
  /** What each editor was given last: only differences are sent, and a type gone out of use is cleared. */
  readonly #drawn = new Map<TextEditor, DrawnEditor>();
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
    if (change === 'run' || change === 'stale' || change === 'cursor') return;
    if (change === 'edit') {
      this.#approach(session, lines);
      this.#forget(session, lines);
      if (this.#live.on && session.live) {
        if (!this.#editedAt.has(session)) this.#editedAt.set(session, performance.now());
        this.#dimLater();
        return;
      }
    }
    const typing = session.typing && (change === 'routing' || change === 'growth');
    if (typing) {
      this.#typed = session;
      this.#redrawNear.request();
    }
    this.#redraw.request(typing ? TYPING_MS : change === 'growth' ? GROWTH_MS : FRAME_MS);
  }

  /** Draws when the time is up in which what an edit made stale is spared, if it is stale still. */
  #dimLater(milliseconds = SPARED_MS): void {
    this.#dimming ??= setTimeout(() => {
      this.#dimming = undefined;
      const first = Math.min(...this.#sessions.all.map((session) => this.#editedAt.get(session) ?? Infinity));
      const left = first + SPARED_MS - performance.now();
      if (left <= 0) this.#draw();
      else if (left < Infinity) this.#dimLater(left);
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
    return at !== undefined && performance.now() - at < SPARED_MS;
  }

  /** VS Code moves decorations along with edits, and stretches them: what was set last is no longer what is there. */
  #forget({ document }: Session, { from, to, within }: EditedLines = { from: 0, to: Infinity }): void {
    const known = performance.now() - CROSSING_MS;
    for (const [editor, { types }] of this.#drawn) {
      if (editor.document !== document) continue;
      for (const [key, { spans, sentAt }] of types) {
        if (!spans.some(({ line }) => line >= from && line <= to)) continue;
        const moved = within && sentAt < known ? movedSpans(spans, within) : undefined;
        types.set(key, moved ? drawnOf(moved, sentAt) : CHANGED);
      }
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
    const visible = new Set(window.visibleTextEditors);
    for (const editor of this.#drawn.keys()) if (!visible.has(editor)) this.#drawn.delete(editor);
    for (const editor of visible) {
      const session = this.#sessions.get(editor.document.uri);
      if (session?.routed) this.#drawEditor(editor, session, session.routed, false);
      else this.#clearEditor(editor);
    }
  }

  /** Draws what is being typed into. */
  #drawNear(): void {
    const { document, routed } = this.#typed ?? {};
    if (!this.#typed || !routed) return;
    for (const editor of window.visibleTextEditors)
      if (editor.document === document) this.#drawEditor(editor, this.#typed, routed, true);
  }

  /** @param nearOnly only the lines that are being typed into are to be drawn, if they are those of before */
  #drawEditor(editor: TextEditor, session: Session, routed: RoutedText, nearOnly: boolean): void {
    const near = this.#near.get(editor.document);
    const before = this.#drawn.get(editor);
    // Lines that are no longer typed into, or that are now, change their types.
    const isPart = nearOnly && near !== undefined && before?.near === near;
    const lines = visibleLines(editor);
    const part = isPart ? lines.map((stretch) => stretch.filter(({ line }) => isWithin(line, near))) : lines;
    const types = new Map(isPart ? [...before.types].filter(([key]) => !isNearType(key)) : []);
    for (const [key, list] of this.#spans(part, near, session, routed)) {
      const drawn = drawnOf(list, performance.now());
      const last = before?.types.get(key);
      const same = drawn.list === last?.list;
      if (!same) editor.setDecorations(this.#type(key), list.map(rangeOf));
      types.set(key, same ? last : drawn);
    }
    for (const key of before?.types.keys() ?? []) if (!types.has(key)) editor.setDecorations(this.#type(key), []);
    this.#drawn.set(editor, { near, types });
  }

  #clearEditor(editor: TextEditor): void {
    const before = this.#drawn.get(editor);
    if (!before) return;
    this.#drawn.delete(editor);
    for (const key of before.types.keys()) editor.setDecorations(this.#type(key), []);
  }

  #spans(
    stretches: readonly (readonly Line[])[],
    near: EditedLines | undefined,
    session: Session,
    routed: RoutedText,
  ): Map<number, Span[]> {
    const layer = this.#lens.layerOf(routed.trace.layers);
    const dropped = this.#limits.of(routed)?.[layer];
    const choice = { layer, tint: this.#lens.tint, highlight: session.highlight, dropped };
    const keyOf = tinting(routed, choice);
    const { behind } = session;
    if (!behind && !routed.edits.edited) this.#editedAt.delete(session);
    // What is dropped is counted on all of a text: until then, nothing of this one is known.
    const reach = choice.tint === 'dropped' && !dropped ? 0 : routed.reach;
    const choiceBehind = { ...choice, dropped: this.#limits.of(behind)?.[layer] };
    const behindKeyOf = behind && tintingBehind(behind, reach, choiceBehind, this.#sparing(session));
    const flips = new Set(session.flips?.layers[choice.layer]?.flips);
    const byToken = session.loss?.byToken ?? new Float32Array();
    const lost = tokensWhere(byToken, (nats) => nats >= FELT);
    const gained = tokensWhere(byToken, (nats) => nats <= -FELT);
    const spans = new Map<number, Span[]>();
    for (const lines of stretches) {
      const found = tintSpans(routed, lines, keyOf)
        .set(WINDOW_KEY, windowSpans(routed, lines))
        .set(FLIP_KEY, singleSpans(routed, lines, flips))
        .set(LOSS_KEY, singleSpans(routed, lines, lost))
        .set(GAIN_KEY, singleSpans(routed, lines, gained));
      const dimmed = behindKeyOf ? tintSpans(behind, lines, behindKeyOf) : [];
      for (const [key, list] of [...found, ...dimmed]) {
        for (const span of list) {
          const type = typeKey(key, near !== undefined && isWithin(span.line, near));
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

function isNearType(key: number): boolean {
  return key % 2 !== 0;
}

function isWithin(line: number, { from, to }: EditedLines): boolean {
  return from <= line && line <= to;
}

function drawnOf(spans: readonly Span[], sentAt: number): Drawn {
  return { list: spans.map(({ line, from, to }) => `${line}:${from}-${to}`).join(), spans, sentAt };
}

function rangeOf({ line, from, to }: Span): Range {
  return new Range(line, from, line, to);
}

function tokensWhere(byToken: Float32Array, holds: (nats: number) => boolean): ReadonlySet<number> {
  return new Set(Array.from(byToken.keys()).filter((token) => holds(byToken[token]!)));
}

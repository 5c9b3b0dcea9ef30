/**
 * The token × layer grid. A canvas shows what is in sight; beneath it an empty element of the map's extent scrolls; the
 * focused row exists as real elements, so that a screen reader has a grid to read.
 */
import * as l10n from '@vscode/l10n';
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { layerLabel } from '../../extension/analysis/labels.ts';
import { listed } from '../../extension/analysis/lists.ts';
import { isVocabularyKnown } from '../../extension/analysis/tint.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import type { FromMap, LayerLoad, ViewState } from '../../extension/protocol/webview.ts';
import { DensityWatch, fitCanvas, FrameSchedule } from '../canvas.ts';
import { fixed } from '../../extension/analysis/numbers.ts';
import type { Highlighter } from '../highlight.ts';
import { LightElement } from '../parts/lightElement.ts';
import { visibleText } from '../../extension/analysis/tokenText.ts';
import type { Colors, Theme } from '../theme.ts';
import { Throttle } from '../throttle.ts';
import { cellOf, choiceAt, isWeighed, type Cell } from './cells.ts';
import { Columns, COLUMN_GAP, Rows } from './geometry.ts';
import { Painter, type CellPosition } from './painter.ts';
import type { RowCache } from './rowCache.ts';
import { ScrollMap } from './scrollMap.ts';

const ROW_HEIGHT = 18;
/** Room for a chosen expert's segment, and for the cell of a magnitude, below which columns scroll instead. */
const MIN_SEGMENT = 9;
const MIN_EXPERTS_COLUMN = 40;
const MIN_MAGNITUDE_COLUMN = 14;
const MIN_LABEL = 26;
/** Milliseconds between two messages to the editor while the user scrolls. */
const GOTO_INTERVAL = 80;
const SAVE_INTERVAL = 500;
/** While the user scrolls the map, and shortly after, the editor's scrolling is the echo of it. */
const ECHO_TIME = 400;

@customElement('moe-routing-grid')
export class RoutingGrid extends LightElement {
  @property({ attribute: false }) view!: ViewState;
  @property({ attribute: false }) windows: Uint32Array = new Uint32Array(1);
  @property({ attribute: false }) loads: readonly LayerLoad[] = [];
  @property({ attribute: false }) theme!: Theme;
  @property({ attribute: false }) colors!: Colors;
  @property({ attribute: false }) cache!: RowCache;
  /** Counts the changes of the cache. */
  @property({ attribute: false }) cached = 0;
  @property({ attribute: false }) highlighter!: Highlighter;
  @property({ attribute: false }) post!: (message: FromMap) => void;
  /** Token to begin with in the document shown first: where the user was before the page was hidden. */
  @property({ attribute: false }) start = 0;
  /** The token at the top of what is in sight has changed. */
  @property({ attribute: false }) moved!: (topToken: number) => void;
  /** The pointed or, failing that, the focused cell has changed. */
  @property({ attribute: false }) look!: (at: CellPosition | undefined) => void;
  @state() private focusedCell: CellPosition | undefined;
  @query('.scroller') private scroller!: HTMLElement;
  @query('.extent') private extent!: HTMLElement;
  @query('.head .track') private track!: HTMLElement;
  @query('canvas') private canvas!: HTMLCanvasElement;

  #pointed: CellPosition | undefined;
  /** Where the pointer rests on the rows, in the window. */
  #pointer: Pick<PointerEvent, 'clientX' | 'clientY'> | undefined;
  #rows = new Rows(0, ROW_HEIGHT, new Uint32Array(1));
  #columns = new Columns(0, MIN_EXPERTS_COLUMN, 0);
  #scroll = new ScrollMap(0, 0);
  #painter: Painter | undefined;
  /** Device pixels per CSS pixel of what the painter draws on. */
  #ratio = devicePixelRatio;
  /** scrollTop as this code last left it: an event with the same value is no act of the user. */
  #ownScrollTop = 0;
  #userScrolledAt = -Infinity;
  /** Of the document that is shown. */
  #key: string | undefined;
  readonly #frame = new FrameSchedule(() => {
    this.draw();
  });
  readonly #resize = new ResizeObserver(() => {
    this.layout();
  });
  readonly #density = new DensityWatch(() => {
    this.#frame.ask();
  });
  readonly #moved = new Throttle<number>(SAVE_INTERVAL, (topToken) => {
    this.moved(topToken);
  });
  readonly #goto = new Throttle<number>(GOTO_INTERVAL, (token) => {
    this.post({ type: 'goto', token, select: false });
  });

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    this.#density.stop();
    this.#frame.cancel();
  }

  protected override firstUpdated(): void {
    this.#resize.observe(this.scroller);
    this.#density.start();
  }

  protected override updated(changed: PropertyValues): void {
    // Cells that have come, and moves of the focus, change no measure.
    const onlyContent = [...changed.keys()].every((key) => key === 'cached' || key === 'focusedCell');
    if (!onlyContent) {
      this.layout();
      if (changed.has('view')) this.followLayer(changed.get('view') as ViewState | undefined);
      return;
    }
    if (changed.has('cached')) this.#painter?.invalidate();
    this.#frame.ask();
  }

  /** Follows the editor: its cursor with `select`, which also moves the focused cell, or the middle of what it shows. */
  reveal(token: number, select: boolean): void {
    if (select) {
      this.focusCell({ token, layer: this.focusedCell?.layer ?? this.view.layer }, true);
    } else if (performance.now() - this.#userScrolledAt > ECHO_TIME) {
      this.scrollToPosition(this.#rows.top(token) - (this.scroller.clientHeight - ROW_HEIGHT) / 2);
    }
  }

  protected override render(): TemplateResult {
    const layers = this.view.model?.moeLayers ?? [];
    return html`<p id="grid-keys" class="screen-reader">
        ${l10n.t`Arrow keys move, Enter goes to the token in the editor, H highlights the cell’s top expert, L chooses the layer, Escape clears the highlight.`}
      </p>
      <div
        class="grid"
        role="grid"
        tabindex="0"
        aria-label=${l10n.t`Routing of ${this.view.document ?? ''}, ${layers.length} layers of ${this.view.tokens} tokens`}
        aria-describedby="grid-keys"
        aria-rowcount=${this.view.tokens + 1}
        aria-colcount=${layers.length + 2}
        aria-activedescendant=${this.focusedCell ? 'grid-cell' : nothing}
        @keydown=${this.pressed}
        @focus=${this.entered}
      >
        <div class="head" role="row" aria-rowindex="1">
          <span class="corner" role="columnheader" aria-colindex="1">${l10n.t`token`}</span>
          <div class="labels" role="presentation"><div class="track" role="presentation">${this.labels()}</div></div>
          <span
            class="surprise"
            role="columnheader"
            aria-colindex=${layers.length + 2}
            title=${
              isVocabularyKnown(this.view.model?.vocabulary ?? 0)
                ? l10n.t`Surprise of the token given those before it: −ln p, in nats. Full width: ln V, a blind guess.`
                : l10n.t`Surprise of the token given those before it: −ln p, in nats.`
            }
            >${l10n.t`surprise`}</span
          >
        </div>
        <div class="body" role="presentation">
          <div
            class="scroller"
            tabindex="-1"
            aria-hidden="true"
            @scroll=${this.scrolled}
            @pointermove=${this.hovered}
            @pointerleave=${this.left}
            @click=${this.clicked}
          >
            <div class="extent"></div>
          </div>
          <canvas role="presentation" @contextrestored=${this.restored}></canvas>
          ${this.focusedCell ? this.focusedRow(this.focusedCell) : nothing}
        </div>
      </div>`;
  }

  private labels(): TemplateResult[] {
    const layers = this.view.model?.moeLayers ?? [];
    const every = Math.ceil(MIN_LABEL / this.#columns.layerWidth);
    return layers.map((layer, i) => {
      const chosen = i === this.view.layer;
      const shown = chosen || (i % every === 0 && Math.abs(i - this.view.layer) >= every);
      return html`<span
        role="columnheader"
        tabindex="-1"
        aria-colindex=${i + 2}
        aria-selected=${chosen}
        title=${l10n.t`Layer ${layer.layer}`}
        @click=${() => {
          this.post({ type: 'chooseLayer', layer: i });
        }}
      >
        ${shown ? layerLabel(layer) : ''}
      </span>`;
    });
  }

  /** The row that has the focus, for assistive technology alone. */
  private focusedRow({ token, layer }: CellPosition): TemplateResult {
    const row = this.cache.get(token);
    const layers = this.view.model?.moeLayers ?? [];
    const surprise = row ? -row.rows.logProb[row.at]! : NaN;
    return html`<div class="screen-reader" role="row" aria-rowindex=${token + 2}>
      <span role="rowheader" aria-colindex="1"
        >${row ? visibleText(row.rows.text[row.at]!) : l10n.t`token ${token}`}</span
      >
      ${layers.map((shape, i) => {
        const cell = row ? cellOf(row, i) : undefined;
        return html`<span role="gridcell" aria-colindex=${i + 2} id=${i === layer ? 'grid-cell' : nothing}
          >${layerLabel(shape)}: ${cell ? describeCell(cell) : l10n.t`not routed yet`}</span
        >`;
      })}
      <span role="gridcell" aria-colindex=${layers.length + 2}>${l10n.t`surprise ${fixed(surprise, 2)} nats`}</span>
    </div>`;
  }

  /** Measures anew: after a change of size, model, tokens or theme. */
  private layout(): void {
    const { clientWidth: width, clientHeight: height } = this.scroller;
    const { model, tokens, tint } = this.view;
    const layers = model?.moeLayers ?? [];
    const most = Math.max(1, ...layers.map((layer) => layer.k));
    const minWidth = tint === 'expert' ? Math.max(MIN_EXPERTS_COLUMN, most * MIN_SEGMENT) : MIN_MAGNITUDE_COLUMN;
    this.#rows = new Rows(tokens, ROW_HEIGHT, this.windows);
    const position = this.positionToKeep();
    this.keepCells();
    this.#columns = new Columns(layers.length, minWidth, width);
    this.#scroll = new ScrollMap(this.#rows.height, height);
    this.extent.style.height = `${this.#scroll.scrollHeight}px`;
    this.extent.style.width = `${width + Math.max(0, this.#columns.scrolled - this.#columns.viewport)}px`;
    this.style.setProperty('--header', `${this.#columns.header}px`);
    this.style.setProperty('--layers', `${this.#columns.surpriseLeft - this.#columns.header}px`);
    this.style.setProperty('--surprise', `${this.#columns.surprise}px`);
    this.style.setProperty('--column', `${this.#columns.layerWidth}px`);
    this.style.setProperty('--gap', `${COLUMN_GAP}px`);
    this.scrollToPosition(position);
    this.#ratio = devicePixelRatio;
    this.#painter = new Painter(
      {
        state: this.view,
        loads: this.loads,
        theme: this.theme,
        colors: this.colors,
        cache: this.cache,
        rows: this.#rows,
        columns: this.#columns,
        rowHeight: ROW_HEIGHT,
        width,
        height,
      },
      fitCanvas(this.canvas, width, height),
    );
    this.#frame.ask();
  }

  /** The browser's graphics process has restarted, and with it the canvas is empty. */
  private readonly restored = (): void => {
    this.layout();
  };

  /** Measuring anew moves nothing, unless there is another document to show. */
  private positionToKeep(): number {
    const { key, tokens } = this.view;
    if (key === this.#key || tokens === 0) return this.#scroll.position;
    const first = this.#key === undefined;
    this.#key = key;
    if (first) return this.#rows.top(this.start);
    this.focusedCell = undefined;
    this.#pointed = undefined;
    return 0;
  }

  private get layers(): number {
    return this.view.model?.moeLayers.length ?? 0;
  }

  /** What is looked at may be gone: the text has become shorter, or the model is one of fewer layers. */
  private keepCells(): void {
    const isGone = (at: CellPosition): boolean => at.token >= this.view.tokens || at.layer >= this.layers;
    const [pointed, focused] = [this.#pointed, this.focusedCell];
    const stays = pointed && !isGone(pointed) ? pointed : undefined;
    const nearest = focused && isGone(focused) ? this.nearest(focused) : focused;
    if (stays === pointed && nearest === focused) return;
    this.#pointed = stays;
    this.focusedCell = nearest;
    this.look(stays ?? nearest);
  }

  /** The cell nearest to one that may lie outside. */
  private nearest({ token, layer }: CellPosition): CellPosition {
    return {
      token: Math.max(0, Math.min(this.view.tokens - 1, token)),
      layer: Math.max(0, Math.min(this.layers - 1, layer)),
    };
  }

  private draw(): void {
    if (devicePixelRatio !== this.#ratio) this.layout();
    // On whole pixels of the screen, so that what stays in sight can be moved instead of drawn again.
    const top = Math.round(this.#scroll.position * devicePixelRatio) / devicePixelRatio;
    const { scrollLeft, clientHeight } = this.scroller;
    this.track.style.transform = `translateX(${-scrollLeft}px)`;
    if (this.view.routed > 0) {
      this.cache.want(this.#rows.at(top), this.#rows.at(top + clientHeight) + 1, this.view.routed);
    }
    this.#moved.push(this.#rows.at(top));
    this.pointAgain();
    this.#painter?.paint({ top, scrollLeft, focused: this.focusedCell, pointed: this.#pointed });
  }

  /** Scrolls without the user: what follows from it is not sent back to the editor. */
  private scrollToPosition(position: number): void {
    const scrollTop = this.#scroll.moveTo(position);
    if (Math.abs(this.scroller.scrollTop - scrollTop) >= 1) this.scroller.scrollTop = scrollTop;
    this.#ownScrollTop = this.scroller.scrollTop;
    this.#frame.ask();
  }

  private readonly scrolled = (): void => {
    const { scrollTop } = this.scroller;
    this.#frame.ask();
    if (Math.abs(scrollTop - this.#ownScrollTop) < 1) return;
    const wanted = this.#scroll.scrolled(scrollTop);
    if (Math.abs(wanted - scrollTop) >= 1) this.scroller.scrollTop = wanted;
    this.#ownScrollTop = this.scroller.scrollTop;
    this.#userScrolledAt = performance.now();
    this.#goto.push(this.#rows.at(this.#scroll.position + this.scroller.clientHeight / 2));
  };

  /** Cell at the pointer; undefined beside the rows. */
  private cellAt({ clientX, clientY }: Pick<PointerEvent, 'clientX' | 'clientY'>): CellPosition | undefined {
    const { left, top } = this.scroller.getBoundingClientRect();
    const y = clientY - top + this.#scroll.position;
    if (y >= this.#rows.height) return undefined;
    const token = this.#rows.at(y);
    const x = clientX - left;
    if (x >= this.#columns.surpriseLeft + this.#columns.surprise) return undefined;
    const layer = this.#columns.at(x, this.scroller.scrollLeft) ?? this.focusedCell?.layer ?? this.view.layer;
    return { token, layer };
  }

  private readonly hovered = (event: PointerEvent): void => {
    this.#pointer = event;
    this.pointAgain();
  };

  private readonly left = (): void => {
    this.#pointer = undefined;
    this.point(undefined);
  };

  /** Rows move under a pointer that rests. */
  private pointAgain(): void {
    if (this.#pointer) this.point(this.cellAt(this.#pointer));
  }

  private point(at: CellPosition | undefined): void {
    if (at?.token === this.#pointed?.token && at?.layer === this.#pointed?.layer) return;
    this.#pointed = at;
    this.look(at ?? this.focusedCell);
    this.#frame.ask();
  }

  private readonly clicked = (event: PointerEvent): void => {
    const at = this.cellAt(event);
    if (!at) return;
    if (event.ctrlKey || event.metaKey || event.altKey) {
      this.toggleAt(at, this.choiceUnder(event, at));
      return;
    }
    this.focusCell(at);
    this.post({ type: 'goto', token: at.token, select: true });
  };

  private choiceUnder(event: PointerEvent, { token, layer }: CellPosition): number {
    const row = this.cache.get(token);
    if (!row || this.view.tint !== 'expert') return 0;
    const x = event.clientX - this.scroller.getBoundingClientRect().left;
    const within = x - this.#columns.left(layer, this.scroller.scrollLeft);
    const width = this.#columns.layerWidth - COLUMN_GAP;
    // The gap right of a cell counts as its last pixel.
    return choiceAt(row, layer, Math.min(within, width - 1) / width);
  }

  private toggleAt({ token, layer }: CellPosition, choice: number): void {
    const row = this.cache.get(token);
    const expert = row && cellOf(row, layer)?.choices[choice]?.expert;
    if (expert !== undefined && expert !== NO_EXPERT) this.highlighter.toggle({ layer, expert });
  }

  /** Focus that comes by keyboard needs a cell to stand on. */
  private readonly entered = (): void => {
    if (!this.focusedCell && this.view.tokens > 0) {
      this.focusCell({ token: this.view.cursor ?? this.#rows.at(this.#scroll.position), layer: this.view.layer });
    }
  };

  private focusCell(cell: CellPosition, leap = false): void {
    const at = this.nearest(cell);
    this.focusedCell = at;
    this.scrollToShow(at, leap);
    this.look(at);
  }

  /** Scrolls as little as needed; a leap out of sight puts the row where it can be read with what surrounds it. */
  private scrollToShow({ token, layer }: CellPosition, leap: boolean): void {
    const { clientHeight } = this.scroller;
    const top = this.#rows.top(token);
    const bottom = top + ROW_HEIGHT - clientHeight;
    const position = this.#scroll.position;
    if (top < position || bottom > position) {
      this.scrollToPosition(leap ? top - clientHeight / 3 : top < position ? top : bottom);
    }
    this.scrollToLayer(layer);
  }

  /** Where another layer is chosen, or it is one of others, it comes into sight. */
  private followLayer(last: ViewState | undefined): void {
    const { layer, model } = this.view;
    const layersBefore = last?.model?.moeLayers.length;
    if (last?.layer !== layer || layersBefore !== model?.moeLayers.length) this.scrollToLayer(layer);
  }

  private scrollToLayer(layer: number): void {
    const { scrollLeft } = this.scroller;
    const left = layer * this.#columns.layerWidth;
    const right = left + this.#columns.layerWidth - this.#columns.viewport;
    if (left < scrollLeft) this.scroller.scrollLeft = left;
    else if (right > scrollLeft) this.scroller.scrollLeft = right;
  }

  private readonly pressed = (event: KeyboardEvent): void => {
    const at = this.focusedCell;
    if (!at || event.target !== event.currentTarget || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 1);
    const control = event.ctrlKey || event.metaKey;
    const lastLayer = this.layers - 1;
    const moves: Record<string, CellPosition> = {
      ArrowUp: { ...at, token: at.token - 1 },
      ArrowDown: { ...at, token: at.token + 1 },
      ArrowLeft: { ...at, layer: at.layer - 1 },
      ArrowRight: { ...at, layer: at.layer + 1 },
      PageUp: { ...at, token: at.token - page },
      PageDown: { ...at, token: at.token + page },
      Home: control ? { token: 0, layer: 0 } : { ...at, layer: 0 },
      End: control ? { token: this.view.tokens - 1, layer: lastLayer } : { ...at, layer: lastLayer },
    };
    const move = moves[event.key];
    if (move) {
      this.focusCell(move);
      if (this.focusedCell!.token !== at.token) {
        this.#userScrolledAt = performance.now();
        this.#goto.push(this.focusedCell!.token);
      }
    } else if (event.key === 'Enter') {
      this.post({ type: 'goto', token: at.token, select: true });
    } else if (event.key === 'Escape') {
      this.highlighter.clear();
    } else if (!control && (event.key === 'h' || event.key === ' ')) {
      this.toggleAt(at, 0);
    } else if (!control && event.key === 'l') {
      this.post({ type: 'chooseLayer', layer: at.layer });
    } else {
      return;
    }
    event.preventDefault();
  };
}

function describeCell(cell: Cell): string {
  const weighed = isWeighed(cell);
  const named = cell.choices.map(({ expert, weight }) => {
    if (expert === NO_EXPERT) return l10n.t`dropped`;
    return weighed ? l10n.t`expert ${expert} ${fixed(weight, 2)}` : l10n.t`expert ${expert}`;
  });
  return weighed
    ? l10n.t`${listed(named)}; entropy ${fixed(cell.entropy, 2)}`
    : l10n.t`${listed(named)}; weights unknown`;
}

/** Draws what is in sight of the routing map. */
import * as l10n from '@vscode/l10n';
import { loadRatios, surpriseMax, type MagnitudeTint } from '../../extension/analysis/tint.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import type { LayerLoad, ViewState } from '../../extension/protocol/webview.ts';
import { count, fixed } from '../../extension/analysis/numbers.ts';
import { visibleText } from '../../extension/analysis/tokenText.ts';
import { mix, type Colors, type ExpertColors, type Theme } from '../theme.ts';
import { goesTo, magnitudeOf, scaleOf, segmentEdges } from './cells.ts';
import { BAND_HEIGHT, COLUMN_GAP, type Columns, type Rows } from './geometry.ts';
import type { Row, RowCache } from './rowCache.ts';

/** What the map shows; set by the grid, read when drawing. */
export interface Scene {
  readonly state: ViewState;
  readonly loads: readonly LayerLoad[];
  readonly theme: Theme;
  readonly colors: Colors;
  readonly cache: RowCache;
  readonly rows: Rows;
  readonly columns: Columns;
  readonly rowHeight: number;
  readonly width: number;
  readonly height: number;
}

export interface CellPosition {
  readonly token: number;
  /** Position among the MoE layers. */
  readonly layer: number;
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Sight {
  /** Top of what is in sight, in the map. */
  readonly top: number;
  readonly scrollLeft: number;
  readonly focused: CellPosition | undefined;
  readonly pointed: CellPosition | undefined;
}

const NUMBER_FONT_SIZE = 10;
/** Width of a digit of the numbers in cells, generously. */
const DIGIT = 6.4;
const RADIUS = 2;
const STALE_ALPHA = 0.4;
const DIMMED_ALPHA = 0.5;

export class Painter {
  readonly #scene: Scene;
  readonly #context: CanvasRenderingContext2D;
  readonly #edges: Float64Array;
  readonly #ratios: readonly Float64Array[];
  readonly #scale: readonly number[];
  readonly #quiet: string;
  /** Texts already cut to the width of their column. */
  readonly #fitted = new Map<string, string>();
  /** What the canvas shows. */
  #painted: Sight | undefined;

  constructor(scene: Scene, context: CanvasRenderingContext2D) {
    this.#scene = scene;
    this.#context = context;
    const { state, loads } = scene;
    const layers = state.model?.moeLayers ?? [];
    this.#edges = new Float64Array(Math.max(1, ...layers.map((layer) => layer.k)));
    this.#ratios = loads.map((load) => loadRatios(load.counts));
    this.#quiet = mix(scene.theme.background, scene.theme.foreground, 0.06);
    this.#scale = state.tint === 'expert' || !state.model ? [] : scaleOf(state.tint, layers, state.model.vocabulary);
  }

  /** Cells have come, or void ones have gone: nothing on the canvas may be kept. */
  invalidate(): void {
    this.#painted = undefined;
  }

  /** Draws what has changed since the last time: after scrolling down, that is the strip that came into sight. */
  paint(sight: Sight): void {
    const { height } = this.#scene;
    const down = this.#scrolledBy(sight);
    this.#painted = sight;
    if (down === undefined || Math.abs(down) >= height) {
      this.#strip(sight, 0, height);
    } else if (down !== 0) {
      this.#shift(-down);
      if (down > 0) this.#strip(sight, height - down, height);
      else this.#strip(sight, 0, -down);
    }
  }

  /** By how much the map has moved up on the screen, if that is all that has changed. */
  #scrolledBy(sight: Sight): number | undefined {
    const last = this.#painted;
    const same =
      last?.scrollLeft === sight.scrollLeft && last.focused === sight.focused && last.pointed === sight.pointed;
    return same ? sight.top - last.top : undefined;
  }

  #shift(by: number): void {
    const context = this.#context;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = 'copy';
    context.drawImage(context.canvas, 0, Math.round(by * devicePixelRatio));
    context.restore();
  }

  /** Draws everything between two heights of the canvas. */
  #strip(sight: Sight, from: number, to: number): void {
    const { rows, width } = this.#scene;
    const context = this.#context;
    // One pixel more than the width: the canvas may end within it where the screen's pixels are finer.
    const strip = { x: 0, y: from, width: width + 1, height: to - from };
    this.#within(strip, () => {
      context.clearRect(strip.x, strip.y, strip.width, strip.height);
      context.textBaseline = 'middle';
      if (rows.tokens > 0) this.#rows(sight, rows.at(sight.top + from), rows.at(sight.top + to));
    });
  }

  /** Draws inside a rectangle alone. Where drawing fails, what is drawn later is not confined to it. */
  #within({ x, y, width, height }: Rectangle, draw: () => void): void {
    const context = this.#context;
    context.save();
    try {
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      draw();
    } finally {
      context.restore();
    }
  }

  #rows(sight: Sight, first: number, last: number): void {
    const { rows, theme } = this.#scene;
    for (let token = first; token <= last; token++) {
      const y = rows.top(token) - sight.top;
      const focused = token === sight.focused?.token;
      if (focused || token === sight.pointed?.token) this.#band(y, focused ? theme.selection : theme.line);
      if (rows.restarts(token)) this.#restart(y);
      this.#header(token, y);
    }
    this.#cells(sight, first, last);
    if (sight.pointed) this.#outline(sight, sight.pointed, theme.dim);
    if (sight.focused) this.#outline(sight, sight.focused, theme.accent);
  }

  #rowOf(token: number): Row | undefined {
    const { state, cache } = this.#scene;
    const row = token < state.routed ? cache.get(token) : undefined;
    // State and rows come one after the other: in between, rows may be those of another model.
    return row?.rows.layers.length === state.model?.moeLayers.length ? row : undefined;
  }

  /** Rows that an edit made stale step back, and those whose token does not go to the highlighted expert. */
  #alpha(token: number, row: Row | undefined): number {
    const { staleFrom, highlight } = this.#scene.state;
    if (token >= staleFrom) return STALE_ALPHA;
    return row && highlight && !goesTo(row, highlight.layer, highlight.expert) ? DIMMED_ALPHA : 1;
  }

  /** The token's text and its surprise. */
  #header(token: number, y: number): void {
    const row = this.#rowOf(token);
    this.#context.globalAlpha = this.#alpha(token, row);
    if (row) {
      this.#tokenText(row.rows.text[row.at]!, y);
      this.#surprise(-row.rows.logProb[row.at]!, y);
    } else {
      this.#tokenNumber(token, y);
    }
    this.#context.globalAlpha = 1;
  }

  #cells(sight: Sight, first: number, last: number): void {
    const { rows, columns, height, state, theme } = this.#scene;
    const context = this.#context;
    const [from, to] = columns.visible(sight.scrollLeft);
    // Layers that scroll must not run under the token's text or the surprise.
    const layers = { x: columns.header, y: 0, width: columns.surpriseLeft - columns.header, height };
    this.#within(layers, () => {
      context.font = `${NUMBER_FONT_SIZE}px ${theme.fontFamily}`;
      for (let token = first; token <= last; token++) {
        const y = rows.top(token) - sight.top;
        const row = this.#rowOf(token);
        context.globalAlpha = token >= state.staleFrom ? STALE_ALPHA : 1;
        for (let layer = from; layer < to; layer++) {
          const left = columns.left(layer, sight.scrollLeft);
          if (!row) this.#placeholder(left, y);
          else if (state.tint === 'expert') this.#experts(row, layer, left, y);
          else this.#magnitude(row, layer, state.tint, left, y);
        }
      }
    });
  }

  #band(y: number, color: string): void {
    const { columns, rowHeight } = this.#scene;
    this.#context.fillStyle = color;
    this.#context.fillRect(0, y, columns.surpriseLeft + columns.surprise, rowHeight - 1);
  }

  #restart(y: number): void {
    const { columns, theme, width } = this.#scene;
    const context = this.#context;
    const middle = y - BAND_HEIGHT / 2;
    context.fillStyle = theme.dim;
    context.font = `${NUMBER_FONT_SIZE}px ${theme.fontFamily}`;
    context.textAlign = 'right';
    const text = l10n.t`context restarts`;
    const end = Math.max(columns.header - 8, context.measureText(text).width);
    context.fillText(text, end, middle);
    context.textAlign = 'left';
    context.fillRect(end + 8, middle, width - end - 8, 1);
  }

  #tokenText(text: string, y: number): void {
    const { theme, columns, rowHeight } = this.#scene;
    const context = this.#context;
    context.font = `12px ${theme.monospace}`;
    context.fillStyle = theme.foreground;
    context.textAlign = 'right';
    context.fillText(this.#fit(text, columns.header - 16), columns.header - 8, y + rowHeight / 2);
    context.textAlign = 'left';
  }

  /** The visible text, cut at its end to fit. */
  #fit(text: string, width: number): string {
    const known = this.#fitted.get(text);
    if (known !== undefined) return known;
    let points = Array.from(visibleText(text));
    let fitted = points.join('');
    while (points.length > 1 && this.#context.measureText(fitted).width > width) {
      points = points.slice(0, -1);
      fitted = points.join('') + '…';
    }
    this.#fitted.set(text, fitted);
    return fitted;
  }

  #surprise(nats: number, y: number): void {
    const { theme, columns, rowHeight, state } = this.#scene;
    if (Number.isNaN(nats) || columns.surprise === 0) return;
    const share = Math.min(1, nats / surpriseMax(state.model!.vocabulary));
    const width = Math.max(1, Math.round(share * (columns.surprise - 14)));
    const bar = { x: columns.surpriseLeft + 6, y: y + 4, width, height: rowHeight - 9 };
    this.#box(bar, mix(theme.background, theme.foreground, 0.5), true, true);
  }

  #experts(row: Row, layer: number, left: number, y: number): void {
    const { columns, colors, rowHeight } = this.#scene;
    const { chosen, weight } = row.rows.layers[layer]!;
    const k = chosen.length / (row.rows.to - row.rows.from);
    const from = row.at * k;
    const width = columns.layerWidth - COLUMN_GAP;
    segmentEdges(weight, from, k, this.#edges);
    let start = 0;
    for (let j = 0; j < k; j++) {
      const end = Math.round(this.#edges[j]! * width);
      const expert = chosen[from + j]!;
      if (end > start && expert !== NO_EXPERT) {
        const [fill, text] = this.#segmentColors(colors.expert(expert), layer, expert, j);
        const segment = { x: left + start, y, width: end - start, height: rowHeight - 1 };
        this.#box(segment, fill, start === 0, end === width);
        this.#number(String(expert), left + start, y, end - start, text);
      }
      start = end;
    }
  }

  #segmentColors(paint: ExpertColors, layer: number, expert: number, choice: number): readonly [string, string] {
    const { highlight } = this.#scene.state;
    const lit = highlight ? layer === highlight.layer && expert === highlight.expert : choice === 0;
    if (lit) return [paint.fill, paint.text];
    return highlight ? [paint.faint, this.#scene.theme.dim] : [paint.soft, paint.softText];
  }

  #magnitude(row: Row, layer: number, tint: MagnitudeTint, left: number, y: number): void {
    const { columns, colors, rowHeight } = this.#scene;
    const value = magnitudeOf(tint, row, layer, this.#ratios[layer]);
    if (Number.isNaN(value)) return;
    const width = columns.layerWidth - (columns.layerWidth > 12 ? COLUMN_GAP : 1);
    const paint = colors.magnitude(value / this.#scale[layer]!);
    this.#box({ x: left, y, width, height: rowHeight - 1 }, paint.fill, true, true);
    // The surprise is the token's, not the layer's: its number would only repeat.
    if (tint !== 'surprise') this.#number(fixed(value, 2), left, y, width, paint.text);
  }

  /** A rectangle with its corners taken off on the sides asked for: as good as an arc this small, and ten times as fast. */
  #box({ x, y, width, height }: Rectangle, fill: string, first: boolean, last: boolean): void {
    const context = this.#context;
    const [a, b] = [first && width > 2 ? 1 : 0, last && width > 2 ? 1 : 0];
    context.fillStyle = fill;
    context.fillRect(x + a, y, width - a - b, height);
    if (a) context.fillRect(x, y + 1, 1, height - 2);
    if (b) context.fillRect(x + width - 1, y + 1, 1, height - 2);
  }

  #number(text: string, x: number, y: number, room: number, color: string): void {
    if (room < text.length * DIGIT + 4) return;
    this.#context.fillStyle = color;
    this.#context.fillText(text, x + 4, y + this.#scene.rowHeight / 2);
  }

  /** A row that is not here or not routed yet: its number. */
  #tokenNumber(token: number, y: number): void {
    const { columns, theme, rowHeight, state } = this.#scene;
    const context = this.#context;
    context.font = `${NUMBER_FONT_SIZE}px ${theme.fontFamily}`;
    context.fillStyle = theme.dim;
    context.textAlign = 'right';
    const room = columns.header - 8;
    const pending = l10n.t`pending · ${count(token)}`;
    const says = token === state.routed && context.measureText(pending).width <= room;
    context.fillText(says ? pending : count(token), room, y + rowHeight / 2);
    context.textAlign = 'left';
  }

  #placeholder(left: number, y: number): void {
    const { columns, rowHeight } = this.#scene;
    this.#context.fillStyle = this.#quiet;
    this.#context.fillRect(left, y, columns.layerWidth - COLUMN_GAP, rowHeight - 1);
  }

  #outline({ top, scrollLeft }: Sight, { token, layer }: CellPosition, color: string): void {
    const { columns, rows, rowHeight } = this.#scene;
    const left = columns.left(layer, scrollLeft);
    if (left + columns.layerWidth <= columns.header || left >= columns.surpriseLeft) return;
    const context = this.#context;
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(
      left - 1,
      rows.top(token) - top - 1,
      columns.layerWidth - COLUMN_GAP + 2,
      rowHeight + 1,
      RADIUS + 1,
    );
    context.stroke();
  }
}

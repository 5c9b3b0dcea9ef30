/** Where the rows and columns of the routing map stand, in CSS pixels of its full, unscrolled extent. */

/** Room above the first row of a context window for the line that says so. */
export const BAND_HEIGHT = 16;

/** Rows of equal height, with a band before the first row of every context window but the first. */
export class Rows {
  readonly tokens: number;
  readonly height: number;
  readonly #rowHeight: number;
  /** First tokens of the windows after the first. */
  readonly #restarts: Uint32Array;

  constructor(tokens: number, rowHeight: number, windows: Uint32Array) {
    this.tokens = tokens;
    this.#rowHeight = rowHeight;
    this.#restarts = windows.filter((first) => first > 0 && first < tokens);
    this.height = tokens * rowHeight + this.#restarts.length * BAND_HEIGHT;
  }

  /** Top of a token's row, below its band if it has one. */
  top(token: number): number {
    return token * this.#rowHeight + countUpTo(this.#restarts, (first) => first <= token) * BAND_HEIGHT;
  }

  /** Whether the context restarts at this token. */
  restarts(token: number): boolean {
    const at = countUpTo(this.#restarts, (first) => first < token);
    return this.#restarts[at] === token;
  }

  /** Token whose row or band is at this height; the nearest one beyond the ends. */
  at(y: number): number {
    const windows = countUpTo(this.#restarts, (first, i) => first * this.#rowHeight + i * BAND_HEIGHT <= y);
    const first = windows === 0 ? 0 : this.#restarts[windows - 1]!;
    const token = first + Math.max(0, Math.floor((y - this.top(first)) / this.#rowHeight));
    return Math.max(0, Math.min(this.tokens - 1, token));
  }
}

/** How many leading entries hold; the entries are ordered so that those which hold come first. */
function countUpTo(sorted: Uint32Array, holds: (value: number, index: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle]!, middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const COLUMN_GAP = 3;
export const SURPRISE_WIDTH = 64;
const MAX_COLUMN = 120;
/** Of less width the layers get what they need: shorter texts, and no surprise, which is told below the grid, too. */
const NARROW = 240;

/** The token's text, a column a layer, the surprise: layer columns share the width, or scroll once they are too narrow. */
export class Columns {
  readonly layers: number;
  /** Width of the column with the token's text. */
  readonly header: number;
  /** Width of the column with the surprise; 0 where there is no room for it. */
  readonly surprise: number;
  readonly layerWidth: number;
  /** Width of what scrolls sideways. */
  readonly scrolled: number;
  /** Room for it. */
  readonly viewport: number;

  constructor(layers: number, minWidth: number, width: number) {
    this.layers = layers;
    const narrow = width < NARROW;
    this.header = Math.min(132, Math.max(narrow ? 44 : 72, Math.round(width * 0.2)));
    this.surprise = narrow ? 0 : SURPRISE_WIDTH;
    this.viewport = Math.max(0, width - this.header - this.surprise);
    const share = Math.floor(this.viewport / Math.max(1, layers));
    this.layerWidth = Math.min(MAX_COLUMN, Math.max(minWidth, share));
    this.scrolled = layers * this.layerWidth;
  }

  /** Left edge of a layer's column on the screen. */
  left(layer: number, scrollLeft: number): number {
    return this.header + layer * this.layerWidth - scrollLeft;
  }

  /** Left edge of the surprise column: right after the layers, or at the right edge when they scroll. */
  get surpriseLeft(): number {
    return this.header + Math.min(this.scrolled, this.viewport);
  }

  /** Layers [from, to) that are in sight. */
  visible(scrollLeft: number): readonly [from: number, to: number] {
    const from = Math.max(0, Math.floor(scrollLeft / this.layerWidth));
    const to = Math.min(this.layers, Math.ceil((scrollLeft + this.viewport) / this.layerWidth));
    return [from, to];
  }

  /** Layer at a point on the screen; undefined over the text and the surprise. */
  at(x: number, scrollLeft: number): number | undefined {
    if (x < this.header || x >= this.surpriseLeft) return undefined;
    const layer = Math.floor((x - this.header + scrollLeft) / this.layerWidth);
    return layer < this.layers ? layer : undefined;
  }
}

/** Where the cells of the layer × expert heat map stand. */

/** Width of the layer labels left of the cells. */
export const LABEL_WIDTH = 30;

const TARGET_HEIGHT = 240;
const MIN_ROW = 4;
const MAX_ROW = 15;
/** Rows lower than this cannot each carry a label. */
const LABEL_HEIGHT = 12;
/** Pixels by which a product that should be whole may miss that. */
const ROUNDING = 1e-9;

export class HeatGeometry {
  readonly layers: number;
  /** Most experts of any layer: the columns. */
  readonly columns: number;
  readonly rowHeight: number;
  readonly columnWidth: number;
  readonly gap: number;
  /** Every how many rows one is labelled. */
  readonly labelEvery: number;
  /** Room above the first row and below the last, for labels taller than rows. */
  readonly margin: number;

  constructor(layers: number, columns: number, width: number) {
    this.layers = layers;
    this.columns = columns;
    this.rowHeight = Math.min(MAX_ROW, Math.max(MIN_ROW, Math.floor(TARGET_HEIGHT / layers)));
    this.columnWidth = Math.max(0, width - LABEL_WIDTH) / columns;
    const room = Math.min(this.rowHeight, this.columnWidth);
    this.gap = room >= 10 ? 2 : room >= 4 ? 1 : 0;
    this.labelEvery = Math.ceil(LABEL_HEIGHT / this.rowHeight);
    this.margin = Math.ceil(Math.max(0, LABEL_HEIGHT - this.rowHeight) / 2);
  }

  get height(): number {
    return this.layers * this.rowHeight + 2 * this.margin;
  }

  top(layer: number): number {
    return this.margin + layer * this.rowHeight;
  }

  /** Left edge of a column, on a whole pixel, so that cells of a dense map do not blur. */
  left(expert: number): number {
    return LABEL_WIDTH + Math.floor(expert * this.columnWidth + ROUNDING);
  }

  /** Experts [from, to) whose cells begin on one pixel: an expert alone, unless columns are narrower than that. */
  sharing(expert: number): readonly [from: number, to: number] {
    const left = this.left(expert);
    let [from, to] = [expert, expert + 1];
    while (from > 0 && this.left(from - 1) === left) from -= 1;
    while (to < this.columns && this.left(to) === left) to += 1;
    return [from, to];
  }

  /** Layer and, right of the labels, expert at a point; undefined outside. */
  at(x: number, y: number): { layer: number; expert: number | undefined } | undefined {
    const layer = Math.floor((y - this.margin) / this.rowHeight);
    if (x < 0 || layer < 0 || layer >= this.layers) return undefined;
    if (x < LABEL_WIDTH) return { layer, expert: undefined };
    // The last one that begins on the pixel or left of it.
    const expert = Math.ceil((Math.floor(x - LABEL_WIDTH) + 1 - ROUNDING) / this.columnWidth) - 1;
    return expert < this.columns ? { layer, expert } : undefined;
  }
}

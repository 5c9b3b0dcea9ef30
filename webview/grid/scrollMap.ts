/**
 * Scrolling content taller than an element may be. Browsers cap an element's height (Chromium near 33 million pixels),
 * and millions of rows are taller. The scrollable height is capped; small moves go pixel by pixel, a long one (the thumb
 * dragged) in proportion. After Slickgrid's paging: position = scrollTop + offset, where the offset grows page by page
 * from 0 at the top to all of the difference at the bottom, so that both ends can be reached.
 */
const MAX_SCROLL_HEIGHT = 8_000_000;
const PAGES = 100;

export class ScrollMap {
  /** Height the scrolled element gets. */
  readonly scrollHeight: number;
  readonly #viewport: number;
  /** Content that the element cannot hold. */
  readonly #excess: number;
  #offset = 0;
  #scrollTop = 0;

  constructor(contentHeight: number, viewport: number, maxHeight: number = MAX_SCROLL_HEIGHT) {
    this.scrollHeight = Math.min(contentHeight, maxHeight);
    this.#viewport = viewport;
    this.#excess = contentHeight - this.scrollHeight;
  }

  /** Top of what is in sight, in the content. */
  get position(): number {
    return this.#scrollTop + this.#offset;
  }

  /** The user scrolled: takes the element's scrollTop, returns the one it should have instead, mostly the same. */
  scrolled(scrollTop: number): number {
    if (this.#excess === 0) {
      this.#scrollTop = scrollTop;
      return scrollTop;
    }
    const far = Math.abs(scrollTop - this.#scrollTop) > this.#viewport;
    if (far) {
      this.#scrollTop = scrollTop;
      this.#offset = this.#offsetOf(scrollTop / (this.scrollHeight - this.#viewport));
      return scrollTop;
    }
    return this.moveTo(scrollTop + this.#offset);
  }

  /** Brings a position of the content to the top; returns the scrollTop that stands for it. */
  moveTo(position: number): number {
    const last = Math.max(0, this.scrollHeight + this.#excess - this.#viewport);
    const top = Math.max(0, Math.min(last, position));
    this.#offset = this.#offsetOf(last === 0 ? 0 : top / last);
    this.#scrollTop = top - this.#offset;
    return this.#scrollTop;
  }

  #offsetOf(fraction: number): number {
    const page = Math.min(PAGES - 1, Math.floor(fraction * PAGES));
    return Math.round((page * this.#excess) / (PAGES - 1));
  }
}

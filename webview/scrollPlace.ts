/** What keeps a place: a page's host. */
interface Keeper {
  readonly saved: { readonly scrollTop?: number };
  save(change: { readonly scrollTop: number }): void;
}

/**
 * Where a page is scrolled to: kept, and gone back to when the page comes up anew. Its parts come one after the other and
 * take their height once they are drawn, so that the place is not there at first.
 */
export class ScrollPlace {
  readonly #keeper: Keeper;
  readonly #grown = new ResizeObserver(() => {
    this.#goBack();
  });
  #begun = false;
  /** Undefined once it is reached, or the user has gone elsewhere. */
  #wanted: number | undefined;

  constructor(keeper: Keeper) {
    this.#keeper = keeper;
  }

  /** To be called when there is something to scroll; all calls but the first do nothing. */
  restore(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#wanted = this.#keeper.saved.scrollTop ?? 0;
    this.#grown.observe(document.body);
    for (const type of ['wheel', 'pointerdown', 'keydown']) {
      window.addEventListener(type, this.#leave, { capture: true, once: true, passive: true });
    }
    document.addEventListener('scrollend', () => {
      if (this.#wanted === undefined) this.#keeper.save({ scrollTop: scroller().scrollTop });
    });
    this.#goBack();
  }

  toBeginning(): void {
    this.#leave();
    this.#keeper.save({ scrollTop: 0 });
    scroller().scrollTop = 0;
  }

  #goBack(): void {
    if (this.#wanted === undefined) return;
    scroller().scrollTop = this.#wanted;
    if (Math.abs(scroller().scrollTop - this.#wanted) < 1) this.#leave();
  }

  readonly #leave = (): void => {
    this.#wanted = undefined;
    this.#grown.disconnect();
  };
}

function scroller(): Element {
  return document.scrollingElement!;
}

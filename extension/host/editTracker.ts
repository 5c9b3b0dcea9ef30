/** A replacement in a document: `removed` units from `offset` on gave way to `inserted` new ones. */
export interface Replacement {
  readonly offset: number;
  readonly removed: number;
  readonly inserted: number;
}

/**
 * What edits left of an analysed text: an untouched beginning, which is current, and an untouched end, which only moved.
 * Offsets of the analysed text are called own offsets here.
 */
export class EditTracker {
  readonly #text: string;
  readonly #whole: boolean;
  #base: number;
  #length: number;
  #prefix: number;
  #suffix: number;

  /**
   * @param base document offset of the text's first unit
   * @param whole the text is the whole document, so that an insertion at either end changes it
   */
  constructor(text: string, base: number, whole: boolean) {
    this.#text = text;
    this.#whole = whole;
    this.#base = base;
    this.#length = text.length;
    this.#prefix = text.length;
    this.#suffix = text.length;
  }

  /** Own offset up to which nothing was edited. */
  get currentTo(): number {
    return this.#prefix;
  }

  /** The document holds another text than the one analysed. */
  get edited(): boolean {
    return this.#prefix < this.#text.length || this.#length !== this.#text.length;
  }

  /** Where the text stands in the document now, with what edits made of it. */
  get region(): { readonly start: number; readonly end: number; readonly whole: boolean } {
    return { start: this.#base, end: this.#base + this.#length, whole: this.#whole };
  }

  /** Takes replacements in the order in which they apply, then looks at the document whether they were undone. */
  apply(replacements: readonly Replacement[], read: (from: number, to: number) => string): void {
    for (const replacement of replacements) this.#replace(replacement);
    this.#grow(read);
  }

  /**
   * Everything was exchanged, but its places are known: other line ends. What is equal is found again.
   *
   * @param moved document offset, now, of what stood at one before
   */
  reset(moved: (offset: number) => number, read: (from: number, to: number) => string): void {
    const end = moved(this.#base + this.#length);
    this.#base = moved(this.#base);
    this.#length = end - this.#base;
    this.#prefix = 0;
    this.#suffix = 0;
    this.#grow(read);
  }

  /** Where the own range [start, end) stands in the document now; undefined when it was edited. */
  shiftOf(start: number, end: number): number | undefined {
    if (end <= this.#prefix) return this.#base;
    if (start >= this.#text.length - this.#suffix) return this.#base + this.#length - this.#text.length;
    return undefined;
  }

  /** Document offset of an own one; of the end of an edit for one that it took. */
  documentOffset(own: number): number {
    if (own <= this.#prefix) return this.#base + own;
    const fromEnd = Math.min(this.#text.length - own, this.#suffix);
    return this.#base + this.#length - fromEnd;
  }

  /** Own offset of a document offset; undefined outside the text and where it was edited. */
  ownOffset(offset: number): number | undefined {
    const at = offset - this.#base;
    return at < 0 || at > this.#length ? undefined : this.#own(at);
  }

  /** Own range behind a document range, grown to both borders of an edit that it cuts. */
  ownRange(from: number, to: number): { readonly start: number; readonly end: number } {
    const clamp = (at: number): number => Math.min(this.#length, Math.max(0, at - this.#base));
    const [start, end] = [clamp(from), clamp(to)];
    return {
      start: this.#own(start) ?? this.#prefix,
      end: end <= this.#prefix ? end : (this.#own(end) ?? this.#text.length - this.#suffix),
    };
  }

  #own(at: number): number | undefined {
    if (at < this.#prefix) return at;
    return at >= this.#length - this.#suffix ? at - this.#length + this.#text.length : undefined;
  }

  #replace({ offset, removed, inserted }: Replacement): void {
    const start = offset - this.#base;
    const end = start + removed;
    // What comes where all of the text was deleted takes its place, as undoing that does.
    const refills = this.#length === 0 && start === 0;
    if (!this.#whole && !refills && end <= 0) {
      this.#base += inserted - removed;
      return;
    }
    if (!this.#whole && !refills && start >= this.#length) return;
    this.#prefix = Math.min(this.#prefix, Math.max(0, start));
    this.#suffix = Math.min(this.#suffix, Math.max(0, this.#length - end));
    this.#base = Math.min(this.#base, offset);
    this.#length = Math.max(this.#length, end) - Math.min(0, start) + inserted - removed;
  }

  /** Moves both borders over what is equal again: an undone edit leaves nothing stale. */
  #grow(read: (from: number, to: number) => string): void {
    const room = Math.min(this.#length, this.#text.length) - this.#prefix - this.#suffix;
    if (room > 0) {
      const now = read(this.#base + this.#prefix, this.#base + this.#length - this.#suffix);
      const then = this.#text.slice(this.#prefix, this.#text.length - this.#suffix);
      let ahead = 0;
      while (ahead < room && now.charCodeAt(ahead) === then.charCodeAt(ahead)) ahead += 1;
      let behind = 0;
      while (
        behind < room - ahead &&
        now.charCodeAt(now.length - 1 - behind) === then.charCodeAt(then.length - 1 - behind)
      ) {
        behind += 1;
      }
      this.#prefix += ahead;
      this.#suffix += behind;
    }
    if (this.#length === this.#text.length && this.#prefix + this.#suffix >= this.#length) {
      this.#prefix = this.#length;
      this.#suffix = this.#length;
    }
  }
}

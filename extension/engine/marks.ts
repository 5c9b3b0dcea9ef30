/** Places that a sequence can come back to, with what it carries there; by how many tokens have gone through. */
export class Marks<T> {
  #marks: readonly Mark<T>[];

  constructor(marks: readonly Mark<T>[] = []) {
    this.#marks = marks;
  }

  /** Memory that they take. */
  get bytes(): number {
    return this.#marks.reduce((sum, mark) => sum + mark.bytes, 0);
  }

  /** The last place among the first `to` tokens. */
  before(to: number): Mark<T> | undefined {
    return this.#marks.findLast(({ at }) => at <= to);
  }

  /** Those among the first `to` tokens. */
  upTo(to: number): Marks<T> {
    return new Marks(this.#marks.filter(({ at }) => at <= to));
  }

  /**
   * Adds a place behind all others. While all take more than so many bytes, the one goes whose neighbours are nearest to each
   * other: coming back to any token then costs the least more. The last stays, as most edits are near it.
   */
  add(mark: Mark<T>, limit: number): void {
    const marks = [...this.#marks.filter(({ at }) => at < mark.at), mark];
    let bytes = marks.reduce((sum, each) => sum + each.bytes, 0);
    while (bytes > limit && marks.length > 1) {
      const gap = (i: number): number => marks[i + 1]!.at - (marks[i - 1]?.at ?? 0);
      let least = 0;
      for (let i = 1; i < marks.length - 1; i++) if (gap(i) < gap(least)) least = i;
      bytes -= marks.splice(least, 1)[0]!.bytes;
    }
    this.#marks = marks;
  }
}

export interface Mark<T> {
  /** Tokens that have gone through. */
  readonly at: number;
  readonly bytes: number;
  readonly state: T;
}

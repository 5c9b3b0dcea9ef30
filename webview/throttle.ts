/** Calls at once, then at most every `milliseconds`; the last value always gets through. */
export class Throttle<T> {
  readonly #milliseconds: number;
  readonly #call: (value: T) => void;
  #waiting: { value: T } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number, call: (value: T) => void) {
    this.#milliseconds = milliseconds;
    this.#call = call;
  }

  push(value: T): void {
    if (this.#timer !== undefined) {
      this.#waiting = { value };
      return;
    }
    this.#call(value);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const { value: last } = this.#waiting ?? {};
      this.#waiting = undefined;
      if (last !== undefined) this.push(last);
    }, this.#milliseconds);
  }
}

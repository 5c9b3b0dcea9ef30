/** Runs an action at once when it has rested long enough, else once at the end of the interval, however often asked. */
export class Throttle {
  readonly #intervalMs: number;
  readonly #action: () => void;
  #timer: NodeJS.Timeout | undefined;
  #last = -Infinity;

  constructor(intervalMs: number, action: () => void) {
    this.#intervalMs = intervalMs;
    this.#action = action;
  }

  request(): void {
    if (this.#timer !== undefined) return;
    const wait = this.#last + this.#intervalMs - performance.now();
    if (wait <= 0) this.#run();
    else
      this.#timer = setTimeout(() => {
        this.#run();
      }, wait);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#last = Infinity;
  }

  #run(): void {
    this.#timer = undefined;
    this.#last = performance.now();
    this.#action();
  }
}

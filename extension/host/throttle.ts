/** Runs an action at once when it has rested long enough, else once at the end of the interval, however often asked. */
export class Throttle {
  readonly #intervalMs: number;
  readonly #action: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer runs out. */
  #due = 0;
  #last = -Infinity;
  #disposed = false;

  constructor(intervalMs: number, action: () => void) {
    this.#intervalMs = intervalMs;
    this.#action = action;
  }

  /** @param intervalMs how long it is to have rested this time; of several requests the one that wants it soonest counts */
  request(intervalMs = this.#intervalMs): void {
    const due = this.#last + intervalMs;
    if (this.#disposed || (this.#timer !== undefined && this.#due <= due)) return;
    clearTimeout(this.#timer);
    const wait = due - performance.now();
    this.#due = due;
    if (wait <= 0) this.#run();
    else
      this.#timer = setTimeout(() => {
        this.#run();
      }, wait);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#disposed = true;
  }

  #run(): void {
    this.#timer = undefined;
    this.#last = performance.now();
    this.#action();
  }
}

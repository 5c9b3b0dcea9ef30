/**
 * Asks the host for a section and takes its answer. While one is awaited no other is asked for, so that a slider that is dragged
 * gets figures as fast as they can be made, the newest last; another section is asked for at once, and the older answer dropped.
 */
import type { Parameters } from '../../extension/protocol/report.ts';

export interface Wanted {
  readonly id: string;
  readonly set: Parameters;
}

export class Asker {
  readonly #post: (request: number, wanted: Wanted) => void;
  #request = 0;
  /** What the newest request was for, while its answer is awaited. */
  #asked: Wanted | undefined;
  #next: Wanted | undefined;

  constructor(post: (request: number, wanted: Wanted) => void) {
    this.#post = post;
  }

  get waiting(): boolean {
    return this.#asked !== undefined;
  }

  /** More was set meanwhile than the awaited answer, or the one that just came, knows of. */
  get behind(): boolean {
    return this.#next !== undefined;
  }

  ask(wanted: Wanted): void {
    if (this.#asked?.id === wanted.id) {
      this.#next = wanted;
      return;
    }
    this.#send(wanted);
  }

  /** Asks at once, whatever is awaited: what it is about has changed. */
  askAnew(wanted: Wanted): void {
    this.#send(wanted);
  }

  /** Whether this answer is to the newest request. What was set meanwhile is asked for then. */
  answered(request: number): boolean {
    if (request !== this.#request || !this.#asked) return false;
    const next = this.#next;
    this.#asked = this.#next = undefined;
    if (next) this.#send(next);
    return true;
  }

  #send(wanted: Wanted): void {
    this.#request += 1;
    this.#asked = wanted;
    this.#next = undefined;
    this.#post(this.#request, wanted);
  }
}

import type { Disposable } from 'vscode';
import { cancelled } from '../protocol/errors.ts';

/** A part that is loaded and made when it is first needed, once: activation does not wait for its code. */
export class FirstUse<T extends Disposable> implements Disposable {
  readonly #load: () => Promise<T>;
  #loading: Promise<T> | undefined;
  #part: T | undefined;
  #disposed = false;

  /** @param load imports the part's module and makes the part */
  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /** The part. Throws what loading it throws, and the next call tries again; `cancelled` when its owner has gone. */
  get(): Promise<T> {
    this.#loading ??= this.#make();
    return this.#loading;
  }

  dispose(): void {
    this.#disposed = true;
    this.#part?.dispose();
  }

  async #make(): Promise<T> {
    try {
      const part = await this.#load();
      // Its owner may have gone while it was loaded.
      if (this.#disposed) {
        part.dispose();
        throw cancelled();
      }
      this.#part = part;
      return part;
    } catch (error) {
      this.#loading = undefined;
      throw error;
    }
  }
}

import type { LayerSums } from '../../protocol/engine.ts';
import type { LayerShape } from '../../protocol/trace.ts';
import { isUserError } from '../../protocol/errors.ts';
import type { OpenModel, Sequence } from '../model.ts';
import { Columns } from './columns.ts';

/** Rooms differ by so many tokens: a text that grows by a word does not need another. */
const ROOM_STEP = 512;
const ROOM_TO_SPARE = 64;
/** Tokens that may be taken back in a window that was complete; where more would be lost, another one is made. */
const FEW = 32;

/** A context window that has gone through the model, as far as it has. */
export interface LiveWindow {
  /** Keys, values and states; absent in a model that reads windows as a whole. */
  readonly sequence?: Sequence;
  /** The sequence may be behind or ahead of them. */
  readonly columns: Columns;
  /** As many as `columns` can hold. */
  readonly ids: Int32Array;
  /** Tokens of the window, once it is complete. */
  tokens: number;
  complete: boolean;
}

/** Windows of texts, the one used last first, in bounded memory. */
export class LiveWindows {
  readonly #model: OpenModel;
  #windows: LiveWindow[] = [];

  constructor(model: OpenModel) {
    this.#model = model;
  }

  /** Memory that they take. */
  get bytes(): number {
    return this.#windows.reduce((sum, window) => sum + bytesOf(window, this.#model.info.moeLayers), 0);
  }

  /** How many of a window's first tokens are known. */
  known(ids: Int32Array): number {
    return this.#closest(ids).common;
  }

  /** Sums over the first tokens of a window, of which so many are known. */
  sums(ids: Int32Array, tokens: number): LayerSums[] {
    const { window } = this.#closest(ids);
    return (window?.columns ?? new Columns(this.#model.info.moeLayers, 0)).sums(tokens);
  }

  /**
   * The window of these tokens: one that is known, or that begins as they do, or a new one. What `columns` tells is of their
   * beginning alone. Others go when all take more than so many bytes.
   *
   * @param room for how many tokens more there must be
   * @throws UserError `out-of-memory` when there is not enough of it even without the others
   */
  take(ids: Int32Array, memory: number, room = 0): LiveWindow {
    const found = this.#find(ids, ids.length + room);
    // In the place of those that have just been forgotten.
    const taken =
      found.sequence || this.#model.answers
        ? found
        : { ...found, sequence: this.#sequence(ids.length, found.columns.capacity) };
    taken.tokens = ids.length;
    taken.complete = taken.columns.length === ids.length;
    this.#windows = [taken, ...this.#windows.filter((other) => other !== taken)];
    while (this.#windows.length > 1 && this.bytes > memory) this.#windows.pop();
    return taken;
  }

  /** Forgets windows beyond so many bytes, even the last one. */
  shrink(memory: number): void {
    while (this.#windows.length > 0 && this.bytes > memory) this.#windows.pop();
  }

  /** Forgets one: nothing is known of what it holds. */
  drop(window: LiveWindow): void {
    this.#windows = this.#windows.filter((other) => other !== window);
  }

  /** The window that begins most as these tokens do, and with how many of them. */
  #closest(ids: Int32Array): { readonly window: LiveWindow | undefined; readonly common: number } {
    let closest: LiveWindow | undefined;
    let most = 0;
    for (const window of this.#windows) {
      const common = commonLength(window.ids.subarray(0, window.columns.length), ids);
      const whole = common === ids.length && window.tokens === ids.length;
      if (common > most && (whole || this.#model.beginsAlike(window.tokens, ids.length))) {
        closest = window;
        most = common;
      }
    }
    return { window: closest, common: most };
  }

  /** Whether a window can go on as that of these tokens, without losing what an undo would want back. */
  #fits({ columns, complete }: LiveWindow, tokens: number, common: number): boolean {
    return columns.capacity >= tokens && (!complete || columns.length - common <= FEW);
  }

  /**
   * A window that knows all that is known of these tokens. It has no sequence where memory for one is short; what was kept is
   * forgotten then.
   */
  #find(ids: Int32Array, tokens: number): LiveWindow {
    const { answers, info } = this.#model;
    const { window: like, common } = this.#closest(ids);
    const goOn = (window: LiveWindow): LiveWindow => {
      window.columns.truncate(common);
      return window;
    };
    if (like && this.#fits(like, tokens, common)) return goOn(like);
    const room = Math.ceil((tokens + ROOM_TO_SPARE) / ROOM_STEP) * ROOM_STEP;
    const capacity = Math.max(tokens, Math.min(room, info.context));
    const columns = like ? like.columns.fork(common, capacity) : new Columns(info.moeLayers, capacity);
    const all = new Int32Array(capacity);
    all.set(ids.subarray(0, common));
    const window = { columns, ids: all, tokens: ids.length, complete: false };
    if (answers) return window;
    try {
      return { ...window, sequence: this.#sequence(ids.length, capacity, like?.sequence, common) };
    } catch (error) {
      if (!isUserError(error, 'out-of-memory') || this.#windows.length === 0) throw error;
      // What an undo would want back is worth less than routing at all.
      if (like && like.columns.capacity >= tokens) return goOn(like);
      this.#windows = [];
      return window;
    }
  }

  #sequence(length: number, capacity: number, like?: Sequence, common = 0): Sequence {
    if (like) return like.fork(Math.min(common, like.length), capacity);
    const sequence = this.#model.sequence(capacity);
    sequence.reset(length);
    return sequence;
  }
}

function bytesOf({ sequence, columns }: LiveWindow, layers: readonly LayerShape[]): number {
  return (sequence?.bytes ?? 0) + Columns.bytesOf(layers, columns.capacity);
}

/** How many of their first tokens two lists share. */
export function commonLength(one: Int32Array, other: Int32Array): number {
  const most = Math.min(one.length, other.length);
  let i = 0;
  while (i < most && one[i] === other[i]) i += 1;
  return i;
}

/**
 * Balance without an auxiliary loss: a bias for each expert, added to its score when experts are chosen and not when they are
 * weighed, that falls while the expert has more than its share and rises while it has less (Wang et al., arXiv 2408.15664,
 * algorithm 1):
 *
 *     b_i ← b_i + u · sign(c̄ − c_i)
 *
 * There u is small and every batch a new one. Here the batch stays the same: u begins large and is halved whenever the load does not
 * get more even for a while, from the best biases so far on.
 */

/** The first u: a tenth of all that a score can be. */
const FIRST_RATE = 0.1;
/** Below it the order of float32 scores does not change any more. */
const LAST_RATE = 1e-6;
/** Updates without a better load before u is halved. */
const PATIENCE = 8;
const MOST_UPDATES = 1000;

/** Finds the biases of one layer, from the loads that those it proposes lead to. */
export class BiasFit {
  readonly #target: number;
  #bias: Float32Array;
  #rate = FIRST_RATE;
  #updates = 0;
  #sinceBetter = 0;
  #best:
    | { readonly bias: Float32Array; readonly counts: Float64Array; readonly maxVio: number; readonly squares: number }
    | undefined;
  #before = NaN;

  /**
   * @param experts E
   * @param target the MaxVio that is even enough
   */
  constructor(experts: number, target: number) {
    this.#target = target;
    this.#bias = new Float32Array(experts);
  }

  /** What is to be tried; [E], zeros at first. */
  get bias(): Float32Array {
    return this.#bias;
  }

  /** The best so far, its MaxVio, and that without biases. */
  get result(): {
    readonly bias: Float32Array;
    readonly before: number;
    readonly after: number;
    readonly updates: number;
  } {
    const { bias, maxVio } = this.#best ?? { bias: this.#bias, maxVio: NaN };
    return { bias, before: this.#before, after: maxVio, updates: this.#updates };
  }

  /**
   * Takes the slots that each expert took under `bias`, [E], and proposes others.
   *
   * @returns false when the result is as good as it gets
   */
  update(counts: Float64Array): boolean {
    const total = counts.reduce((sum, c) => sum + c, 0);
    const mean = total / counts.length;
    const maxVio = total > 0 ? Math.max(...counts) / mean - 1 : 0;
    const squares = counts.reduce((sum, c) => sum + c * c, 0);
    if (this.#updates === 0) this.#before = maxVio;
    let best = this.#best;
    if (!best || maxVio < best.maxVio || (maxVio === best.maxVio && squares < best.squares)) {
      best = this.#best = { bias: this.#bias, counts, maxVio, squares };
      this.#sinceBetter = 0;
    } else {
      this.#sinceBetter += 1;
    }
    if (best.maxVio <= this.#target || this.#updates >= MOST_UPDATES) return false;
    this.#updates += 1;
    let from = this.#bias;
    let load = counts;
    if (this.#sinceBetter >= PATIENCE) {
      this.#rate /= 2;
      this.#sinceBetter = 0;
      if (this.#rate < LAST_RATE) return false;
      from = best.bias;
      load = best.counts;
    }
    this.#bias = from.map((b, e) => b + this.#rate * Math.sign(mean - load[e]!));
    return true;
  }
}

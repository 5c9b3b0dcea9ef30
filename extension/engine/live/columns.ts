import type { LayerSums, RoutedLayer } from '../../protocol/engine.ts';
import type { LayerShape } from '../../protocol/trace.ts';
import type { TokenSums } from '../capture.ts';
import type { RoutedTokens } from '../model.ts';

/** Sums are kept for every so many tokens, so that those up to any token cost little. */
const SUMMED = 128;

interface LayerColumns extends TokenSums {
  readonly shape: LayerShape;
  readonly chosen: Uint16Array;
  readonly weight: Float32Array;
  readonly entropy: Float32Array;
  readonly margin: Float32Array;
  /** Sums of tokens [0, 128·i), as far as anybody asked. */
  sums: LayerSums[];
}

/** What is known of the tokens of a window: the routing of its first ones, with room for more. */
export class Columns {
  readonly capacity: number;
  readonly #logProb: Float32Array;
  readonly #layers: readonly LayerColumns[];
  #length = 0;

  constructor(layers: readonly LayerShape[], capacity: number) {
    this.capacity = capacity;
    this.#logProb = new Float32Array(capacity);
    this.#layers = layers.map((shape) => ({
      shape,
      chosen: new Uint16Array(capacity * shape.candidates),
      weight: new Float32Array(capacity * shape.candidates),
      entropy: new Float32Array(capacity),
      margin: new Float32Array(capacity),
      prob: new Float32Array(capacity * shape.experts),
      logSumExpSq: new Float64Array(capacity),
      sums: [],
    }));
  }

  /** Tokens [0, length) are known. */
  get length(): number {
    return this.#length;
  }

  /** Memory of so many tokens. */
  static bytesOf(layers: readonly LayerShape[], capacity: number): number {
    return capacity * layers.reduce((sum, { candidates, experts }) => sum + 6 * candidates + 4 * experts + 16, 4);
  }

  /** Takes what is known of tokens from `from` on, in place of what was. */
  set(from: number, { layers, logProb, each }: Required<RoutedTokens>): void {
    this.truncate(from);
    this.#logProb.set(logProb, from);
    this.#layers.forEach((column, i) => {
      const { chosen, weight, entropy, margin } = layers[i]!;
      const { candidates, experts } = column.shape;
      column.chosen.set(chosen, from * candidates);
      column.weight.set(weight, from * candidates);
      column.entropy.set(entropy, from);
      column.margin.set(margin, from);
      column.prob.set(each[i]!.prob, from * experts);
      column.logSumExpSq.set(each[i]!.logSumExpSq, from);
    });
    this.#length = from + logProb.length;
  }

  /** Forgets tokens from this one on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
    for (const column of this.#layers) column.sums = column.sums.slice(0, 1 + Math.floor(length / SUMMED));
  }

  /** The same of the first tokens, with room for as many. */
  fork(length: number, capacity: number): Columns {
    const other = new Columns(
      this.#layers.map(({ shape }) => shape),
      capacity,
    );
    if (length > 0) other.set(0, { ...this.#copy(0, length), each: this.#each(0, length) });
    return other;
  }

  /** Routing of tokens [from, to), in copies. */
  part(from: number, to: number): RoutedTokens {
    const { layers, logProb } = this.#copy(from, to);
    const [before, after] = [this.sums(from), this.sums(to)];
    return {
      logProb,
      layers: layers.map((layer, i) => ({
        ...layer,
        probSum: after[i]!.probSum.map((sum, e) => sum - before[i]!.probSum[e]!),
        logSumExpSq: after[i]!.logSumExpSq - before[i]!.logSumExpSq,
      })),
    };
  }

  /** Sums over tokens [0, to), layer by layer. */
  sums(to: number): LayerSums[] {
    return this.#layers.map((column) => {
      const whole = Math.floor(to / SUMMED);
      if (column.sums.length === 0) {
        column.sums.push({ probSum: new Float64Array(column.shape.experts), logSumExpSq: 0 });
      }
      for (let i = column.sums.length; i <= whole; i++) {
        column.sums.push(plus(column.sums[i - 1]!, column, (i - 1) * SUMMED, i * SUMMED));
      }
      return plus(column.sums[whole]!, column, whole * SUMMED, to);
    });
  }

  #copy(from: number, to: number): { logProb: Float32Array; layers: RoutedLayer[] } {
    return {
      logProb: this.#logProb.slice(from, to),
      layers: this.#layers.map(({ shape: { candidates }, chosen, weight, entropy, margin }) => ({
        chosen: chosen.slice(from * candidates, to * candidates),
        weight: weight.slice(from * candidates, to * candidates),
        entropy: entropy.slice(from, to),
        margin: margin.slice(from, to),
        probSum: new Float64Array(),
        logSumExpSq: 0,
      })),
    };
  }

  #each(from: number, to: number): TokenSums[] {
    return this.#layers.map(({ shape: { experts }, prob, logSumExpSq }) => ({
      prob: prob.subarray(from * experts, to * experts),
      logSumExpSq: logSumExpSq.subarray(from, to),
    }));
  }
}

/** Sums with those of tokens [from, to). */
function plus({ probSum, logSumExpSq }: LayerSums, column: LayerColumns, from: number, to: number): LayerSums {
  const { experts } = column.shape;
  const sum = probSum.slice();
  let squares = logSumExpSq;
  for (let t = from; t < to; t++) {
    for (let e = 0; e < experts; e++) sum[e]! += column.prob[t * experts + e]!;
    squares += column.logSumExpSq[t]!;
  }
  return { probSum: sum, logSumExpSq: squares };
}

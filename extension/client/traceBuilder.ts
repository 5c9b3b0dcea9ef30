import type { Began, Routed } from '../protocol/engine.ts';
import type { LayerTrace, RoutingTrace, TraceOrigin } from '../protocol/trace.ts';

/**
 * Puts a run's parts together. The arrays are made once, at their final size, when the run begins: the trace that `trace`
 * returns shares them, so it costs nothing to look at while the run goes on.
 */
export class TraceBuilder {
  readonly #began: Began;
  readonly #logProb: Float32Array;
  readonly #layers: LayerTrace[];
  #routed = 0;

  constructor(began: Began) {
    const tokens = began.ids.length;
    this.#began = began;
    this.#logProb = new Float32Array(tokens).fill(NaN);
    this.#layers = began.model.moeLayers.map((shape) => ({
      ...shape,
      chosen: new Uint16Array(tokens * shape.candidates),
      weight: new Float32Array(tokens * shape.candidates),
      entropy: new Float32Array(tokens),
      margin: new Float32Array(tokens),
      probSum: new Float64Array(shape.experts),
      logSumExpSq: 0,
    }));
  }

  /** Takes the part that follows what has arrived. */
  add(part: Routed): void {
    if (part.from !== this.#routed)
      throw new Error(`routing of token ${part.from} came after token ${this.#routed - 1}`);
    this.#logProb.set(part.logProb, part.from);
    part.layers.forEach((source, i) => {
      const layer = this.#layers[i]!;
      layer.chosen.set(source.chosen, part.from * layer.candidates);
      layer.weight.set(source.weight, part.from * layer.candidates);
      layer.entropy.set(source.entropy, part.from);
      layer.margin.set(source.margin, part.from);
      source.probSum.forEach((p, e) => {
        layer.probSum[e]! += p;
      });
      layer.logSumExpSq += source.logSumExpSq;
    });
    this.#routed = part.to;
  }

  /** What has arrived; `routed` says how much. */
  get trace(): RoutingTrace {
    return this.#trace();
  }

  /** The trace with the run's times. */
  finish(milliseconds: NonNullable<TraceOrigin['milliseconds']>): RoutingTrace {
    return this.#trace(milliseconds);
  }

  #trace(milliseconds?: TraceOrigin['milliseconds']): RoutingTrace {
    const { ids, start, end, windows, model } = this.#began;
    return {
      tokens: { ids, start, end, logProb: this.#logProb },
      layers: this.#layers,
      windows,
      routed: this.#routed,
      origin: milliseconds ? { model, source: 'measured', milliseconds } : { model, source: 'measured' },
    };
  }
}

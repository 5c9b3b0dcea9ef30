import type { AnalyzeResult, Began, KeptRouting, Routed } from '../protocol/engine.ts';
import type { LayerTrace, ModelInfo, RoutingTrace, TokenColumns, TraceOrigin } from '../protocol/trace.ts';

/**
 * Puts a run's parts together. The arrays are made once, at their final size, when the run begins: the trace that `trace`
 * returns shares them, so it costs nothing to look at while the run goes on.
 */
export class TraceBuilder {
  readonly #model: ModelInfo;
  readonly #windows: Uint32Array;
  readonly #tokens: TokenColumns;
  readonly #layers: LayerTrace[];
  /** Tokens of the text; those behind them are generated. */
  readonly #given: number;
  #routed = 0;

  /** @param base holds the routing of the tokens that are kept */
  constructor({ model, ids, start, end, windows, generate, kept }: Began, base?: TraceBuilder) {
    const tokens = ids.length + generate;
    this.#model = model;
    this.#windows = windows;
    this.#given = ids.length;
    this.#tokens = {
      ids: grown(ids, new Int32Array(tokens)),
      start: grown(start, new Uint32Array(tokens)),
      end: grown(end, new Uint32Array(tokens)),
      logProb: new Float32Array(tokens).fill(NaN),
    };
    const column = model.weightless ? unknownColumns() : (length: number) => new Float32Array(length);
    this.#layers = model.moeLayers.map((shape) => ({
      ...shape,
      chosen: new Uint16Array(tokens * shape.candidates),
      weight: column(tokens * shape.candidates),
      entropy: column(tokens),
      margin: column(tokens),
      probSum: new Float64Array(shape.experts),
      logSumExpSq: 0,
    }));
    if (kept && base) this.#keep(kept, base);
  }

  /** Tokens whose routing is here. */
  get routed(): number {
    return this.#routed;
  }

  /** Copies: whoever still looks at the other trace sees it as it was. */
  #keep({ tokens, sums }: KeptRouting, base: TraceBuilder): void {
    if (tokens > base.#routed) throw new Error(`${tokens} tokens were to be kept of ${base.#routed}`);
    this.#tokens.logProb.set(base.#tokens.logProb.subarray(0, tokens));
    this.#layers.forEach((layer, i) => {
      const source = base.#layers[i]!;
      const slots = tokens * layer.candidates;
      layer.chosen.set(source.chosen.subarray(0, slots));
      layer.weight.set(source.weight.subarray(0, slots));
      layer.entropy.set(source.entropy.subarray(0, tokens));
      layer.margin.set(source.margin.subarray(0, tokens));
      layer.probSum.set(sums[i]!.probSum);
      layer.logSumExpSq = sums[i]!.logSumExpSq;
    });
    this.#routed = tokens;
  }

  /** Takes the part that follows what has arrived. */
  add(part: Routed): void {
    if (part.from !== this.#routed)
      throw new Error(`routing of token ${part.from} came after token ${this.#routed - 1}`);
    if (part.generated) this.#tokens.ids.set(part.generated, part.from);
    this.#tokens.logProb.set(part.logProb, part.from);
    part.layers.forEach((source, i) => {
      const layer = this.#layers[i]!;
      layer.chosen.set(source.chosen, part.from * layer.candidates);
      if (!this.#model.weightless) {
        layer.weight.set(source.weight, part.from * layer.candidates);
        layer.entropy.set(source.entropy, part.from);
        layer.margin.set(source.margin, part.from);
      }
      source.probSum.forEach((p, e) => {
        layer.probSum[e]! += p;
      });
      layer.logSumExpSq += source.logSumExpSq;
    });
    this.#routed = part.to;
  }

  /** What has arrived; `routed` says how much. */
  get trace(): RoutingTrace {
    return this.#trace({ model: this.#model, source: 'measured' }, this.#given);
  }

  /** The whole trace, generated tokens included. */
  finish({ milliseconds, continuation }: AnalyzeResult): RoutingTrace {
    if (continuation) {
      this.#tokens.start.set(continuation.start, this.#given);
      this.#tokens.end.set(continuation.end, this.#given);
    }
    const tokens = this.#given + (continuation?.start.length ?? 0);
    return this.#trace({ model: this.#model, source: 'measured', milliseconds }, tokens);
  }

  #trace(origin: TraceOrigin, tokens: number): RoutingTrace {
    const { ids, start, end, logProb } = this.#tokens;
    return {
      tokens: {
        ids: ids.subarray(0, tokens),
        start: start.subarray(0, tokens),
        end: end.subarray(0, tokens),
        logProb: logProb.subarray(0, tokens),
      },
      layers: this.#layers,
      windows: this.#windows,
      routed: Math.min(this.#routed, tokens),
      ...(tokens > this.#given ? { generatedFrom: this.#given } : {}),
      origin,
    };
  }
}

/** Makes columns of what is not known: all layers share one of a length. */
function unknownColumns(): (length: number) => Float32Array {
  const made = new Map<number, Float32Array>();
  return (length) => {
    const column = made.get(length) ?? new Float32Array(length).fill(NaN);
    made.set(length, column);
    return column;
  };
}

/** A column with room for more; the same one when there is enough. */
function grown<T extends Int32Array | Uint32Array>(column: T, room: T): T {
  if (room.length === column.length) return column;
  room.set(column);
  return room;
}

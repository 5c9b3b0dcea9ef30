import { layersWithoutWeights, type PlacedLayers } from '../formats/routedExperts.ts';
import type { AnalyzeSink, TokenRanges } from '../protocol/engine.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { DecodedReply } from './decode.ts';

/** Tokens that are handed on at once: the host's thread gets time between. */
const PART_TOKENS = 1024;

/** Hands windows on in parts, from the beginning again where the layers have changed. */
export class Emitter {
  readonly #run: number;
  readonly #sink: AnalyzeSink;
  readonly #windows: number;
  #shown = '';
  #routed = 0;

  constructor(run: number, sink: AnalyzeSink, windows: number) {
    this.#run = run;
    this.#sink = sink;
    this.#windows = windows;
  }

  async emit(
    placed: PlacedLayers,
    model: (placed: PlacedLayers) => ModelInfo,
    { ids, start, end }: TokenRanges,
    replies: readonly DecodedReply[],
  ): Promise<void> {
    const shown = JSON.stringify([placed.moeLayers, placed.notes]);
    const to = replies.reduce((sum, { promptIds }) => sum + promptIds.length, 0);
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#routed = 0;
      const windows = windowStartsOf(replies, ids.length, this.#windows);
      const run = this.#run;
      this.#sink.began({ run, model: model(placed), ids, start, end, windows, generate: 0 });
    }
    const logProb = Float32Array.from(replies.flatMap((reply) => [...reply.logProb]));
    const layers = layersWithoutWeights(placed, to);
    for (let from = this.#routed; from < to; from += PART_TOKENS) {
      const end = Math.min(to, from + PART_TOKENS);
      this.#sink.routed({
        run: this.#run,
        from,
        to: end,
        logProb: logProb.subarray(from, end),
        layers: layers.map(({ chosen, weight, entropy, margin, k, probSum }) => ({
          chosen: chosen.subarray(from * k, end * k),
          weight: weight.subarray(from * k, end * k),
          entropy: entropy.subarray(from, end),
          margin: margin.subarray(from, end),
          probSum,
          logSumExpSq: NaN,
        })),
      });
      if (end < to) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#routed = to;
  }
}

/** First tokens of all windows; those that are still to come have the size of the first. */
function windowStartsOf(replies: readonly DecodedReply[], tokens: number, windows: number): Uint32Array {
  const size = replies[0]!.promptIds.length;
  return Uint32Array.from({ length: windows }, (_, w) => Math.min(tokens, w * size));
}

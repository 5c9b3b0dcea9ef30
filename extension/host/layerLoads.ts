import { expertCounts, meanOf } from '../analysis/load.ts';
import type { LayerTrace } from '../protocol/trace.ts';
import type { LayerLoad } from '../protocol/webview.ts';

/** Longest stretch of work before the extension host gets its thread back: half a frame. */
const SLICE_MS = 8;

/** Load of each MoE layer, kept up while the trace grows: counts of new tokens are added to those of earlier ones. */
export class LayerLoads {
  readonly #layers: readonly LayerTrace[];
  readonly #counted: number[];
  readonly #loads: LayerLoad[];

  constructor(layers: readonly LayerTrace[]) {
    this.#layers = layers;
    this.#counted = layers.map(() => 0);
    this.#loads = layers.map((layer) => loadOf(layer, new Float64Array(layer.experts), 0));
  }

  /** Load of one layer over tokens [0, routed), or over more where more are counted already. */
  upTo(position: number, routed: number): LayerLoad {
    const layer = this.#layers[position]!;
    const counted = this.#counted[position]!;
    if (counted < routed) {
      const counts = expertCounts(layer, counted, routed);
      this.#loads[position]!.counts.forEach((count, expert) => {
        counts[expert]! += count;
      });
      this.#loads[position] = loadOf(layer, counts, routed);
      this.#counted[position] = routed;
    }
    return this.#loads[position]!;
  }

  /** Load of all layers. Gives the thread back between layers; ends early, with undefined, once it is not wanted. */
  async all(routed: number, wanted: () => boolean): Promise<readonly LayerLoad[] | undefined> {
    let since = performance.now();
    for (let position = 0; position < this.#layers.length; position++) {
      if (performance.now() - since > SLICE_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        if (!wanted()) return undefined;
        since = performance.now();
      }
      this.upTo(position, routed);
    }
    return [...this.#loads];
  }
}

function loadOf(
  { layer, stack, experts, k, candidates, entropy, margin }: LayerTrace,
  counts: Float64Array,
  to: number,
) {
  return {
    layer,
    ...(stack && { stack }),
    experts,
    k,
    candidates,
    counts,
    meanEntropy: meanOf(entropy, 0, to),
    meanMargin: meanOf(margin, 0, to),
  };
}

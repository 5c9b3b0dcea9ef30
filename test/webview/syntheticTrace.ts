/** Routing of any size with a believable skew: some experts hot, neighbours alike, weights falling. */
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import type { TracedText } from './demoTrace.ts';

export interface Size {
  readonly tokens: number;
  readonly layers: number;
  readonly experts: number;
  readonly k: number;
  /** With runners-up after the k chosen ones, as of a measured trace; k unless told. */
  readonly candidates?: number;
}

const WORDS = ['the', ' router', ' sends', ' each', ' token', ' to', ' experts', ',', '\n', ' 专家', ' of', '\t', '  '];

export function syntheticTrace({ tokens, layers, experts, k, candidates = k }: Size): TracedText {
  const random = generator(7);
  const text = Array.from({ length: tokens }, () => WORDS[Math.floor(random() * WORDS.length)]!);
  const shapes = Array.from({ length: layers }, (_, l) => ({ layer: l + 3, experts, k, candidates }));
  const trace: RoutingTrace = {
    tokens: {
      ids: Int32Array.from({ length: tokens }, () => Math.floor(random() * 129280)),
      start: new Uint32Array(tokens),
      end: new Uint32Array(tokens),
      logProb: Float32Array.from({ length: tokens }, (_, t) => (t === 0 ? NaN : -12 * random() ** 2)),
    },
    layers: shapes.map((shape, l) => {
      const chosen = new Uint16Array(tokens * candidates);
      const weight = new Float32Array(tokens * candidates);
      for (let t = 0; t < tokens; t++) {
        for (let j = 0; j < candidates; j++) {
          // The power skews towards low ranks; the odd factor scatters them over the indices.
          chosen[t * candidates + j] = (Math.floor(random() ** 1.6 * experts) * 77 + l * 13 + j) % experts;
          weight[t * candidates + j] = 2 ** -j * (0.4 + 0.1 * random());
        }
      }
      return {
        ...shape,
        chosen,
        weight,
        entropy: Float32Array.from({ length: tokens }, () => Math.log(experts) * (0.4 + 0.004 * l + 0.3 * random())),
        margin: Float32Array.from({ length: tokens }, () => random() ** 2 / k),
        probSum: new Float64Array(experts),
        logSumExpSq: 0,
      };
    }),
    windows: Uint32Array.from({ length: Math.ceil(tokens / 4096) }, (_, w) => w * 4096),
    routed: tokens,
    origin: {
      source: 'recorded',
      model: {
        name: 'synthetic-58x256',
        folder: '',
        architecture: 'DeepseekV3ForCausalLM',
        layers: layers + 3,
        moeLayers: shapes,
        hiddenSize: 7168,
        vocabulary: 129280,
        context: 4096,
        parameters: { total: 671e9, active: 37e9 },
        precision: 'bfloat16',
        provider: 'CPU',
      },
    },
  };
  return { trace, text };
}

/** Mulberry32: small, seeded, good enough to look at. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** Small routed texts, built by hand. */
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import type { LayerTrace, RoutingTrace } from '../../extension/protocol/trace.ts';

export interface LayerInput {
  readonly layer: number;
  readonly experts: number;
  readonly k: number;
  /** Per token: [expert, weight] of each candidate. */
  readonly slots: readonly (readonly (readonly [expert: number, weight: number])[])[];
  readonly entropy: readonly number[];
  readonly margin: readonly number[];
}

export interface TextInput {
  readonly text: string;
  /** [start, end) of each token. */
  readonly tokens: readonly (readonly [start: number, end: number])[];
  readonly layers: readonly LayerInput[];
  readonly logProb?: readonly number[];
  readonly windows?: readonly number[];
  readonly routed?: number;
  readonly base?: number;
  readonly whole?: boolean;
}

export function routedTextOf(input: TextInput): RoutedText {
  const { text, base = 0, whole = true } = input;
  return new RoutedText(1, text, new EditTracker(text, base, whole), traceOf(input));
}

export function traceOf({ tokens, layers, logProb, windows, routed }: TextInput): RoutingTrace {
  const traced = layers.map(layerOf);
  return {
    tokens: {
      ids: Int32Array.from(tokens, (_, t) => 100 + t),
      start: Uint32Array.from(tokens, ([start]) => start),
      end: Uint32Array.from(tokens, ([, end]) => end),
      logProb: Float32Array.from(tokens, (_, t) => logProb?.[t] ?? NaN),
    },
    layers: traced,
    windows: Uint32Array.from(windows ?? [0]),
    routed: routed ?? tokens.length,
    origin: {
      source: 'measured',
      model: {
        name: 'tiny',
        folder: '/models/tiny',
        architecture: 'MixtralForCausalLM',
        layers: layers.length,
        moeLayers: traced,
        hiddenSize: 8,
        vocabulary: 1000,
        context: 64,
        parameters: { total: 1000, active: 500 },
        precision: 'float32',
        provider: 'cpu',
      },
    },
  };
}

function layerOf({ layer, experts, k, slots, entropy, margin }: LayerInput): LayerTrace {
  return {
    layer,
    experts,
    k,
    candidates: slots[0]?.length ?? k,
    chosen: Uint16Array.from(slots.flat(), ([expert]) => expert),
    weight: Float32Array.from(slots.flat(), ([, weight]) => weight),
    entropy: Float32Array.from(entropy),
    margin: Float32Array.from(margin),
    probSum: new Float64Array(experts),
    logSumExpSq: 0,
  };
}

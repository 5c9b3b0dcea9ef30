import type { LayerTrace, RoutingTrace } from '../../extension/protocol/trace.ts';

/** A trace of layers made by hand; every token one character, all routed. */
export function recordedTrace(layers: readonly LayerTrace[], tokens: number): RoutingTrace {
  return {
    tokens: {
      ids: Int32Array.from({ length: tokens }, (_, t) => t),
      start: Uint32Array.from({ length: tokens }, (_, t) => t),
      end: Uint32Array.from({ length: tokens }, (_, t) => t + 1),
      logProb: new Float32Array(tokens).fill(NaN),
    },
    layers,
    windows: Uint32Array.of(0),
    routed: tokens,
    origin: {
      model: {
        name: 'by hand',
        folder: '',
        architecture: 'MixtralForCausalLM',
        layers: layers.length,
        moeLayers: layers,
        hiddenSize: 8,
        vocabulary: 100,
        context: 1000,
        parameters: { total: 0, active: 0 },
        precision: 'float32',
        provider: 'cpu',
      },
      source: 'measured',
    },
  };
}

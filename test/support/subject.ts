import type { Evidence, Subject } from '../../extension/analysis/sections/subject.ts';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import type { LayerTrace, ModelInfo } from '../../extension/protocol/trace.ts';

/** A model of MoE layers alone, with sizes that are easy to reckon with. */
export function modelOf(layers: readonly LayerTrace[], more: Partial<ModelInfo> = {}): ModelInfo {
  return {
    name: 'model',
    folder: '/models/model',
    architecture: 'TestForCausalLM',
    layers: layers.length,
    moeLayers: layers,
    hiddenSize: 128,
    vocabulary: 100,
    context: 1000,
    parameters: { total: 1000, active: 400 },
    precision: 'float32',
    provider: 'cpu',
    ...more,
  };
}

/** A routed text, each character of which is a token; layers are numbered as they come. */
export function subject(
  layers: readonly LayerTrace[],
  { model, evidence, name = 'text' }: { model?: Partial<ModelInfo>; evidence?: Evidence; name?: string } = {},
): Subject {
  const numbered = layers.map((layer, i) => ({ ...layer, layer: i }));
  const tokens = numbered[0]!.entropy.length;
  const at = Uint32Array.from({ length: tokens }, (_, t) => t);
  return subjectOf(
    name,
    {
      tokens: { ids: new Int32Array(tokens), start: at, end: at.map((t) => t + 1), logProb: new Float32Array(tokens) },
      layers: numbered,
      windows: Uint32Array.of(0),
      routed: tokens,
      origin: { model: modelOf(numbered, model), source: 'measured' },
    },
    'x'.repeat(tokens),
    evidence,
  );
}

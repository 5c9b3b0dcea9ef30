import type { LayerShape, ModelInfo } from '../protocol/trace.ts';
import { safetensors } from './writeSafetensors.ts';

/**
 * Biases as a safetensors file: of each layer `layers.N.selection_bias` (`encoder.layers.N…` and `decoder.layers.N…` where a model
 * has both), F32 [experts], N being the layer's index in the model. They are added to the scores that experts are chosen by, on
 * top of a bias that the checkpoint has itself; weights are of the scores without them. In a checkpoint of DeepSeek-V3's kind,
 * that is `model.layers.N.mlp.gate.e_score_correction_bias` plus this one.
 */
export function biasFile(
  layers: readonly { readonly shape: LayerShape; readonly values: Float32Array }[],
  { name, architecture }: Pick<ModelInfo, 'name' | 'architecture'>,
): Uint8Array {
  const tensors = layers.map(({ shape: { layer, stack }, values }) => ({
    name: `${stack ? `${stack}.` : ''}layers.${layer}.selection_bias`,
    values,
  }));
  return safetensors(tensors, { format: 'moescope-biases', model: name, architecture });
}

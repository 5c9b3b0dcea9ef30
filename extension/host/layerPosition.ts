import type { LayerShape } from '../protocol/trace.ts';

/**
 * The position that was clicked, or else that of the layer whose index in the model the setting names: itself or the
 * nearest MoE layer, or the middle one for -1. Early layers sort by token, late ones by prediction; the middle shows both.
 */
export function layerPosition(
  layers: readonly Pick<LayerShape, 'layer'>[],
  clicked: number | undefined,
  setting: number,
): number {
  if (layers.length === 0) return 0;
  if (clicked !== undefined) return Math.min(clicked, layers.length - 1);
  if (setting < 0) return Math.floor(layers.length / 2);
  let nearest = 0;
  layers.forEach(({ layer }, position) => {
    if (Math.abs(layer - setting) < Math.abs(layers[nearest]!.layer - setting)) nearest = position;
  });
  return nearest;
}

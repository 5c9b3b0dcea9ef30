/** Short names as every view writes them. */
import type { LayerShape } from '../protocol/trace.ts';

/** L3; E3 and D3 in the encoder and decoder of a model that has both. */
export function layerLabel(layer: Pick<LayerShape, 'layer' | 'stack'>): string {
  const prefix = layer.stack === 'encoder' ? 'E' : layer.stack === 'decoder' ? 'D' : 'L';
  return prefix + String(layer.layer);
}

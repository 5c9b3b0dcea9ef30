/** Short names as every view writes them. */
import * as l10n from '@vscode/l10n';
import type { LayerShape } from '../protocol/trace.ts';
import { count } from './numbers.ts';

/** L3; E3 and D3 in the encoder and decoder of a model that has both. */
export function layerLabel(layer: Pick<LayerShape, 'layer' | 'stack'>): string {
  const prefix = layer.stack === 'encoder' ? 'E' : layer.stack === 'decoder' ? 'D' : 'L';
  return prefix + String(layer.layer);
}

/** 1 token; 8,000 tokens. */
export function tokenCount(tokens: number): string {
  return tokens === 1 ? l10n.t`1 token` : l10n.t`${count(tokens)} tokens`;
}

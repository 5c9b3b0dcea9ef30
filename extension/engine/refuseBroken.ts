import * as l10n from '@vscode/l10n';
import type { RoutedLayer } from '../protocol/engine.ts';
import { UserError } from '../protocol/errors.ts';
import type { ModelInfo } from '../protocol/trace.ts';

/**
 * Refuses routing by scores that are not numbers: experts are chosen all the same, the first ones for every token, which looks like
 * a router that has collapsed.
 *
 * @param layers one entry a MoE layer, or none
 * @throws UserError `weights-invalid`
 */
export function refuseBroken(layers: readonly RoutedLayer[], { moeLayers, name, precision }: ModelInfo): void {
  const broken = layers.findIndex(({ logSumExpSq }) => Number.isNaN(logSumExpSq));
  if (broken < 0) return;
  throw new UserError(
    'weights-invalid',
    l10n.t`The router of layer ${moeLayers[broken]!.layer} gives scores that are not numbers: weights of ${name} are damaged, or too large for ${precision}. Choose another checkpoint, or another precision.`,
  );
}

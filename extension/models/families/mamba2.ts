import * as l10n from '@vscode/l10n';
import type { ConfigReader } from '../../formats/config.ts';
import type { Mamba2Spec } from '../spec.ts';
import { convolution, projection } from './common.ts';

export interface Mamba2Options {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headDim: number;
  readonly groups: number;
  readonly stateSize: number;
  readonly kernel: number;
  readonly biases: { readonly conv: boolean; readonly projections: boolean };
  readonly minStep: number;
  readonly epsilon: number;
}

/** What `time_step_limit` holds time steps above: 0 in every known model. */
export function minimalStep(config: ConfigReader): number {
  const [least, most] = config.bounds('time_step_limit', [0, Infinity]);
  if (most !== Infinity) config.refuse(l10n.t`has ${most} in time_step_limit, which is not supported yet`);
  return least;
}

/** Mamba-2 under the names that all who have it use, for any layer's prefix. */
export function mamba2Layer(config: ConfigReader, options: Mamba2Options): (prefix: string) => Mamba2Spec {
  const { hiddenSize, heads, headDim, groups, stateSize, kernel, biases, minStep, epsilon } = options;
  if (heads % groups !== 0) config.refuse(l10n.t`has ${heads} Mamba heads, which ${groups} groups do not divide`);
  const width = heads * headDim;
  const mixed = width + 2 * groups * stateSize;
  return (prefix) => {
    const perHead = (name: string): Mamba2Spec['skip'] => ({ name: `${prefix}.${name}`, shape: [heads] });
    const weight = { name: `${prefix}.norm.weight`, shape: [width] };
    return {
      kind: 'mamba2',
      heads,
      headDim,
      groups,
      stateSize,
      input: projection(`${prefix}.in_proj`, width + mixed + heads, hiddenSize, biases.projections),
      conv: convolution(`${prefix}.conv1d`, mixed, kernel, biases.conv),
      stepBias: perHead('dt_bias'),
      decayLog: perHead('A_log'),
      skip: perHead('D'),
      minStep,
      norm: { weight, epsilon },
      output: projection(`${prefix}.out_proj`, hiddenSize, width, biases.projections),
    };
  };
}

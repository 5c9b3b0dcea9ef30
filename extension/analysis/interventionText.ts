import type { Intervention } from '../protocol/intervention.ts';
import type { LayerShape } from '../protocol/trace.ts';
import { layerLabel } from './labels.ts';

const POLICIES = {
  position: 'the latest dropped',
  weight: 'the lightest dropped',
  reroute: 're-routed',
} as const;

/** An intervention in a few words, as "capacity 1.25, re-routed; k = 1 at L0, L3". */
export function interventionText(
  { masked, silenced, bias, k, temperature, capacity, withoutShared, layers }: Intervention,
  moeLayers: readonly LayerShape[],
): string {
  const label = (layer: number): string => layerLabel(moeLayers[layer]!);
  const experts = (refs: NonNullable<Intervention['masked']>): string =>
    refs.map(({ layer, expert }) => `${label(layer)} E${expert}`).join(', ');
  const where = layers ? ` at ${layers.map(label).join(', ')}` : '';
  const general = [
    ...(capacity ? [`capacity ${capacity.factor}, ${POLICIES[capacity.policy]}`] : []),
    ...(k === undefined ? [] : [`k = ${k}`]),
    ...(temperature === undefined ? [] : [`temperature ${temperature}`]),
    ...(withoutShared === true ? ['no shared expert'] : []),
  ].map((change) => change + where);
  const parts = [
    ...(masked && masked.length > 0 ? [`without ${experts(masked)}`] : []),
    ...(silenced && silenced.length > 0 ? [`${experts(silenced)} silent`] : []),
    ...(bias && bias.length > 0 ? ['with biases'] : []),
    ...general,
  ];
  return parts.length > 0 ? parts.join('; ') : 'as it is';
}

import * as l10n from '@vscode/l10n';
import type { Intervention } from '../protocol/intervention.ts';
import type { LayerShape } from '../protocol/trace.ts';
import { layerLabel } from './labels.ts';
import { clauses, listed } from './lists.ts';

const POLICIES = {
  position: l10n.t`the latest dropped`,
  weight: l10n.t`the lightest dropped`,
  reroute: l10n.t`re-routed`,
} as const;

/** What is said of a limit on capacity that replaces one of the model's own, which drops so many slots. */
export function liftedText(slots: number): string {
  return slots === 1
    ? l10n.t`This limit replaces the model’s own, which drops ${slots} slot; part of the change comes from lifting that one.`
    : l10n.t`This limit replaces the model’s own, which drops ${slots} slots; part of the change comes from lifting that one.`;
}

/** An intervention in a few words, as "capacity 1.25, re-routed; k = 1 at L0, L3". */
export function interventionText(
  { masked, silenced, bias, k, temperature, capacity, withoutShared, layers }: Intervention,
  moeLayers: readonly LayerShape[],
): string {
  const label = (layer: number): string => layerLabel(moeLayers[layer]!);
  const experts = (refs: NonNullable<Intervention['masked']>): string =>
    listed(refs.map(({ layer, expert }) => `${label(layer)} E${expert}`));
  const general = [
    ...(capacity ? [l10n.t`capacity ${capacity.factor}, ${POLICIES[capacity.policy]}`] : []),
    ...(k === undefined ? [] : [`k = ${k}`]),
    ...(temperature === undefined ? [] : [l10n.t`temperature ${temperature}`]),
    ...(withoutShared === true ? [l10n.t`no shared expert`] : []),
  ].map((change) => (layers ? l10n.t`${change} at ${listed(layers.map(label))}` : change));
  const parts = [
    ...(masked && masked.length > 0 ? [l10n.t`without ${experts(masked)}`] : []),
    ...(silenced && silenced.length > 0 ? [l10n.t`${experts(silenced)} silent`] : []),
    ...(bias && bias.length > 0 ? [l10n.t`with biases`] : []),
    ...general,
  ];
  return parts.length > 0 ? clauses(parts) : l10n.t`as it is`;
}

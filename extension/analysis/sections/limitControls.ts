/** The controls by which a capacity limit is chosen. */
import * as l10n from '@vscode/l10n';
import type { Parameters } from '../../protocol/report.ts';
import { CAPACITY_POLICIES, type CapacityPolicy, type CapacityLimit } from '../../protocol/intervention.ts';
import { choice, slider } from './controls.ts';

/** Id of the section that they stand in. */
export const CAPACITY = 'capacity';

export const POLICY_NAMES: Readonly<Record<CapacityPolicy, string>> = {
  position: l10n.t`The latest are dropped`,
  weight: l10n.t`The lightest are dropped`,
  reroute: l10n.t`The latest go to the next expert with room`,
};

/** What the field sets in training. */
export const COMMON_FACTORS = { from: 1.1, to: 1.3, label: l10n.t`common practice` } as const;

export function limitControls(set: Parameters) {
  const factor = slider(set, {
    id: 'factor',
    label: l10n.t`Capacity factor`,
    min: 0.5,
    max: 4,
    step: 0.05,
    value: 1.2,
    unit: 'number',
    band: COMMON_FACTORS,
  });
  const options = CAPACITY_POLICIES.map((value) => ({ value, label: POLICY_NAMES[value] }));
  const policy = choice(set, { id: 'policy', label: l10n.t`Where an expert is full`, options, value: 'position' });
  return [factor, policy] as const;
}

/** The limit that the section's controls say. */
export function limitOf(set: Parameters): CapacityLimit {
  const [factor, policy] = limitControls(set);
  return { factor: factor.value, policy: policy.value };
}

/** What a user says of the machine that experts are to be placed on. */
import * as l10n from '@vscode/l10n';
import type { Control, NumberBox, Parameters } from '../../protocol/report.ts';
import type { LayerCounts } from '../../protocol/trace.ts';
import { DISPATCH_FORMATS, type DispatchFormat, type Links, type Sending } from '../exchange.ts';
import { POLICIES, type Machine, type Policy } from '../placementPlan.ts';
import { choice, numberBox } from './controls.ts';
import { layerChoice, matchingLoads } from './parts.ts';
import type { Subject } from './subject.ts';

export const POLICY_NAMES: Readonly<Record<Policy, string>> = {
  contiguous: l10n.t`contiguous`,
  flat: l10n.t`EPLB flat`,
  hierarchical: l10n.t`EPLB hierarchical`,
};

/** A placement has as many devices at most; more would be a list that nobody reads. */
const MOST_DEVICES = 512;

export interface PlacementChoices {
  readonly controls: readonly Control[];
  readonly machine: Machine;
  readonly policy: Policy;
  /** MoE layer, by position. */
  readonly layer: number;
  /** What EPLB is told, by MoE layer, and what that is. */
  readonly told: readonly LayerCounts[];
  readonly toldOther: boolean;
  readonly sending: Sending;
  readonly format: DispatchFormat;
  /** Tokens that begin on each device in a pass. */
  readonly batch: number;
  readonly links: Links;
  /** Seconds that a pass over several nodes takes more. */
  readonly crossing: number;
}

export function placementChoices(subject: Subject, set: Parameters): PlacementChoices {
  const { loads } = subject;
  const experts = Math.max(...loads.map(({ shape }) => shape.experts));
  const devices = whole(set, {
    id: 'devices',
    label: l10n.t`Devices`,
    min: 1,
    max: MOST_DEVICES,
    value: Math.min(8, experts),
  });
  const nodes = whole(set, {
    id: 'nodes',
    label: l10n.t`Nodes`,
    min: 1,
    max: devices.value,
    value: devices.value % 2 === 0 ? 2 : 1,
  });
  const redundant = whole(set, {
    id: 'redundant',
    label: l10n.t`Redundant experts a layer`,
    min: 0,
    max: 4 * experts,
    value: Math.ceil(experts / 8),
  });
  const groups = whole(set, {
    id: 'groups',
    label: l10n.t`Groups of experts`,
    min: 1,
    max: experts,
    value: experts % 8 === 0 ? 8 : 1,
  });
  const policy = choice(set, {
    id: 'policy',
    label: l10n.t`Placement`,
    options: POLICIES.map((value) => ({ value, label: POLICY_NAMES[value] })),
    value: 'flat',
  });
  const other = matchingLoads(subject);
  const from = choice(set, {
    id: 'from',
    label: l10n.t`EPLB is told the load of`,
    options: [
      { value: 'this', label: subject.name },
      ...(other ? [{ value: 'other', label: subject.evidence.other!.name }] : []),
    ],
    value: 'this',
  });
  const layer = layerChoice(
    set,
    loads.map(({ shape }) => shape),
  );
  const sent = sendingChoices(set);
  return {
    controls: [
      ...[devices, nodes, policy, redundant, groups, ...(other ? [from] : []), layer],
      // These make bytes and times, which take a hidden size.
      ...(subject.model.hiddenSize > 0 ? sent.controls : []),
    ],
    machine: {
      devices: devices.value,
      nodes: divisorUpTo(devices.value, nodes.value),
      redundant: redundant.value,
      groups: groups.value,
    },
    policy: policy.value,
    layer: Number(layer.value),
    told: from.value === 'other' ? other! : loads,
    toldOther: from.value === 'other',
    ...sent.choices,
  };
}

/** How tokens are sent between devices, and what that takes. */
function sendingChoices(set: Parameters): {
  readonly controls: readonly Control[];
  readonly choices: Pick<PlacementChoices, 'sending' | 'format' | 'batch' | 'links' | 'crossing'>;
} {
  const sending = choice(set, {
    id: 'sending',
    label: l10n.t`A token is sent once for each`,
    options: [
      { value: 'slot', label: l10n.t`expert` },
      { value: 'device', label: l10n.t`device` },
      { value: 'node', label: l10n.t`node` },
    ],
    value: 'device',
  });
  const format = choice(set, {
    id: 'format',
    label: l10n.t`Sent in`,
    options: DISPATCH_FORMATS.map((value) => ({ value, label: value.toUpperCase() })),
    value: 'fp8',
  });
  const batch = whole(set, { id: 'batch', label: l10n.t`Tokens a device and pass`, min: 1, max: 1e6, value: 128 });
  const within = numberBox(set, bandwidth('within', l10n.t`Bandwidth in a node`, 160));
  const across = numberBox(set, bandwidth('across', l10n.t`Bandwidth between nodes`, 50));
  const latencyWithin = numberBox(set, latency('latencyWithin', l10n.t`Latency in a node`, 10));
  const latencyAcross = numberBox(set, latency('latencyAcross', l10n.t`Latency between nodes`, 30));
  const crossing = numberBox(set, {
    id: 'crossing',
    label: l10n.t`A pass over several nodes takes more`,
    min: 0,
    max: 1000,
    value: 1.3,
    unit: 'ms',
  });
  return {
    controls: [sending, format, batch, within, across, latencyWithin, latencyAcross, crossing],
    choices: {
      sending: sending.value,
      format: format.value,
      batch: batch.value,
      links: {
        within: within.value * 1e9,
        across: across.value * 1e9,
        latencyWithin: latencyWithin.value * 1e-6,
        latencyAcross: latencyAcross.value * 1e-6,
      },
      crossing: crossing.value / 1000,
    },
  };
}

/** A number box for whole numbers: what is between two is the lower one. */
function whole(set: Parameters, spec: Omit<NumberBox, 'kind'>): NumberBox {
  const box = numberBox(set, spec);
  return { ...box, value: Math.floor(box.value) };
}

function divisorUpTo(n: number, most: number): number {
  for (let d = most; d > 1; d--) if (n % d === 0) return d;
  return 1;
}

function bandwidth(id: string, label: string, value: number): Omit<NumberBox, 'kind'> {
  return { id, label, min: 0.01, max: 1e5, value, unit: 'GB/s' };
}

function latency(id: string, label: string, value: number): Omit<NumberBox, 'kind'> {
  return { id, label, min: 0, max: 1e6, value, unit: 'µs' };
}

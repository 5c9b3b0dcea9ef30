/** What a limit to each expert's slots would drop and waste: counted. */
import * as l10n from '@vscode/l10n';
import type { Figure, Help } from '../../protocol/report.ts';
import { CAPACITY_FACTORS, capacityCurve, type CapacityFigures, type CapacityPoint } from '../capacity.ts';
import { layerLabel } from '../labels.ts';
import type { CapacityPolicy, CapacityLimit } from '../../protocol/intervention.ts';
import { sentences } from '../lists.ts';
import { count, fixed, percent } from '../numbers.ts';
import type { SectionKind } from './kind.ts';
import { CAPACITY, COMMON_FACTORS, limitControls, limitOf } from './limitControls.ts';
import { basisOf, heatMap, known } from './parts.ts';

const COUNTED = l10n.t`The text is one batch; the model does not run again, so that what a dropped slot does to later layers is not in it.`;

const POLICY_HELP: Help = {
  meaning: sentences(
    l10n.t`An expert takes at most its capacity of slots; what finds no room is dropped, and the token goes on without that expert. Room that stays empty is padding: memory and compute for nothing.`,
    COUNTED,
  ),
  formula: l10n.t`C = ⌈F·T·k/E⌉ slots for each expert; dropped = Σ_e max(0, c_e − C); padding = E·C − kept`,
  source: l10n.t`Megatron-LM, get_capacity; Switch Transformers, arXiv 2101.03961`,
  judge: l10n.t`Factors from 1.1 to 1.3 are common: a well balanced router drops few slots there. A larger one drops less and wastes more.`,
};

export const capacitySection: SectionKind = {
  id: CAPACITY,
  title: l10n.t`Capacity`,
  make: ({ trace, source }, set) => {
    const controls = limitControls(set);
    if (!trace) {
      return {
        lacking: l10n.t`A capacity limit takes the routing of each token; here only counts are known.`,
        controls: [],
        figures: [],
      };
    }
    const limit = limitOf(set);
    const factors = [...new Set([...CAPACITY_FACTORS, limit.factor])].sort((a, b) => a - b);
    const curve = capacityCurve(trace.layers, trace.routed, factors);
    const here = curve.find(({ factor }) => factor === limit.factor)!;
    const labels = trace.layers.map(layerLabel);
    const { slots, untold, rerouted } = here.total;
    const lacking = sentences(
      untold > 0 &&
        l10n.t`${count(untold)} of ${count(slots + untold)} slots had been dropped by the model itself; of which expert is not recorded, and they are left out.`,
      !rerouted && l10n.t`Re-routing takes the runners-up, which are not known here.`,
    );
    return {
      verdict: verdict(here, limit),
      ...(lacking === '' ? {} : { lacking }),
      controls: [...controls, { kind: 'action', id: 'tint', label: l10n.t`Tint Dropped Tokens`, primary: true }],
      figures: [
        curveFigure(curve, limit),
        ...(Number.isNaN(here.total.weight) ? [] : [weightFigure(curve, limit)]),
        layersFigure(here, limit, labels),
        heatFigure(curve, labels),
      ].map((figure): Figure => ({ ...figure, basis: basisOf({ source }) })),
    };
  },
};

/** Slots that a policy drops. */
function dropped(figures: CapacityFigures, policy: CapacityPolicy): number {
  return policy === 'reroute' ? (figures.rerouted?.dropped ?? NaN) : figures.dropped;
}

function lostWeight({ lostWeight: lost, weight }: CapacityFigures, policy: CapacityPolicy): number {
  return policy === 'reroute' ? NaN : lost[policy] / weight;
}

function padding(figures: CapacityFigures, policy: CapacityPolicy): number {
  return (policy === 'reroute' ? (figures.rerouted?.padding ?? NaN) : figures.padding) / figures.room;
}

function verdict({ factor, total }: CapacityPoint, { policy }: CapacityLimit): string {
  const share = dropped(total, policy) / total.slots;
  if (Number.isNaN(share)) return l10n.t`Nothing was routed, or not so that this policy can be counted.`;
  const [at, gone, empty] = [fixed(factor, 2), percent(share), percent(padding(total, policy))];
  if (policy === 'reroute') {
    return l10n.t`At a capacity factor of ${at}, ${gone} of the slots are dropped, ${percent(total.rerouted!.moved / total.slots)} go to another expert, and ${empty} of the room stays empty.`;
  }
  return Number.isNaN(total.weight)
    ? sentences(
        l10n.t`At a capacity factor of ${at}, ${gone} of the slots are dropped, and ${empty} of the room stays empty.`,
        policy === 'weight' && l10n.t`Which are the lightest is not known here.`,
      )
    : l10n.t`At a capacity factor of ${at}, ${gone} of the slots are dropped with ${percent(lostWeight(total, policy))} of the weights, and ${empty} of the room stays empty.`;
}

type Unbased = Omit<Figure, 'basis'>;

function curveFigure(curve: readonly CapacityPoint[], limit: CapacityLimit): Unbased {
  const x = curve.map(({ factor }) => factor);
  const line = (
    label: string,
    of: (total: CapacityFigures) => number,
  ): { label: string; x: number[]; y: (number | null)[] } => ({
    label,
    x,
    y: curve.map(({ total }) => known(of(total))),
  });
  const series = [
    line(l10n.t`dropped`, (total) => total.dropped / total.slots),
    line(l10n.t`dropped when re-routed`, (total) => dropped(total, 'reroute') / total.slots),
    line(l10n.t`padding`, (total) => padding(total, 'position')),
  ];
  const at = curve.find(({ factor }) => factor === limit.factor)!.total;
  return {
    id: 'capacity-curve',
    title: l10n.t`Dropped slots and padding, all layers`,
    help: POLICY_HELP,
    text: l10n.t`At a capacity factor of ${limit.factor}: ${percent(at.dropped / at.slots)} of the slots dropped, ${percent(padding(at, 'position'))} of the room empty.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`capacity factor`, unit: 'number', min: 0.5, max: 4 },
      y: { label: l10n.t`share`, unit: 'percent', min: 0, max: 1 },
      series,
      band: COMMON_FACTORS,
      at: limit.factor,
    },
    table: {
      columns: [
        { label: l10n.t`factor`, unit: 'number' },
        { label: l10n.t`dropped`, unit: 'percent' },
        { label: l10n.t`moved when re-routed`, unit: 'percent' },
        { label: l10n.t`dropped when re-routed`, unit: 'percent' },
        { label: l10n.t`padding`, unit: 'percent' },
      ],
      rows: curve.map(({ factor, total }) => [
        factor,
        known(total.dropped / total.slots),
        known((total.rerouted?.moved ?? NaN) / total.slots),
        known(dropped(total, 'reroute') / total.slots),
        known(padding(total, 'position')),
      ]),
    },
  };
}

function weightFigure(curve: readonly CapacityPoint[], limit: CapacityLimit): Unbased {
  const x = curve.map(({ factor }) => factor);
  const y = (policy: CapacityPolicy): (number | null)[] => curve.map(({ total }) => known(lostWeight(total, policy)));
  const at = curve.find(({ factor }) => factor === limit.factor)!.total;
  return {
    id: 'capacity-weight',
    title: l10n.t`Weight that goes with dropped slots`,
    help: {
      meaning: sentences(
        l10n.t`The share of all routing weights that is lost with dropped slots. Dropping the lightest loses as many slots as dropping the latest, but less of what the router asked for.`,
        COUNTED,
      ),
      formula: l10n.t`Σ weights of dropped slots / Σ weights of all slots`,
      source: l10n.t`Megatron-LM, drop policies \`position\` and \`probs\`; drop towards the end: OpenMoE, arXiv 2402.01739`,
      judge: l10n.t`The gap between the two is what sorting slots by weight is worth.`,
    },
    text: l10n.t`At ${limit.factor}, the latest take ${percent(lostWeight(at, 'position'))} of the weights with them, the lightest ${percent(lostWeight(at, 'weight'))}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`capacity factor`, unit: 'number', min: 0.5, max: 4 },
      y: { label: l10n.t`share of the weights`, unit: 'percent', min: 0 },
      series: [
        { label: l10n.t`the latest dropped`, x, y: y('position') },
        { label: l10n.t`the lightest dropped`, x, y: y('weight') },
      ],
      band: COMMON_FACTORS,
      at: limit.factor,
    },
    table: {
      columns: [
        { label: l10n.t`factor`, unit: 'number' },
        { label: l10n.t`the latest dropped`, unit: 'percent' },
        { label: l10n.t`the lightest dropped`, unit: 'percent' },
      ],
      rows: x.map((factor, i) => [factor, y('position')[i]!, y('weight')[i]!]),
    },
  };
}

function layersFigure(
  { layers }: CapacityPoint,
  { factor, policy }: CapacityLimit,
  labels: readonly string[],
): Unbased {
  const shares = layers.map((layer) => known(dropped(layer, policy) / layer.slots));
  const empty = layers.map((layer) => known(padding(layer, policy)));
  const most = shares.reduce<number>((m, share, i) => ((share ?? 0) > (shares[m] ?? 0) ? i : m), 0);
  return {
    id: 'capacity-layers',
    title: l10n.t`Dropped and padding by layer at ${fixed(factor, 2)}`,
    help: POLICY_HELP,
    text: l10n.t`Most is dropped at ${labels[most] ?? l10n.t`no layer`}: ${percent(shares[most] ?? NaN)} of its slots.`,
    chart: {
      kind: 'bars',
      labels,
      series: [
        { label: l10n.t`dropped`, values: shares },
        { label: l10n.t`padding`, values: empty },
      ],
      axis: { label: l10n.t`of the slots; of the room`, unit: 'percent', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`capacity of an expert`, unit: 'count' },
        { label: l10n.t`slots`, unit: 'count' },
        { label: l10n.t`dropped`, unit: 'percent' },
        { label: l10n.t`moved`, unit: 'percent' },
        { label: l10n.t`padding`, unit: 'percent' },
      ],
      rows: layers.map((layer, i) => [
        labels[i]!,
        layer.capacity,
        layer.slots,
        shares[i]!,
        policy === 'reroute' ? known((layer.rerouted?.moved ?? NaN) / layer.slots) : 0,
        empty[i]!,
      ]),
    },
  };
}

function heatFigure(curve: readonly CapacityPoint[], labels: readonly string[]): Unbased {
  const factors = curve.map(({ factor }) => String(factor));
  const values = labels.flatMap((_, i) => curve.map(({ layers }) => known(layers[i]!.dropped / layers[i]!.slots)));
  return {
    id: 'capacity-depth',
    title: l10n.t`Dropped slots by layer and factor`,
    help: POLICY_HELP,
    text: l10n.t`Share of each layer’s slots that is dropped at each capacity factor.`,
    ...heatMap({
      rows: { label: l10n.t`layer`, names: labels },
      columns: { label: l10n.t`capacity factor`, names: factors },
      values,
      unit: 'percent',
      scale: 'sequential',
      min: 0,
      max: Math.max(0.01, ...values.map((value) => value ?? 0)),
    }),
  };
}

import * as l10n from '@vscode/l10n';
import type { Column, Figure } from '../../protocol/report.ts';
import { combineBytes, dispatchBytes, type Sending } from '../exchange.ts';
import { layerLabel } from '../labels.ts';
import { clauses, listed, sentences } from '../lists.ts';
import { fixed, percent, written } from '../numbers.ts';
import { unfitForEngines, unfitForSglang } from '../placementFiles.ts';
import { known } from './parts.ts';
import { POLICY_NAMES, type PlacementChoices } from './placementControls.ts';
import { allTransfers, type Outcome } from './placementOutcome.ts';
import type { Subject } from './subject.ts';

export const SAVE_SGLANG = 'save-sglang';
export const SAVE_VLLM_ASCEND = 'save-vllm-ascend';

/** Of the even load, to two digits: 1.08× and 1.13× are not the same to who pays for it. */
export function factor(ratio: number): string {
  return `${fixed(ratio, 2)}×`;
}

const EPLB_SOURCE = l10n.t`EPLB: github.com/deepseek-ai/EPLB, DeepSeek-V3 (arXiv 2412.19437, section 3.4).`;

export function compareFigure({ machine }: PlacementChoices, outcomes: readonly Outcome[]): Figure {
  const labels = outcomes.map(({ policy }) => POLICY_NAMES[policy]);
  const best = outcomes.reduce((a, b) => (b.meanOverload < a.meanOverload ? b : a));
  return {
    id: 'placement-overload',
    title: l10n.t`How far the busiest device is above the even load`,
    basis: 'simulated',
    help: {
      meaning: l10n.t`Every MoE layer waits for its busiest device, so that its experts take as many times as long as an even load would. Copies of an expert share its tokens equally.`,
      formula: l10n.t`Overload = max / mean of device loads. SGLang balancedness: mean over layers of (mean + 1e-5) / (max + 1e-5). vLLM balancedness: Σ over layers of the mean / Σ of the maximum. The two differ: name the one that you quote.`,
      source: sentences(
        l10n.t`Megatron-LM, overload factor. SGLang, eplb/expert_distribution.py. vLLM, distributed/eplb.`,
        EPLB_SOURCE,
      ),
      judge: l10n.t`Even: overload and balancedness 1. A placement made from one load is only as good for another as the two are alike.`,
    },
    text: l10n.t`Overload of ${machine.devices} devices: ${clauses(
      outcomes.map(
        (o) =>
          l10n.t`${POLICY_NAMES[o.policy]} ${factor(o.meanOverload)} on average, ${factor(o.worstOverload)} at worst`,
      ),
    )}. Least with ${POLICY_NAMES[best.policy]}.`,
    chart: {
      kind: 'bars',
      labels,
      series: [
        { label: l10n.t`mean over layers`, values: outcomes.map((o) => known(o.meanOverload)) },
        { label: l10n.t`worst layer`, values: outcomes.map((o) => known(o.worstOverload)) },
      ],
      axis: { label: l10n.t`load of the busiest device`, unit: 'times', min: 0 },
      yardstick: { value: 1, label: l10n.t`even` },
    },
    table: {
      columns: [
        { label: l10n.t`placement`, unit: 'text' },
        { label: l10n.t`overload`, unit: 'number' },
        { label: l10n.t`worst layer`, unit: 'number' },
        { label: l10n.t`balancedness (SGLang)`, unit: 'number' },
        { label: l10n.t`balancedness (vLLM)`, unit: 'number' },
        { label: l10n.t`slots`, unit: 'count' },
        { label: l10n.t`wasted slots`, unit: 'count' },
      ],
      rows: outcomes.map((o, i) => [
        labels[i]!,
        known(o.meanOverload),
        known(o.worstOverload),
        known(o.sglang),
        known(o.vllm),
        o.placement.layers.reduce((sum, { expert }) => sum + expert.length, 0),
        o.wasted,
      ]),
    },
  };
}

export function deviceFigure(subject: Subject, { layer, machine }: PlacementChoices, chosen: Outcome): Figure {
  const { loads } = subject;
  const { placement, policy } = chosen;
  const { expert, device } = placement.layers[layer]!;
  const load = chosen.loads[layer]!;
  const total = load.reduce((sum, l) => sum + l, 0);
  const shares = Array.from(load, (l) => known(l / total));
  const where = layerLabel(loads[layer]!.shape);
  const perNode = machine.devices / machine.nodes;
  const busiest = load.indexOf(load.reduce((most, l) => Math.max(most, l), 0));
  const labels = Array.from(load.keys(), (d) => l10n.t`device ${d}`);
  return {
    id: 'placement-devices',
    title: l10n.t`Load by device, ${where}, ${POLICY_NAMES[policy]}`,
    basis: 'simulated',
    help: {
      meaning: l10n.t`What of the layer’s slots each device gets, and the experts that stand there; ×2 is an expert of which the device has two copies, one of them for nothing.`,
      formula: l10n.t`load of a device = Σ over its slots of c_e / copies of e; even: 1/D`,
      source: EPLB_SOURCE,
      judge: l10n.t`Every device near the even share.`,
    },
    text:
      total === 0
        ? l10n.t`Nothing was routed.`
        : l10n.t`Load of ${labels.length} devices at ${where}: most device ${busiest} with ${percent(load[busiest]! / total)}, even ${percent(1 / labels.length)}.`,
    chart: {
      kind: 'bars',
      labels,
      series: [{ label: l10n.t`share of the load`, values: shares }],
      axis: { label: l10n.t`share of the load`, unit: 'percent', min: 0 },
      yardstick: { value: 1 / labels.length, label: l10n.t`even` },
    },
    table: {
      columns: [
        { label: l10n.t`device`, unit: 'text' },
        { label: l10n.t`node`, unit: 'count' },
        { label: l10n.t`share`, unit: 'percent' },
        { label: l10n.t`of even`, unit: 'number' },
        { label: l10n.t`experts`, unit: 'text' },
      ],
      rows: labels.map((label, d) => [
        label,
        Math.floor(d / perNode),
        shares[d]!,
        known((load[d]! / total) * labels.length),
        heldBy(d, expert, device),
      ]),
    },
    ...(unfitForEngines(placement) === undefined
      ? {
          actions: [
            ...(unfitForSglang(subject) === undefined
              ? [{ kind: 'action' as const, id: SAVE_SGLANG, label: l10n.t`Save for SGLang…` }]
              : []),
            { kind: 'action', id: SAVE_VLLM_ASCEND, label: l10n.t`Save for vLLM Ascend…` },
          ],
        }
      : {}),
  };
}

/** E0 E5×2 E7. */
function heldBy(d: number, expert: Uint16Array, device: Uint16Array): string {
  const held = new Map<number, number>();
  expert.forEach((e, slot) => {
    if (device[slot] === d) held.set(e, (held.get(e) ?? 0) + 1);
  });
  return Array.from(held, ([e, copies]) => `E${e}${copies > 1 ? `×${copies}` : ''}`).join(' ') || l10n.t`none`;
}

export function depthFigure({ loads }: Subject, outcomes: readonly Outcome[]): Figure {
  const layers = loads.map(({ shape }) => layerLabel(shape));
  const x = loads.map((_, i) => i);
  return {
    id: 'placement-by-layer',
    title: l10n.t`Overload by layer`,
    basis: 'simulated',
    help: {
      meaning: l10n.t`How many times the even load the busiest device carries, at each MoE layer in turn.`,
      formula: l10n.t`overload = max / mean of device loads`,
      source: l10n.t`Megatron-LM, overload factor.`,
      judge: l10n.t`1 is even. Layers follow one another, so that their waits add up.`,
    },
    text: l10n.t`Overload of ${layers.length} layers: ${listed(outcomes.map((o) => l10n.t`${POLICY_NAMES[o.policy]} up to ${factor(o.worstOverload)}`))}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`MoE layer`, unit: 'count' },
      y: { label: l10n.t`load of the busiest device`, unit: 'times', min: 0 },
      series: outcomes.map((o) => ({ label: POLICY_NAMES[o.policy], x, y: o.overload.map(known) })),
      yardstick: { value: 1, label: l10n.t`even` },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        ...outcomes.map(({ policy }): Column => ({ label: POLICY_NAMES[policy], unit: 'number' })),
      ],
      rows: layers.map((label, i) => [label, ...outcomes.map((o) => known(o.overload[i]))]),
    },
  };
}

const SENDINGS = ['slot', 'device', 'node'] as const satisfies Sending[];

const SENDING_NAMES: Readonly<Record<Sending, string>> = {
  slot: l10n.t`once for each expert`,
  device: l10n.t`once for each device`,
  node: l10n.t`once for each node`,
};

/** Transfers in bytes where the hidden size is known. */
export function trafficFigure({ model, trace }: Subject, { format }: PlacementChoices, chosen: Outcome): Figure {
  const { hiddenSize } = model;
  const each = hiddenSize > 0 ? dispatchBytes(hiddenSize, format) + combineBytes(hiddenSize) : undefined;
  const rows = SENDINGS.map((sending) => {
    const { within, across } = allTransfers(chosen, sending);
    return { label: SENDING_NAMES[sending], within, across };
  });
  const mean = (of: (v: Outcome['visits'][number]) => number): number =>
    chosen.visits.reduce((sum, v) => sum + of(v), 0) / chosen.visits.length;
  const devices = mean((v) => v.devices);
  const nodes = mean((v) => v.nodes);
  const policy = POLICY_NAMES[chosen.policy];
  return {
    id: 'placement-traffic',
    title:
      each === undefined
        ? l10n.t`All-to-all transfers of a token, all layers, ${policy}`
        : l10n.t`All-to-all bytes of a token, all layers, ${policy}`,
    basis: 'simulated',
    help: {
      meaning: sentences(
        each === undefined
          ? l10n.t`How often a token’s hidden state is sent on its way to its experts; as many results come back.`
          : l10n.t`What a token’s hidden state and its results weigh on their way to its experts and back.`,
        l10n.t`A token begins on any device with equal chance; copies take turns.`,
        trace
          ? l10n.t`Devices and nodes of each token are counted exactly on this text.`
          : l10n.t`Devices and nodes of each token are expected for independent choices, as only counts are known.`,
        l10n.t`Sent once for each node, it crosses between nodes once and is handed on inside.`,
      ),
      formula: sentences(
        each !== undefined && l10n.t`There: H + 4·H/128 + 16 bytes in FP8, 2·H + 16 in BF16; back: 2·H in BF16.`,
        l10n.t`Of k experts, or of the distinct devices that hold them, (D − 1)/D are elsewhere, and (N − 1)/N in other nodes. Expected where only counts are known: Σ over devices of 1 − e_k(odds of what it lacks)/e_k(odds), which is D·(1 − C(E − E/D, k)/C(E, k)) for an even load.`,
      ),
      ...(each === undefined ? {} : { source: 'DeepEP, tests/test_low_latency.py.' }),
      judge: l10n.t`Fewer devices a token are less traffic. Links between nodes are several times slower than those inside.`,
    },
    text: l10n.t`A token goes to ${written(devices, 'number')} devices in ${written(nodes, 'number')} nodes at a layer. ${clauses(
      rows.map(({ label, within, across }) =>
        each === undefined
          ? l10n.t`Sent ${label}: ${written(within + across, 'number')} transfers`
          : l10n.t`Sent ${label}: ${written((within + across) * each, 'bytes')}`,
      ),
    )}.`,
    chart: {
      kind: 'bars',
      labels: rows.map(({ label }) => label),
      series: [
        { label: l10n.t`inside the node`, values: rows.map(({ within }) => known(within * (each ?? 1))) },
        { label: l10n.t`between nodes`, values: rows.map(({ across }) => known(across * (each ?? 1))) },
      ],
      stacked: true,
      axis:
        each === undefined
          ? { label: l10n.t`transfers of a token`, unit: 'number', min: 0 }
          : { label: l10n.t`bytes of a token`, unit: 'bytes', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`a token is sent`, unit: 'text' },
        { label: l10n.t`transfers inside the node`, unit: 'number' },
        { label: l10n.t`transfers between nodes`, unit: 'number' },
        ...(each === undefined
          ? []
          : [
              { label: l10n.t`bytes inside the node`, unit: 'bytes' } as const,
              { label: l10n.t`bytes between nodes`, unit: 'bytes' } as const,
            ]),
      ],
      rows: rows.map(({ label, within, across }) => [
        label,
        known(within),
        known(across),
        ...(each === undefined ? [] : [known(within * each), known(across * each)]),
      ]),
    },
  };
}

export function timeFigure({ batch, links, sending }: PlacementChoices, outcomes: readonly Outcome[]): Figure {
  const labels = outcomes.map(({ policy }) => POLICY_NAMES[policy]);
  const part = (key: keyof Outcome['seconds']): (number | null)[] => outcomes.map((o) => known(1000 * o.seconds[key]));
  const total = outcomes.map(({ seconds: s }) => 1000 * (s.transfer + s.latency + s.crossing));
  const gigabytes = (rate: number): string => `${written(rate / 1e9, 'number')} GB/s`;
  return {
    id: 'placement-time',
    title: l10n.t`All-to-all time of a pass of ${batch} tokens a device`,
    basis: 'simulated',
    help: {
      meaning: l10n.t`What exchanging tokens takes, all MoE layers one after another and as the busiest device has it, with ${gigabytes(links.within)} inside a node and ${gigabytes(links.across)} between nodes. Nothing overlaps with computing here, which good engines make it do.`,
      formula: l10n.t`A layer: for dispatch and combine each, the larger of bytes inside / bandwidth inside and bytes between / bandwidth between, and the latency. Crossing: once a pass that spans nodes.`,
      source: l10n.t`Bandwidths: NVLink and InfiniBand as DeepEP’s README has them. Latencies and the 1.3 ms are assumptions: set those of your machine.`,
      judge: l10n.t`Against the time of a decoding step, some 20 to 50 ms, it should be small.`,
    },
    text: l10n.t`Sent ${SENDING_NAMES[sending]}: ${listed(labels.map((label, i) => `${label} ${written(known(total[i]), 'ms')}`))}.`,
    chart: {
      kind: 'bars',
      labels,
      series: [
        { label: l10n.t`transfer`, values: part('transfer') },
        { label: l10n.t`latency`, values: part('latency') },
        { label: l10n.t`crossing nodes`, values: part('crossing') },
      ],
      stacked: true,
      axis: { label: l10n.t`time of a pass`, unit: 'ms', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`placement`, unit: 'text' },
        { label: l10n.t`transfer`, unit: 'ms' },
        { label: l10n.t`latency`, unit: 'ms' },
        { label: l10n.t`crossing nodes`, unit: 'ms' },
        { label: l10n.t`in all`, unit: 'ms' },
      ],
      rows: labels.map((label, i) => [
        label,
        part('transfer')[i]!,
        part('latency')[i]!,
        part('crossing')[i]!,
        known(total[i]),
      ]),
    },
  };
}

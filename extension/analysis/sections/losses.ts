/** What would training's balance losses say of this routing? */
import * as l10n from '@vscode/l10n';
import type { Column, Figure, Line } from '../../protocol/report.ts';
import type { LayerTrace, RoutingTrace } from '../../protocol/trace.ts';
import { layerLabel } from '../labels.ts';
import { lossesOf, type AllLosses, type Losses } from '../losses.ts';
import { sentences } from '../lists.ts';
import { fixed } from '../numbers.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, depths, known, NO_TRACE } from './parts.ts';

/** Scalings whose even value is 1. What two programs compute alike stands under both names. */
const SCALED = [
  { key: 'switch', label: 'Switch', also: l10n.t`DeepSpeed top-1 and top-2` },
  { key: 'megatron', label: 'Megatron', also: 'DeepSpeed top-k' },
] as const;

export const lossesSection: SectionKind = {
  id: 'losses',
  title: l10n.t`Balance losses`,
  make: ({ trace }) => {
    if (!trace) return { lacking: NO_TRACE, controls: [], figures: [] };
    const losses = lossesOf(trace.layers, trace.routed);
    if (losses.layers.every(({ megatron }) => Number.isNaN(megatron))) {
      const lacking = l10n.t`These losses take every expert's mean probability, which this recording does not hold. Analyze the text with the model itself to see them.`;
      return { lacking, controls: [], figures: [] };
    }
    return {
      verdict: verdict(losses, commonK(trace.layers)),
      controls: [],
      figures: [scaledFigure(trace, losses), zFigure(trace, losses), lossTable(trace, losses)],
    };
  },
};

/** Of all layers, where they agree. */
function commonK(layers: readonly LayerTrace[]): number | undefined {
  const k = layers[0]?.k;
  return layers.every((layer) => layer.k === k) ? k : undefined;
}

function verdict({ mean, huggingFace }: AllLosses, k: number | undefined): string {
  return sentences(
    l10n.t`On average over layers the load-balancing loss is ${fixed(mean.switch, 2)} in Switch's scaling and ${fixed(mean.megatron, 2)} in Megatron's, where 1 is even.`,
    !Number.isNaN(huggingFace) &&
      (k === undefined
        ? l10n.t`Hugging Face pools all layers and says ${fixed(huggingFace, 2)}: an expert that is hot at one layer hides one that is cold at another.`
        : l10n.t`Hugging Face pools all layers and says ${fixed(huggingFace, 2)}, where k = ${k} is even: an expert that is hot at one layer hides one that is cold at another.`),
  );
}

function scaledFigure(trace: RoutingTrace, losses: AllLosses): Figure {
  const { layers } = trace;
  const x = depths(layers);
  const series = SCALED.map(({ key, label, also }): Line => ({
    label: `${label} (= ${also})`,
    x,
    y: losses.layers.map((of) => known(of[key])),
  }));
  return {
    id: 'balance-losses',
    title: l10n.t`Load-balancing loss by layer`,
    basis: basisOf(trace.origin),
    help: {
      meaning: l10n.t`The auxiliary loss that training would add for imbalance, without its coefficient. Programs scale it differently; these are the scalings whose even value is 1.`,
      formula: l10n.t`Switch: E·Σ_e f_e·P_e, with f_e the share of tokens whose first choice, the chosen expert that weighs most, is e, and P_e the mean probability of e. Megatron: the same with f_e = c_e/(T·k), all choices counted.`,
      source: l10n.t`arXiv 2101.03961, equations 4 to 6; Megatron-LM, switch_load_balancing_loss_func; DeepSpeed, sharded_moe.py`,
      judge: l10n.t`1 is even; the most that one expert alone can make it is E in Switch’s scaling and E/k in Megatron’s. Compare only what has the same name.`,
    },
    text: l10n.t`Load-balancing loss of ${layers.length} layers: mean ${fixed(losses.mean.switch, 2)} (Switch), ${fixed(losses.mean.megatron, 2)} (Megatron).`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`layer`, unit: 'count' },
      y: { label: l10n.t`loss`, unit: 'number' },
      series,
      yardstick: { value: 1, label: l10n.t`even` },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        ...series.map(({ label }): Column => ({ label, unit: 'number' })),
      ],
      rows: layers.map((layer, i) => [layerLabel(layer), ...series.map(({ y }) => y[i]!)]),
    },
  };
}

function zFigure(trace: RoutingTrace, losses: AllLosses): Figure {
  const { layers } = trace;
  const values = losses.layers.map(({ zLoss }) => known(zLoss));
  return {
    id: 'z-loss',
    title: l10n.t`Router z-loss by layer`,
    basis: basisOf(trace.origin),
    help: {
      meaning: l10n.t`How large the router’s logits are. It says nothing of balance: training adds it so that logits stay small.`,
      formula: l10n.t`mean over tokens of (ln Σ_e exp(logit_e))²`,
      source: 'arXiv 2202.08906; Megatron-LM, z_loss_func',
      judge: l10n.t`Only its growth from one checkpoint or layer to another says something: large logits lose precision in bfloat16.`,
    },
    text: l10n.t`Router z-loss of ${layers.length} layers: mean ${fixed(losses.mean.zLoss, 2)}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`layer`, unit: 'count' },
      y: { label: l10n.t`z-loss`, unit: 'number', min: 0 },
      series: [{ label: l10n.t`z-loss`, x: depths(layers), y: values }],
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`z-loss`, unit: 'number' },
      ],
      rows: layers.map((layer, i) => [layerLabel(layer), values[i]!]),
    },
  };
}

const COLUMNS: readonly (readonly [keyof Losses, string])[] = [
  ['switch', 'Switch'],
  ['megatron', 'Megatron'],
  ['deepSpeedTopK', 'DeepSpeed top-k'],
  ['deepSpeedTop2', 'DeepSpeed top-1, top-2'],
  ['gshard', 'GShard'],
  ['zLoss', l10n.t`z-loss`],
];

function lossTable(trace: RoutingTrace, losses: AllLosses): Figure {
  const { layers } = trace;
  const sizes = new Set(layers.map(({ experts }) => experts));
  const gshard = sizes.size === 1 ? 1 / layers[0]!.experts ** 2 : null;
  const row = (name: string, of: Losses): (string | number | null)[] => [
    name,
    ...COLUMNS.map(([key]) => known(of[key])),
    null,
  ];
  return {
    id: 'losses-each-scaling',
    title: l10n.t`Losses in each scaling in use`,
    basis: basisOf(trace.origin),
    help: {
      meaning: l10n.t`The same imbalance as different programs of training report it, none with its coefficient.`,
      formula: l10n.t`DeepSpeed top-k: mean_e(c_e/T·P_e)·E²/k. DeepSpeed top-1, top-2: mean_e(f_e·P_e)·E². GShard: (1/E)·Σ f_e·P_e. Hugging Face: E·Σ f·P with the tokens of all layers in one pool, all k choices summed.`,
      source: l10n.t`DeepSpeed, sharded_moe.py; arXiv 2006.16668, algorithm 1; transformers, load_balancing_loss_func; arXiv 2202.08906`,
      judge: l10n.t`The row “even” is what each says of a perfectly even load. Hugging Face’s is k then.`,
    },
    text: l10n.t`Losses of ${layers.length} layers in each scaling; Hugging Face, all layers in one pool: ${fixed(losses.huggingFace, 2)}.`,
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        ...COLUMNS.map(([, label]): Column => ({ label, unit: 'number' })),
        { label: 'Hugging Face', unit: 'number' },
      ],
      rows: [
        ...layers.map((layer, i) => row(layerLabel(layer), losses.layers[i]!)),
        [...row(l10n.t`mean`, losses.mean).slice(0, -1), known(losses.huggingFace)],
        [l10n.t`even`, 1, 1, 1, 1, gshard, null, commonK(layers) ?? null],
      ],
    },
  };
}

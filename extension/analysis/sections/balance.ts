/** Is the load even, and who carries it? */
import * as l10n from '@vscode/l10n';
import type { Figure, Line } from '../../protocol/report.ts';
import type { LayerCounts } from '../../protocol/trace.ts';
import { balance, meanBalance, type Balance } from '../balance.ts';
import { chanceMaxVio } from '../chance.ts';
import { layerLabel } from '../labels.ts';
import { quantile } from '../latency.ts';
import { coldPercent, coldShare } from '../load.ts';
import { sentences } from '../lists.ts';
import { count, fixed, percent, written } from '../numbers.ts';
import { slider } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, depths, heatMap, known, layerChoice } from './parts.ts';
import type { Subject } from './subject.ts';

/** Slots an expert, of an even load: with fewer, chance alone puts the hottest one well above the others. */
const FEW_SLOTS = 100;

export const balanceSection: SectionKind = {
  id: 'balance',
  title: l10n.t`Load`,
  make: (subject, set) => {
    const { loads } = subject;
    const layer = layerChoice(
      set,
      loads.map(({ shape }) => shape),
    );
    const cold = slider(set, {
      id: 'cold',
      label: l10n.t`Cold under`,
      min: 0,
      max: 0.2,
      step: 0.005,
      value: coldShare(Math.max(...loads.map(({ shape }) => shape.experts))),
      unit: 'percent',
    });
    const balances = loads.map(({ counts }) => balance(counts, cold.value));
    const at = Number(layer.value);
    return {
      verdict: verdict(loads, balances, cold.value),
      controls: [layer, cold],
      figures: [
        loadFigure(subject, at, balances[at]!),
        heatFigure(subject, balances),
        depthFigure(subject, balances),
        balanceFigure(subject, balances, cold.value),
      ],
    };
  },
};

function threshold(cold: number): string {
  return `${coldPercent(cold)}\u202f%`;
}

function verdict(loads: readonly LayerCounts[], balances: readonly Balance[], cold: number): string {
  const mean = meanBalance(balances);
  if (Number.isNaN(mean.maxVio)) return l10n.t`Nothing was routed.`;
  const worst = balances.reduce((w, b, i) => (b.maxVio > (balances[w]!.maxVio || -1) ? i : w), 0);
  const b = balances[worst]!;
  const { shape } = loads[worst]!;
  return sentences(
    evenness(mean.effectiveShare),
    l10n.t`The hottest expert is E${b.hottest} of ${layerLabel(shape)}, with ${percent(b.shares[b.hottest]!)} of the load where ${percent(1 / shape.experts)} would be even.`,
    l10n.t`On average ${percent(mean.coldFraction)} of a layer's experts are cold: under ${threshold(cold)} of its load.`,
    mean.dead > 0 &&
      (mean.dead === 1
        ? l10n.t`One expert took nothing at all.`
        : l10n.t`${count(mean.dead)} experts took nothing at all.`),
    ofFew(loads[worst]!),
  );
}

/** What chance makes of so few tokens, if they are few. */
function ofFew({ shape: { k, kUnknown, experts }, counts }: LayerCounts): string | undefined {
  const slots = counts.reduce((sum, c) => sum + c, 0);
  if (kUnknown || k === experts || slots >= FEW_SLOTS * experts) return undefined;
  const share = (chanceMaxVio(Math.ceil(slots / k), k, experts) + 1) / experts;
  return l10n.t`So few tokens make no even load: chance alone would give the hottest expert ${percent(share)}.`;
}

function evenness(effective: number): string {
  const share = percent(effective);
  if (effective > 0.9) {
    return l10n.t`The load is near even: it is as if ${share} of each layer's experts shared it evenly.`;
  }
  return effective > 0.6
    ? l10n.t`The load is uneven: it is as if ${share} of each layer's experts shared it evenly.`
    : l10n.t`The load rests on few experts: it is as if ${share} of each layer's experts shared it evenly.`;
}

function loadFigure({ loads, source }: Subject, at: number, b: Balance): Figure {
  const { shape, counts } = loads[at]!;
  const where = layerLabel(shape);
  const experts = Array.from(counts.keys(), (expert) => ({ layer: at, expert }));
  const labels = experts.map(({ expert }) => `E${expert}`);
  const shares = Array.from(b.shares, known);
  return {
    id: 'load-by-expert',
    title: l10n.t`Load by expert, ${where}`,
    basis: basisOf({ source }),
    help: {
      meaning: l10n.t`The share of all (token, choice) slots of this layer that each expert took.`,
      formula: l10n.t`share = c_e / Σc, with c_e the slots of expert e; even: 1/E`,
      judge: l10n.t`Shares near the even one are what load balancing aims at; an expert of many times that holds up the others where they run in parallel.`,
    },
    text: l10n.t`Load by expert at ${where}: most E${b.hottest} with ${percent(b.shares[b.hottest]!)}, least E${b.coldest} with ${percent(b.shares[b.coldest]!)}, even ${percent(1 / shape.experts)}.`,
    chart: {
      kind: 'bars',
      labels,
      series: [{ label: l10n.t`share of the load`, values: shares }],
      axis: { label: l10n.t`share of the load`, unit: 'percent', min: 0 },
      yardstick: { value: 1 / shape.experts, label: l10n.t`even` },
      experts,
    },
    table: {
      columns: [
        { label: l10n.t`expert`, unit: 'text' },
        { label: l10n.t`slots`, unit: 'count' },
        { label: l10n.t`share`, unit: 'percent' },
        { label: l10n.t`of even`, unit: 'times' },
      ],
      rows: labels.map((label, e) => [label, counts[e]!, shares[e]!, known(b.utilisation[e])]),
      experts,
    },
  };
}

function heatFigure({ loads, source }: Subject, balances: readonly Balance[]): Figure {
  const experts = Math.max(...loads.map(({ shape }) => shape.experts));
  const rows = loads.map(({ shape }) => layerLabel(shape));
  const columns = Array.from({ length: experts }, (_, e) => `E${e}`);
  const values = balances.flatMap((b) => columns.map((_, e) => known(b.utilisation[e])));
  return {
    id: 'load-all-layers',
    title: l10n.t`Load, all layers`,
    basis: basisOf({ source }),
    help: {
      meaning: l10n.t`Each expert of each layer, by how many times the even load it took.`,
      formula: l10n.t`utilisation = c_e / (Σc / E)`,
      source: l10n.t`NVIDIA NeMo Automodel, expert utilisation`,
      judge: l10n.t`1 is even, 0 is dead. An expert’s number means nothing from one layer to the next.`,
    },
    text: l10n.t`Load of each layer’s experts as a multiple of the even one.`,
    ...heatMap({
      rows: { label: l10n.t`layer`, names: rows },
      columns: { label: l10n.t`expert`, names: columns },
      values,
      unit: 'times',
      scale: 'sequential',
      min: 0,
      max: 3,
      experts: true,
    }),
  };
}

/** The hottest, the median and the coldest expert of each layer. */
function depthFigure({ loads, source }: Subject, balances: readonly Balance[]): Figure {
  const shapes = loads.map(({ shape }) => shape);
  const x = depths(shapes);
  const line = (label: string, of: (b: Balance) => number | undefined): Line => ({
    label,
    x,
    y: balances.map((b) => known(of(b))),
  });
  const series = [
    line(l10n.t`hottest expert`, (b) => b.utilisation[b.hottest]),
    line(l10n.t`median expert`, (b) => quantile(b.utilisation, 0.5)),
    line(l10n.t`coldest expert`, (b) => b.utilisation[b.coldest]),
  ];
  const peak = balances.reduce((p, b, i) => ((b.maxVio || 0) > (balances[p]!.maxVio || 0) ? i : p), 0);
  return {
    id: 'load-by-depth',
    title: l10n.t`Hottest and coldest expert by layer`,
    basis: basisOf({ source }),
    help: {
      meaning: l10n.t`How many times the even load the hottest, the median and the coldest expert of each layer took.`,
      formula: l10n.t`c_e / (Σc / E); that of the hottest is MaxVio + 1`,
      judge: l10n.t`The further the lines part, the less even the layer. Which experts they are differs from layer to layer.`,
    },
    text: l10n.t`Load of the hottest expert by layer, at most ${written(series[0]!.y[peak] ?? null, 'times')} the even one, at ${layerLabel(shapes[peak]!)}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`layer`, unit: 'count' },
      y: { label: l10n.t`of the even load`, unit: 'times', min: 0 },
      series,
      yardstick: { value: 1, label: l10n.t`even` },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`hottest`, unit: 'text' },
        { label: l10n.t`of even`, unit: 'times' },
        { label: l10n.t`median, of even`, unit: 'times' },
        { label: l10n.t`coldest`, unit: 'text' },
        { label: l10n.t`of even`, unit: 'times' },
      ],
      rows: balances.map((b, i) => [
        layerLabel(shapes[i]!),
        `E${b.hottest}`,
        series[0]!.y[i]!,
        series[1]!.y[i]!,
        `E${b.coldest}`,
        series[2]!.y[i]!,
      ]),
      experts: balances.map((b, layer) => ({ layer, expert: b.hottest })),
    },
  };
}

function balanceFigure({ loads, source }: Subject, balances: readonly Balance[], cold: number): Figure {
  const mean = meanBalance(balances);
  const rows = balances.map((b, i) => [
    layerLabel(loads[i]!.shape),
    known(b.maxVio),
    known(b.cv),
    known(b.gini),
    known(b.jain),
    known(b.effectiveExperts),
    known(b.effectiveExperts / b.shares.length),
    known(b.coldFraction),
    b.dead.length,
  ]);
  return {
    id: 'balance',
    title: l10n.t`Balance by layer`,
    basis: basisOf({ source }),
    help: {
      meaning: l10n.t`How far from even each layer’s load is, in the measures in use.`,
      formula: l10n.t`MaxVio = max c / mean c − 1. CV = σ(c) / mean c. Gini = Σ_ij |c_i − c_j| / (2·E·Σc). Jain = (Σc)² / (E·Σc²). Effective experts = exp of the entropy of shares. Cold: a share under ${threshold(cold)}. Dead: no slot.`,
      source: l10n.t`MaxVio: arXiv 2408.15664. Jain: Jain, Chiu and Hawe, DEC-TR-301.`,
      judge: l10n.t`Even: MaxVio, CV and Gini 0, Jain 1, all experts effective.`,
    },
    text: l10n.t`Balance by layer: mean MaxVio ${fixed(mean.maxVio, 2)}, mean Gini ${fixed(mean.gini, 2)}.`,
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: 'MaxVio', unit: 'number' },
        { label: 'CV', unit: 'number' },
        { label: l10n.t`Gini`, unit: 'number' },
        { label: l10n.t`Jain`, unit: 'number' },
        { label: l10n.t`effective experts`, unit: 'number' },
        { label: l10n.t`of all`, unit: 'percent' },
        { label: l10n.t`cold`, unit: 'percent' },
        { label: l10n.t`dead`, unit: 'count' },
      ],
      rows: [
        ...rows,
        [
          l10n.t`mean`,
          known(mean.maxVio),
          known(mean.cv),
          known(mean.gini),
          known(mean.jain),
          null,
          known(mean.effectiveShare),
          known(mean.coldFraction),
          null,
        ],
      ],
    },
  };
}

/** Figures of two runs' loads and certainty, side by side. */
import * as l10n from '@vscode/l10n';
import type { Cell, Column, Figure, Line } from '../../protocol/report.ts';
import type { LayerCounts, RoutingTrace } from '../../protocol/trace.ts';
import type { Common } from '../comparison.ts';
import { layerLabel } from '../labels.ts';
import { meanOf } from '../load.ts';
import { listed, sentences } from '../lists.ts';
import { count, fixed, percent } from '../numbers.ts';
import type { Sides } from './compare.ts';
import { basisOf, depths, known } from './parts.ts';

/** How many times the even load the hottest expert of each layer took, of both. */
export function balanceFigure({ a, b, names, balances }: Sides): Figure {
  const lines = [a, b].map(({ loads }, side): Line => ({
    label: names[side]!,
    x: depths(loads.map(({ shape }) => shape)),
    y: balances[side]!.map((of) => known(of.maxVio + 1)),
  }));
  return {
    id: 'compare-hottest',
    title: l10n.t`Hottest expert by layer, side by side`,
    basis: basisOf(a, b),
    help: {
      meaning: l10n.t`How many times the even load the hottest expert of each layer took.`,
      formula: l10n.t`max c_e / (Σc / E); that is MaxVio + 1`,
      source: 'MaxVio: arXiv 2408.15664',
      judge: l10n.t`1 is even. The higher line has the layers that wait longest for one expert.`,
    },
    text: l10n.t`Hottest expert of each layer as a multiple of the even load: ${listed(names.map((name, i) => l10n.t`${name} at most ${fixed(highest(lines[i]!), 2)}`))}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`layer`, unit: 'count' },
      y: { label: l10n.t`of the even load`, unit: 'times', min: 0 },
      series: lines,
      yardstick: { value: 1, label: l10n.t`even` },
    },
    table: {
      columns: [
        { label: l10n.t`run`, unit: 'text' },
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`hottest`, unit: 'text' },
        { label: l10n.t`of even`, unit: 'times' },
      ],
      rows: [a, b].flatMap(({ loads }, side) =>
        loads.map(({ shape }, i): Cell[] => [
          names[side]!,
          layerLabel(shape),
          `E${balances[side]![i]!.hottest}`,
          lines[side]!.y[i]!,
        ]),
      ),
    },
  };
}

function highest({ y }: Line): number {
  return Math.max(0, ...y.map((value) => value ?? 0));
}

/** Shares of one layer's experts, by number where they are the same, else from the busiest to the idlest. */
export function loadFigure(sides: Sides, at: number): Figure {
  const { a, b, names, same } = sides;
  const [one, other] = [a.loads[at]!, b.loads[Math.min(at, b.loads.length - 1)]!];
  const where =
    same || layerLabel(one.shape) === layerLabel(other.shape)
      ? layerLabel(one.shape)
      : l10n.t`${layerLabel(one.shape)} and ${layerLabel(other.shape)}`;
  const shares = [one, other].map((load) => sharesOf(load, same));
  const rows = Array.from({ length: Math.max(one.shape.experts, other.shape.experts) }, (_, e) => e);
  const labels = rows.map((e) => (same ? `E${e}` : ranked(e + 1)));
  return {
    id: 'compare-load',
    title: same ? l10n.t`Load by expert, ${where}` : l10n.t`Load by rank, ${where}`,
    basis: basisOf(a, b),
    help: {
      meaning: same
        ? l10n.t`The share of the layer’s slots that each expert took in either run.`
        : l10n.t`The share of the layer’s slots that the busiest expert took, the second busiest, and so on. Experts of two models have nothing to do with one another, so that their numbers are not compared.`,
      formula: l10n.t`c_e / Σc; even: 1/E`,
      judge: l10n.t`The flatter, the more even.`,
    },
    text: l10n.t`Load at ${where}: the busiest expert takes ${listed(names.map((name, i) => l10n.t`${percent(Math.max(0, ...shares[i]!))} in ${name}`))}.`,
    chart: {
      kind: 'bars',
      labels,
      series: names.map((label, i) => ({ label, values: rows.map((e) => known(shares[i]![e])) })),
      axis: { label: l10n.t`share of the load`, unit: 'percent', min: 0 },
      yardstick: { value: 1 / one.shape.experts, label: l10n.t`even` },
    },
    table: {
      columns: [
        { label: same ? l10n.t`expert` : l10n.t`rank`, unit: 'text' },
        ...names.map((label): Column => ({ label, unit: 'percent' })),
        ...(same ? [{ label: l10n.t`difference`, unit: 'percent' } as const] : []),
      ],
      rows: rows.map((e) => [
        labels[e]!,
        ...shares.map((of) => known(of[e])),
        ...(same ? [known(shares[1]![e]! - shares[0]![e]!)] : []),
      ]),
      ...(same ? { experts: rows.map((expert) => ({ layer: at, expert })) } : {}),
    },
  };
}

function sharesOf({ counts }: LayerCounts, same: boolean): number[] {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const shares = Array.from(counts, (n) => n / total);
  return same ? shares : shares.sort((x, y) => y - x);
}

/** 1st, 2nd, 3rd, 4th. */
function ranked(n: number): string {
  if (n % 100 >= 11 && n % 100 <= 13) return l10n.t`${n}th`;
  switch (n % 10) {
    case 1:
      return l10n.t`${n}st`;
    case 2:
      return l10n.t`${n}nd`;
    case 3:
      return l10n.t`${n}rd`;
    default:
      return l10n.t`${n}th`;
  }
}

/** All measures of balance of both, layer by layer, and their means. */
export function balanceTable({ a, b, names, balances, means }: Sides): Figure {
  const measures = [
    ['MaxVio', 'number', 'maxVio'],
    ['CV', 'number', 'cv'],
    [l10n.t`Gini`, 'number', 'gini'],
    [l10n.t`Jain`, 'number', 'jain'],
    [l10n.t`cold`, 'percent', 'coldFraction'],
  ] as const;
  const rowCount = Math.max(a.loads.length, b.loads.length);
  const label = (i: number): string => layerLabel((a.loads[i] ?? b.loads[i])!.shape);
  return {
    id: 'compare-balance',
    title: l10n.t`Balance by layer, side by side`,
    basis: basisOf(a, b),
    help: {
      meaning: l10n.t`The measures of balance of both runs. Layers stand beside one another by their position.`,
      formula: l10n.t`as in “Balance by layer”`,
      judge: l10n.t`Even: MaxVio, CV and Gini 0, Jain 1.`,
    },
    text: l10n.t`Mean MaxVio: ${listed(names.map((name, i) => `${name} ${fixed(means[i]!.maxVio, 2)}`))}. Mean Gini: ${listed(names.map((name, i) => `${name} ${fixed(means[i]!.gini, 2)}`))}.`,
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        ...measures.flatMap(([measure, unit]) =>
          names.map((name): Column => ({ label: l10n.t`${measure}, ${name}`, unit })),
        ),
      ],
      rows: [
        ...Array.from({ length: rowCount }, (_, i) => [
          label(i),
          ...measures.flatMap(([, , key]) => balances.map((of) => known(of[i]?.[key]))),
        ]),
        [l10n.t`mean`, ...measures.flatMap(([, , key]) => means.map((of) => known(of[key])))],
      ],
    },
  };
}

/** How sure the routers are, and how well the models predict the text. */
export function tokenFigure(
  { a, b, names }: Sides,
  traceA: RoutingTrace,
  traceB: RoutingTrace,
  common: Common,
): Figure {
  const of = (trace: RoutingTrace): Cell[] => {
    const { layers, routed, tokens } = trace;
    const mean = (column: 'entropy' | 'margin'): number | null => {
      const values = layers.map((layer) => meanOf(layer[column], 0, routed)).filter((value) => !Number.isNaN(value));
      return known(values.reduce((sum, value) => sum + value, 0) / values.length);
    };
    return [routed, mean('entropy'), mean('margin'), known(-meanOf(tokens.logProb, 0, routed))];
  };
  const [one, other] = [of(traceA), of(traceB)];
  const { alignment, oneText } = common;
  return {
    id: 'compare-tokens',
    title: l10n.t`Tokens, certainty and surprise`,
    basis: basisOf(a, b) === 'recorded' ? 'recorded' : 'measured',
    help: {
      meaning: sentences(
        l10n.t`Means over tokens, of entropy and margin also over layers. Surprise is how unlikely the model finds a token.`,
        oneText && l10n.t`${count(alignment.a.length)} tokens of both begin and end at the same characters.`,
        l10n.t`Tokens of two tokenizers, or of two versions of a text, are matched by their characters.`,
      ),
      formula: l10n.t`entropy −Σ_e p_e·ln p_e; margin: score of choice k − that of the next; surprise −ln p of the token given those before it`,
      judge: l10n.t`A lower surprise on the same text is a better model of it, where the tokenizer is the same.`,
    },
    text: l10n.t`${names[0]}: ${count(traceA.routed)} tokens; ${names[1]}: ${count(traceB.routed)} tokens.`,
    table: {
      columns: [
        { label: '', unit: 'text' },
        { label: l10n.t`tokens`, unit: 'count' },
        { label: l10n.t`entropy`, unit: 'nats' },
        { label: l10n.t`margin`, unit: 'number' },
        { label: l10n.t`surprise`, unit: 'nats' },
      ],
      rows: [
        [names[0], ...one],
        [names[1], ...other],
      ],
    },
  };
}

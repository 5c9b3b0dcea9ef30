import type { Balance, MeanBalance } from '../analysis/balance.ts';
import { isCommonFactor, type CapacityFigures, type CapacityPoint } from '../analysis/capacity.ts';
import { layerLabel } from '../analysis/labels.ts';
import { loadReport, type LayerLoad, type LoadReport, type Sureness } from '../analysis/loadReport.ts';
import type { AllLosses, Losses } from '../analysis/losses.ts';
import type { LayerShape, LayerTrace } from '../protocol/trace.ts';
import { showCounts } from './counts.ts';
import { obtain, type ObtainOptions } from './obtain.ts';
import { writeOut } from './output.ts';
import { reportJson } from './reportJson.ts';
import { INTERRUPTED } from './route.ts';
import { known, percent, summary, table } from './table.ts';

export interface ReportOptions extends ObtainOptions {
  readonly json: string | undefined;
  readonly part: string | undefined;
}

/** Routes a text or opens a recording, and judges its load. Returns the exit code; throws UserError and UsageError. */
export async function report(options: ReportOptions): Promise<number> {
  const obtained = await obtain(options);
  if (obtained.kind === 'counts') return showCounts(obtained.counts, options);
  const { recorded, interrupted } = obtained;
  const made = loadReport(recorded.trace);
  if (options.json !== undefined) await writeOut(options.json, [reportJson(made)]);
  if (options.json !== '-') process.stdout.write(renderReport(made));
  return interrupted ? INTERRUPTED : 0;
}

function renderReport({ trace, load, mean, sureness, losses, capacity }: LoadReport): string {
  return [
    summary(trace),
    balanceTable(load, mean),
    surenessTable(load, sureness),
    lossTable(trace.layers, losses),
    capacityTable(capacity),
    droppedTable(trace.layers, capacity),
  ].join('\n');
}

/** The measures of each layer's load, their means, and what they are when the load is even. */
export function balanceTable(
  load: readonly { readonly layer: LayerShape; readonly balance: Balance }[],
  mean: MeanBalance,
): string {
  const rows = load.map(({ layer, balance: b }) => [
    layerLabel(layer),
    `E${b.hottest}`,
    share(b.shares[b.hottest]!),
    known(b.utilisation[b.hottest]!, 2),
    known(b.maxVio, 2),
    known(b.cv, 3),
    known(b.gini, 3),
    known(b.jain, 3),
    `${known(b.effectiveExperts, 1)} of ${layer.experts}`,
    share(b.coldFraction),
    String(b.dead.length),
  ]);
  const means = [
    known(mean.maxVio, 2),
    known(mean.cv, 3),
    known(mean.gini, 3),
    known(mean.jain, 3),
    share(mean.effectiveShare),
    share(mean.coldFraction),
  ];
  const even = ['even', '', '', '1.00', '0.00', '0.000', '0.000', '1.000', 'all', share(0), '0'];
  const header = ['layer', 'hottest', 'share', 'of even', 'MaxVio', 'CV', 'Gini', 'Jain', 'effective', 'cold', 'dead'];
  const lines = [...rows, ['mean', '', '', '', ...means, `Σ ${mean.dead}`], even];
  return (
    'Balance of the load. Cold: a load share under 5 %, or under 0.8 of the even share where that is less.\n' +
    table(header, lines)
  );
}

function surenessTable(load: readonly LayerLoad[], all: Sureness): string {
  const row = (label: string, highest: string, { entropy, margin }: Sureness): string[] => [
    label,
    ...[entropy.mean, entropy.p5, entropy.p50, entropy.p95].map((value) => known(value, 3)),
    highest,
    ...[margin.mean, margin.p5, margin.p50, margin.p95].map((value) => known(value, 4)),
  ];
  const rows = load.map(({ layer, sureness }) => row(layerLabel(layer), known(Math.log(layer.experts), 3), sureness));
  const spread = ['5 %', 'median', '95 %'];
  return (
    'How sure the router is, over tokens: entropy of its distribution, in nats, of ln E at most; margin of the last chosen expert\n' +
    'over the first one not chosen.\n' +
    table(['layer', 'entropy', ...spread, 'ln E', 'margin', ...spread], [...rows, row('all', '', all)])
  );
}

const LOSSES: readonly (readonly [keyof Losses, string, digits: number])[] = [
  ['switch', 'Switch', 3],
  ['megatron', 'Megatron', 3],
  ['deepSpeedTopK', 'DeepSpeed top-k', 3],
  ['deepSpeedTop2', 'DeepSpeed top-2', 3],
  ['gshard', 'GShard', 5],
  ['zLoss', 'z-loss', 2],
];

function lossTable(layers: readonly LayerTrace[], losses: AllLosses): string {
  const title = 'Losses of training, without their coefficients.';
  // Only a recorded trace has none.
  if (losses.layers.every((l) => Number.isNaN(l.megatron))) {
    return `${title} They take every expert's probability, which a recorded trace does not hold.\n`;
  }
  const row = (label: string, of: Losses): string[] => [
    label,
    ...LOSSES.map(([key, , digits]) => known(of[key], digits)),
  ];
  const rows = layers.map((layer, i) => row(layerLabel(layer), losses.layers[i]!));
  const sizes = new Set(layers.map((layer) => layer.experts));
  const gshard = sizes.size === 1 ? (1 / layers[0]!.experts ** 2).toFixed(5) : '1/E²';
  const even = ['even', '1.000', '1.000', '1.000', '1.000', gshard, ''];
  const ks = [...new Set(layers.map((layer) => layer.k))].join(' or ');
  const pooled = Number.isNaN(losses.huggingFace)
    ? 'not defined for layers of different sizes'
    : `${known(losses.huggingFace, 3)} (even: ${ks})`;
  return (
    `${title}\n` +
    table(['layer', ...LOSSES.map(([, name]) => name)], [...rows, row('mean', losses.mean), even]) +
    `Hugging Face, all layers in one pool: ${pooled}\n`
  );
}

function capacityTable(curve: readonly CapacityPoint[]): string {
  const rows = curve.map(({ factor, total }) => [
    String(factor),
    share(total.dropped / total.slots),
    share(total.lostWeight.position / total.weight),
    share(total.dropped / total.slots),
    share(total.lostWeight.weight / total.weight),
    ...(total.rerouted
      ? [share(total.rerouted.dropped / total.slots), share(total.rerouted.moved / total.slots)]
      : ['–', '–']),
    share(total.padding / total.room),
    isCommonFactor(factor) ? 'common practice' : '',
  ]);
  const header = ['factor', 'by position', 'weight', 'by weight', 'weight', 're-routed', 'moved', 'padding', ''];
  const unknown = curve.some(({ total }) => !total.rerouted)
    ? 'Re-routing takes the runners-up, which a recorded trace does not hold.\n'
    : '';
  return (
    'Capacity, all layers: counted, not measured. An expert takes at most ⌈factor·T·k/E⌉ slots, the text being one batch.\n' +
    'Slots dropped, and the share of the weights that goes with them: the latest by position, the lightest by weight, or\n' +
    'those that no runner-up has room for either. Padding: room that stays empty when slots are dropped.\n' +
    table(header, rows, [header.length - 1]) +
    unknown
  );
}

function droppedTable(layers: readonly LayerTrace[], curve: readonly CapacityPoint[]): string {
  const cell = ({ dropped, slots }: CapacityFigures): string => share(dropped / slots);
  const rows = layers.map((layer, i) => [layerLabel(layer), ...curve.map((point) => cell(point.layers[i]!))]);
  const header = ['layer', ...curve.map(({ factor }) => String(factor))];
  return `Slots dropped by position or by weight, by layer and capacity factor: counted, not measured\n${table(header, rows)}`;
}

function share(value: number): string {
  return Number.isNaN(value) ? '–' : percent(value);
}

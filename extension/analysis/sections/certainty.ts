/** How sure are the routers of their choices? */
import * as l10n from '@vscode/l10n';
import type { Choice, Column, Figure, Help, Line, Parameters, Unit } from '../../protocol/report.ts';
import type { RoutingTrace, Scoring } from '../../protocol/trace.ts';
import { distribution, type Distribution } from '../distribution.ts';
import { decadeBins, evenBins, histogram, type Bins } from '../histogram.ts';
import { layerLabel } from '../labels.ts';
import { sentences } from '../lists.ts';
import { fixed, percent, written } from '../numbers.ts';
import { choice } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { CERTAINTY_NAMES, heatMap, isMeasured, known, NO_TRACE } from './parts.ts';

const ENTROPY_BINS = 32;

export const certaintySection: SectionKind = {
  id: 'certainty',
  title: l10n.t`Certainty`,
  make: ({ trace, loads }, set) => {
    if (!trace) return { lacking: NO_TRACE, controls: [], figures: [] };
    if (!isMeasured(trace, 'entropy') && loads.some(({ counts }) => counts.some((c) => c > 0))) {
      const lacking = l10n.t`Entropy and margin take the router's probabilities, which the engine did not return. Analyze the text with the model itself to see them.`;
      return { lacking, controls: [], figures: [] };
    }
    const layer = layerOrAll(set, trace);
    const at = layer.value === 'all' ? undefined : Number(layer.value);
    const most = Math.log(Math.max(2, ...trace.layers.map(({ experts }) => experts)));
    const entropies = quantityOf(trace, 'entropy', evenBins(0, most, ENTROPY_BINS));
    // A difference of two float32 probabilities says nothing under 1e-8.
    const margins = quantityOf(trace, 'margin', decadeBins(-8, 0, 4));
    const measured = isMeasured(trace, 'margin') ? [entropies, margins] : [entropies];
    return {
      verdict: verdict(trace, entropies, margins),
      controls: [layer],
      figures: [
        ...measured.map((quantity) => spreadFigure(trace, quantity, at)),
        ...measured.map((quantity) => layersFigure(trace, quantity)),
        quantileFigure(trace, entropies, margins),
      ],
    };
  },
};

interface Quantity {
  readonly id: 'entropy' | 'margin';
  readonly unit: Unit;
  readonly bins: Bins;
  readonly log: boolean;
  /** Share of a layer's tokens in each bin, layer by layer, and of all layers' tokens. */
  readonly shares: readonly Float64Array[];
  readonly allShares: Float64Array;
  readonly spreads: readonly Distribution[];
  readonly all: Distribution;
  readonly help: Help;
}

function quantityOf({ layers, routed, origin }: RoutingTrace, id: Quantity['id'], bins: Bins): Quantity {
  const columns = layers.map((layer) => layer[id].subarray(0, routed));
  const counts = columns.map((column) => histogram(column, bins));
  const sum = new Float64Array(bins.edges.length - 1);
  for (const each of counts) for (const [i, n] of each.entries()) sum[i]! += n;
  return {
    id,
    unit: id === 'entropy' ? 'nats' : 'number',
    bins,
    log: id === 'margin',
    shares: counts.map(sharesOf),
    allShares: sharesOf(sum),
    spreads: columns.map((column) => distribution([column])),
    all: distribution(columns),
    help: id === 'entropy' ? entropyHelp(origin.model.scoring) : MARGIN_HELP,
  };
}

function sharesOf(counts: Float64Array): Float64Array {
  const all = counts.reduce((sum, n) => sum + n, 0);
  return counts.map((n) => n / all);
}

/** Sigmoids are numbers of their own, of which none need be near 0: their entropy is near ln E whatever is chosen. */
function entropyHelp(scoring: Scoring | undefined): Help {
  const meaning = l10n.t`How evenly a router spreads its scores over the experts for a token.`;
  if (scoring === 'softmax') {
    return {
      meaning,
      formula: l10n.t`H = −Σ_e p_e·ln p_e over all E experts, in nats, p = softmax(router logits); ln E when all are alike, 0 when one is certain`,
      judge: l10n.t`Low: the router knows where the token belongs. Near ln E: it hardly prefers any expert, and small changes send the token elsewhere.`,
    };
  }
  return {
    meaning,
    formula: l10n.t`H = −Σ_e p_e·ln p_e over all E experts, in nats, p_e being the scores divided by their sum; ln E when all are alike, 0 when one is certain`,
    judge: l10n.t`Compare only with routers of the same kind: where each score is a sigmoid by itself, H is near ln E however clear the choice is. There the margin says how clear it is.`,
  };
}

const MARGIN_HELP: Help = {
  meaning: l10n.t`How far the last chosen expert is ahead of the first one that was not chosen.`,
  formula: l10n.t`selection score of choice k − that of the next; the score is the probability in most routers`,
  judge: l10n.t`A token with a margin under the error of a precision may route differently in it: about 1e-6 in float32, some 0.01 in int4. Routers that first choose groups of experts, as DeepSeek’s, may choose another group by less: the margin is among the experts of those chosen.`,
};

function verdict({ layers, origin }: RoutingTrace, entropy: Quantity, margin: Quantity): string {
  if (Number.isNaN(entropy.all.mean)) return l10n.t`Nothing was routed.`;
  const relative = entropy.spreads.map((spread, i) => spread.p50 / Math.log(layers[i]!.experts));
  const order = [...relative.keys()]
    .filter((i) => Number.isFinite(relative[i]))
    .sort((a, b) => relative[a]! - relative[b]!);
  const [surest, leastSure] = [order[0], order.at(-1)];
  const where = (i: number): string => l10n.t`${layerLabel(layers[i]!)} (median ${percent(relative[i]!)} of ln E)`;
  const median = fixed(entropy.all.p50, 2);
  const [experts, ...others] = new Set(layers.map((layer) => layer.experts));
  return sentences(
    others.length === 0 && origin.model.scoring === 'softmax'
      ? l10n.t`For half of the choices the router's entropy is at most ${median} nats (${fixed(Math.log(experts!), 2)} would be no preference).`
      : l10n.t`For half of the choices the router's entropy is at most ${median} nats.`,
    surest !== undefined &&
      leastSure !== undefined &&
      surest !== leastSure &&
      l10n.t`The surest layer is ${where(surest)}, the least sure ${where(leastSure)}.`,
    !Number.isNaN(margin.all.mean) &&
      l10n.t`For one choice of twenty the margin is under ${written(known(margin.all.p5), 'number')}.`,
  );
}

function layerOrAll(set: Parameters, { layers }: RoutingTrace): Choice {
  const options = layers.map((layer, i) => ({ value: String(i), label: layerLabel(layer) }));
  const all = { value: 'all', label: l10n.t`All layers` };
  return choice(set, { id: 'layer', label: l10n.t`Layer`, options: [all, ...options], value: 'all' });
}

function spreadFigure(trace: RoutingTrace, quantity: Quantity, at: number | undefined): Figure {
  const { id, unit, bins, log, shares, allShares, spreads, all, help } = quantity;
  const middles = bins.edges
    .slice(1)
    .map((edge, i) => (log ? Math.sqrt(edge * bins.edges[i]!) : (edge + bins.edges[i]!) / 2));
  const label = at === undefined ? l10n.t`all layers` : layerLabel(trace.layers[at]!);
  const spread = at === undefined ? all : spreads[at]!;
  const chosen = at === undefined ? allShares : shares[at]!;
  const line = (name: string, values: Float64Array): Line => ({
    label: name,
    x: middles,
    y: Array.from(values, known),
  });
  const series = [
    line(label, chosen),
    ...(at === undefined ? [] : [{ ...line(l10n.t`all layers`, allShares), faint: true }]),
  ];
  return {
    id: `${id}-spread`,
    title: l10n.t`${CERTAINTY_NAMES[id].title} over tokens, ${label}`,
    basis: trace.origin.source,
    help,
    text: Number.isNaN(spread.mean)
      ? l10n.t`${CERTAINTY_NAMES[id].title} is known of no token at ${label}.`
      : l10n.t`${CERTAINTY_NAMES[id].title} of tokens at ${label}: median ${written(known(spread.p50), unit)}, nine of ten between ${written(known(spread.p5), unit)} and ${written(known(spread.p95), unit)}.`,
    chart: {
      kind: 'lines',
      x: { label: CERTAINTY_NAMES[id].name, unit, ...(log ? { log } : { min: 0, max: bins.edges.at(-1)! }) },
      y: { label: l10n.t`share of tokens`, unit: 'percent', min: 0 },
      series,
    },
    table: {
      columns: [
        { label: l10n.t`from`, unit },
        { label: l10n.t`to`, unit },
        { label: l10n.t`tokens, ${label}`, unit: 'percent' },
      ],
      rows: Array.from(chosen, (share, i) => [bins.edges[i]!, bins.edges[i + 1]!, known(share)]),
    },
  };
}

function layersFigure(trace: RoutingTrace, { id, unit, bins, shares, help }: Quantity): Figure {
  const names = trace.layers.map(layerLabel);
  const columns = Array.from(
    shares[0] ?? [],
    (_, i) => `${written(bins.edges[i]!, unit)}–${written(bins.edges[i + 1]!, unit)}`,
  );
  const values = shares.flatMap((of) => Array.from(of, known));
  return {
    id: `${id}-by-layer`,
    title: l10n.t`${CERTAINTY_NAMES[id].title} over tokens, by layer`,
    basis: trace.origin.source,
    help,
    text: l10n.t`Share of each of ${names.length} layers' tokens by ${CERTAINTY_NAMES[id].name}.`,
    ...heatMap({
      rows: { label: l10n.t`layer`, names },
      columns: { label: CERTAINTY_NAMES[id].name, names: columns },
      values,
      unit: 'percent',
      scale: 'sequential',
      min: 0,
      max: values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0.01),
    }),
  };
}

function quantileFigure(trace: RoutingTrace, entropy: Quantity, margin: Quantity): Figure {
  const row = (name: string, most: number | null, e: Distribution, m: Distribution): (string | number | null)[] => [
    name,
    ...[e.mean, e.p5, e.p25, e.p50, e.p75, e.p95].map(known),
    most,
    ...[m.mean, m.p5, m.p25, m.p50, m.p75, m.p95].map(known),
  ];
  const quantiles = [l10n.t`mean`, '5 %', '25 %', l10n.t`median`, '75 %', '95 %'];
  return {
    id: 'certainty',
    title: l10n.t`Entropy and margin by layer`,
    basis: trace.origin.source,
    help: {
      meaning: l10n.t`Mean and quantiles of both over the tokens of each layer, and over those of all layers.`,
      formula: l10n.t`quantiles are interpolated: that of q lies at q·(n − 1) of the n values in order (Hyndman and Fan, definition 7)`,
    },
    text: Number.isNaN(margin.all.mean)
      ? l10n.t`Entropy of all layers: mean ${fixed(entropy.all.mean, 2)} nats.`
      : l10n.t`Entropy of all layers: mean ${fixed(entropy.all.mean, 2)} nats. Margin: mean ${written(known(margin.all.mean), 'number')}.`,
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        ...quantiles.map((label): Column => ({ label: l10n.t`entropy, ${label}`, unit: 'nats' })),
        { label: l10n.t`ln E`, unit: 'nats' },
        ...quantiles.map((label): Column => ({ label: l10n.t`margin, ${label}`, unit: 'number' })),
      ],
      rows: [
        ...trace.layers.map((layer, i) =>
          row(layerLabel(layer), Math.log(layer.experts), entropy.spreads[i]!, margin.spreads[i]!),
        ),
        row(l10n.t`all`, null, entropy.all, margin.all),
      ],
    },
  };
}

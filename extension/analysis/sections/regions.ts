/** Where in the text is the load uneven, and where is it another one? */
import * as l10n from '@vscode/l10n';
import type { Column, Figure, Line, Place } from '../../protocol/report.ts';
import type { LayerTrace, RoutingTrace } from '../../protocol/trace.ts';
import { balance, type Balance } from '../balance.ts';
import { chanceDifference, chanceMaxVio } from '../chance.ts';
import { layerLabel } from '../labels.ts';
import { coldShare, expertCounts, meanOf } from '../load.ts';
import { sentences } from '../lists.ts';
import { count, percent, times, written } from '../numbers.ts';
import { DIVISIONS, naturalDivision, regionsOf, type Division, type Region } from '../regions.ts';
import { visibleText } from '../tokenText.ts';
import { choice } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, heatMap, known, layerChoice, NO_TRACE } from './parts.ts';
import type { Subject } from './subject.ts';

const NAMES: Readonly<Record<Division, string>> = {
  parts: l10n.t`Equal parts`,
  paragraphs: l10n.t`Paragraphs`,
  headings: l10n.t`Headings`,
  functions: l10n.t`Functions and types`,
};

export const regionsSection: SectionKind = {
  id: 'regions',
  title: l10n.t`Along the text`,
  make: (subject, set) => {
    const { trace, text } = subject;
    if (!trace) return { lacking: NO_TRACE, controls: [], figures: [] };
    const layer = layerChoice(set, trace.layers);
    // Without its words a text has no regions but parts.
    const division = choice(set, {
      id: 'division',
      label: l10n.t`Regions`,
      options: DIVISIONS.filter((d) => d === 'parts' || text !== undefined).map((d) => ({ value: d, label: NAMES[d] })),
      value: text === undefined ? 'parts' : naturalDivision(text),
    });
    const controls = [division, layer];
    if (trace.routed === 0) return { verdict: l10n.t`Nothing was routed.`, controls, figures: [] };
    const at = Number(layer.value);
    const regions = regionsOf(text ?? '', trace.tokens, trace.routed, division.value).map((region) =>
      loadOf(region, trace, at),
    );
    return {
      verdict: verdict(trace.layers[at]!, regions),
      controls,
      figures: [
        expertFigure(subject, trace, at, regions),
        balanceFigure(subject, trace, at, regions),
        certaintyFigure(trace, at, regions),
      ],
    };
  },
};

interface RegionLoad extends Region {
  /** Of the chosen layer. */
  readonly balance: Balance;
  /** MaxVio that an even router would have with as few slots, by chance. */
  readonly chance: number;
  /** Mean over all layers. */
  readonly meanMaxVio: number;
  /** Half of what the shares of the chosen layer's experts differ by from those in the whole text. */
  readonly difference: number;
  /** What that would be of as many tokens taken from the whole text at random. */
  readonly chanceDifference: number;
  /** Mean entropy over tokens, at the chosen layer and over all, and mean −ln p of the tokens; in nats. */
  readonly entropy: number;
  readonly meanEntropy: number;
  readonly surprise: number;
}

function loadOf({ label, from, to }: Region, { layers, routed, tokens }: RoutingTrace, at: number): RegionLoad {
  const counts = layers.map((layer) => expertCounts(layer, from, to));
  const each = counts.map((c, i) => balance(c, coldShare(layers[i]!.experts)));
  const layer = layers[at]!;
  const slots = counts[at]!.reduce((sum, c) => sum + c, 0);
  const here = each[at]!;
  const whole = balance(expertCounts(layer, 0, routed));
  return {
    label,
    from,
    to,
    balance: here,
    chance: chanceMaxVio(Math.ceil(slots / layer.k), layer.k, layer.experts),
    meanMaxVio: mean(each.map(({ maxVio }) => maxVio)),
    difference: here.shares.reduce((sum, share, e) => sum + Math.abs(share - whole.shares[e]!), 0) / 2,
    chanceDifference: chanceDifference(layer, routed, to - from, whole.shares),
    entropy: meanOf(layer.entropy, from, to),
    meanEntropy: mean(layers.map(({ entropy }) => meanOf(entropy, from, to))),
    surprise: -meanOf(tokens.logProb, from, to),
  };
}

function mean(values: readonly number[]): number {
  const there = values.filter((value) => !Number.isNaN(value));
  return there.reduce((sum, value) => sum + value, 0) / there.length;
}

function verdict(layer: LayerTrace, regions: readonly RegionLoad[]): string {
  if (regions.length < 2) return l10n.t`The text is one region of this kind: choose another division.`;
  const where = layerLabel(layer);
  const uneven = most(regions, (region) => region.balance.maxVio - region.chance);
  const odd = most(regions, (region) => region.difference - region.chanceDifference);
  if (!uneven || !odd) return nothingAt(where);
  return sentences(
    l10n.t`At ${where} the load is least even in “${named(uneven.label)}”: its hottest expert, E${uneven.balance.hottest}, takes ${times(uneven.balance.maxVio + 1)} the even load, where chance alone would make ${times(uneven.chance + 1)}.`,
    l10n.t`The most unlike the rest is “${named(odd.label)}”: its load differs from that of the whole text by ${percent(odd.difference)} of the choices, that of as many tokens taken at random by ${percent(odd.chanceDifference)}.`,
  );
}

/** Of the regions that have any routing at the chosen layer. */
function most(regions: readonly RegionLoad[], of: (region: RegionLoad) => number): RegionLoad | undefined {
  const [first, ...others] = regions.filter(isRouted);
  return first && others.reduce((best, region) => (of(region) > of(best) ? region : best), first);
}

function isRouted({ balance: { maxVio } }: RegionLoad): boolean {
  return !Number.isNaN(maxVio);
}

function nothingAt(where: string): string {
  return l10n.t`At ${where} nothing was routed.`;
}

function expertFigure(subject: Subject, trace: RoutingTrace, at: number, regions: readonly RegionLoad[]): Figure {
  const layer = trace.layers[at]!;
  const columns = Array.from({ length: layer.experts }, (_, e) => `E${e}`);
  const values = regions.flatMap(({ balance: b }) => Array.from(b.utilisation, known));
  const map = heatMap({
    rows: { label: l10n.t`region`, names: regions.map(({ label }) => named(label)) },
    columns: { label: l10n.t`expert`, names: columns },
    values,
    unit: 'times',
    scale: 'sequential',
    min: 0,
    max: 3,
  });
  return {
    id: 'experts-by-region',
    title: l10n.t`Experts by region, ${layerLabel(layer)}`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`Each expert in each region of the text, by how many times its even load it took there.`,
      formula: l10n.t`c_e / (Σc / E), the slots of the region’s tokens alone`,
      judge: l10n.t`Columns that are high in some rows alone are experts of a kind of text. In regions of few tokens chance looks like that, too.`,
    },
    text: l10n.t`Load of ${layer.experts} experts at ${layerLabel(layer)} in ${regions.length} regions of the text.`,
    chart: map.chart,
    table: { ...map.table, places: regions.map((region) => placeOf(region, trace)) },
  };
}

function balanceFigure(subject: Subject, trace: RoutingTrace, at: number, regions: readonly RegionLoad[]): Figure {
  const where = layerLabel(trace.layers[at]!);
  const x = regions.map(({ from, to }) => (from + to) / 2);
  const line = (label: string, of: (region: RegionLoad) => number): Line => ({
    label,
    x,
    y: regions.map((r) => known(of(r))),
  });
  const peak = most(regions, (r) => r.balance.maxVio);
  return {
    id: 'balance-along-text',
    title: l10n.t`Balance along the text, ${where}`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`How far the hottest expert of each stretch of the text is above the even load, and how far chance alone would put it with so few tokens.`,
      formula: l10n.t`MaxVio = max c / mean c − 1 of the region’s slots. By chance: the mean of draws in which each token takes k experts at random. Difference from the whole: half of Σ_e |share in the region − share in the whole text|; beside it the mean of draws of as many tokens from the whole text.`,
      source: 'MaxVio: arXiv 2408.15664',
      judge: l10n.t`What a batch of such text would see. Only what is well above the line of chance is the router’s doing.`,
    },
    text: peak
      ? l10n.t`MaxVio at ${where} over ${regions.length} regions: at most ${written(peak.balance.maxVio, 'number')}, in “${named(peak.label)}”.`
      : nothingAt(where),
    chart: {
      kind: 'lines',
      x: { label: l10n.t`token`, unit: 'count', min: 0, max: trace.routed },
      y: { label: 'MaxVio', unit: 'number', min: 0 },
      series: [
        line(l10n.t`MaxVio, ${where}`, (r) => r.balance.maxVio),
        line(l10n.t`by chance`, (r) => r.chance),
        { ...line(l10n.t`mean of layers`, (r) => r.meanMaxVio), faint: true },
      ],
    },
    table: {
      columns: [
        { label: l10n.t`region`, unit: 'text' },
        { label: l10n.t`tokens`, unit: 'count' },
        { label: l10n.t`hottest`, unit: 'text' },
        { label: l10n.t`share`, unit: 'percent' },
        { label: 'MaxVio', unit: 'number' },
        { label: l10n.t`by chance`, unit: 'number' },
        { label: l10n.t`mean of layers`, unit: 'number' },
        { label: l10n.t`effective experts`, unit: 'number' },
        { label: l10n.t`difference from the whole`, unit: 'percent' },
        { label: l10n.t`of tokens at random`, unit: 'percent' },
      ],
      rows: regions.map((region) => {
        const { label, from, to, balance: b, chance, meanMaxVio, difference } = region;
        return [
          named(label),
          to - from,
          isRouted(region) ? `E${b.hottest}` : null,
          known(b.shares[b.hottest]),
          known(b.maxVio),
          known(chance),
          known(meanMaxVio),
          known(b.effectiveExperts),
          known(difference),
          isRouted(region) ? known(region.chanceDifference) : null,
        ];
      }),
      experts: regions.map((region) => (isRouted(region) ? { layer: at, expert: region.balance.hottest } : null)),
      places: regions.map((region) => placeOf(region, trace)),
    },
  };
}

function certaintyFigure(trace: RoutingTrace, at: number, regions: readonly RegionLoad[]): Figure {
  const where = layerLabel(trace.layers[at]!);
  const x = regions.map(({ from, to }) => (from + to) / 2);
  const series = [
    { label: l10n.t`entropy, ${where}`, x, y: regions.map((r) => known(r.entropy)) },
    { label: l10n.t`entropy, mean of layers`, x, y: regions.map((r) => known(r.meanEntropy)), faint: true },
    { label: l10n.t`surprise`, x, y: regions.map((r) => known(r.surprise)) },
  ];
  return {
    id: 'certainty-along-text',
    title: l10n.t`Certainty along the text, ${where}`,
    basis: trace.origin.source,
    help: {
      meaning: l10n.t`Where in the text the router spreads its probability over many experts, and where the model finds the words unlikely.`,
      formula: l10n.t`means over the region’s tokens: entropy −Σ_e p_e·ln p_e of the router; surprise −ln p of the token given those before it`,
      judge: l10n.t`The two need not go together: a router may be sure where the model is surprised.`,
    },
    text: l10n.t`Entropy at ${where} and surprise over ${regions.length} regions of ${count(trace.routed)} tokens.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`token`, unit: 'count', min: 0, max: trace.routed },
      y: { label: l10n.t`nats`, unit: 'nats', min: 0 },
      series,
    },
    table: {
      columns: [
        { label: l10n.t`region`, unit: 'text' },
        ...series.map(({ label }): Column => ({ label, unit: 'nats' })),
      ],
      rows: regions.map(({ label }, i) => [named(label), ...series.map(({ y }) => y[i]!)]),
      places: regions.map((region) => placeOf(region, trace)),
    },
  };
}

/** A label with what is invisible in it made visible, but for its spaces. */
function named(label: string): string {
  return visibleText(label).replaceAll('·', ' ');
}

function placeOf({ from, to }: Region, { tokens }: RoutingTrace): Place {
  return { start: tokens.start[from]!, end: Math.max(tokens.start[from]!, tokens.end[to - 1]!) };
}

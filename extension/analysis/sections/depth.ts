/** What do early and late layers attend to? */
import * as l10n from '@vscode/l10n';
import type { Column, Figure, Line } from '../../protocol/report.ts';
import type { LayerTrace, RoutingTrace } from '../../protocol/trace.ts';
import {
  DEPTH_SAMPLE,
  EXPLANATIONS,
  explainedByDepth,
  layerAgreements,
  PAIR_SAMPLE,
  SHUFFLES,
  type Explained,
  type Explanation,
} from '../depth.ts';
import { distribution } from '../distribution.ts';
import { layerLabel } from '../labels.ts';
import { sentences } from '../lists.ts';
import { count, percent } from '../numbers.ts';
import { hasPlaces } from '../tokenKinds.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, CERTAINTY_NAMES, depths, heatMap, isMeasured, known, NO_TRACE } from './parts.ts';
import type { Subject } from './subject.ts';

const NAMES: Readonly<Record<Explanation, string>> = {
  kind: l10n.t`kind of token`,
  frequency: l10n.t`how often it occurs`,
  token: l10n.t`the token`,
  'next token': l10n.t`the next token`,
};
/** With fewer tokens, what is taken off as chance is most of what there is. */
const FEW_TOKENS = 100;

export const depthSection: SectionKind = {
  id: 'depth',
  title: l10n.t`Depth`,
  make: (subject) => {
    const { trace, text } = subject;
    if (!trace) return { lacking: NO_TRACE, controls: [], figures: [] };
    if (trace.layers.length < 2) {
      return {
        lacking: l10n.t`The model has one MoE layer alone: there is no depth to compare.`,
        controls: [],
        figures: [],
      };
    }
    if (trace.routed === 0) return { verdict: l10n.t`Nothing was routed.`, controls: [], figures: [] };
    const explained = explainedByDepth(trace, text);
    const agreements = layerAgreements(trace);
    const told = trace.tokens.ids.some((id) => id >= 0) || (text !== undefined && hasPlaces(trace.tokens));
    const few = l10n.t`These are ${count(trace.routed)} tokens: what explains the routing is uncertain under some hundreds.`;
    const lacking = sentences(
      !told &&
        l10n.t`Neither the ids of the tokens nor their places in a text are known: nothing tells what explains the routing.`,
      told && trace.routed < FEW_TOKENS && few,
    );
    return {
      verdict: verdict(trace.layers, told ? explained : undefined, agreements),
      ...(lacking === '' ? {} : { lacking }),
      controls: [],
      figures: [
        ...(told ? [explainedFigure(subject, trace, explained)] : []),
        agreementFigure(subject, trace, agreements),
        ...(['entropy', 'margin'] as const)
          .filter((quantity) => isMeasured(trace, quantity))
          .map((quantity) => quantityFigure(trace, quantity)),
      ],
    };
  },
};

/** `explained` is undefined where nothing is known of the tokens. */
function verdict(
  layers: readonly LayerTrace[],
  explained: Explained | undefined,
  agreements: readonly number[],
): string {
  const last = layers.length - 1;
  const at = (i: number, of: Explained): string => {
    const parts = EXPLANATIONS.filter((by) => Number.isFinite(of[by][i]))
      .sort((a, b) => of[b][i]! - of[a][i]!)
      .slice(0, 2)
      .map((by) => l10n.t`${NAMES[by]} explains ${percent(of[by][i]!)}`);
    const where = layerLabel(layers[i]!);
    const [most, second] = parts;
    if (most === undefined) return l10n.t`at ${where} there is nothing to explain`;
    return second === undefined ? l10n.t`at ${where} ${most}` : l10n.t`at ${where} ${most} and ${second}`;
  };
  const next = layers.slice(1).map((_, i) => agreements[i * layers.length + i + 1]!);
  const there = next.filter((value) => !Number.isNaN(value));
  const mean = there.reduce((sum, value) => sum + value, 0) / there.length;
  const ends = agreements[last]!;
  return sentences(
    explained && l10n.t`Of the choice of the top expert, ${at(0, explained)}; ${at(last, explained)}.`,
    !Number.isNaN(mean) &&
      l10n.t`How neighbouring layers divide the tokens agrees to ${percent(mean)} on average, the first and the last layer to ${percent(ends)} (adjusted mutual information).`,
  );
}

function explainedFigure(subject: Subject, { layers, routed }: RoutingTrace, explained: Explained): Figure {
  const x = depths(layers);
  const series = EXPLANATIONS.map((by): Line => ({ label: NAMES[by], x, y: explained[by].map(known) }));
  return {
    id: 'explained-by-depth',
    title: l10n.t`What explains the top expert, by layer`,
    basis: basisOf(subject),
    help: {
      meaning: sentences(
        l10n.t`How much of the choice of the expert of highest weight follows from what a token is: word, rest of a word, digits, punctuation, blank; from how often its id occurs in the text (rare or not); from the id itself; or from the id that comes next.`,
        sampled(routed, DEPTH_SAMPLE),
      ),
      formula: l10n.t`(I − I₀) / (H − I₀), with I the mutual information of label and expert, H the expert's entropy, and I₀ the mean I of ${SHUFFLES} shuffles of the tokens: few tokens make I too high, and I₀ is that much`,
      source: l10n.t`Adjusted mutual information: Vinh, Epps and Bailey, JMLR 11 (2010)`,
      judge: l10n.t`Where the token explains most, the router looks at the word alone, as the first layers often do. What falls with depth gives way to context.`,
    },
    text: l10n.t`Share of the choice of the top expert that is explained, over ${layers.length} layers, by kind of token, its frequency, the token and the next one.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`layer`, unit: 'count' },
      y: { label: l10n.t`explained`, unit: 'percent', min: 0 },
      series,
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        ...series.map(({ label }): Column => ({ label, unit: 'percent' })),
      ],
      rows: layers.map((layer, i) => [layerLabel(layer), ...series.map(({ y }) => y[i]!)]),
    },
  };
}

function agreementFigure(subject: Subject, { layers, routed }: RoutingTrace, agreements: readonly number[]): Figure {
  const names = layers.map(layerLabel);
  const values = agreements.map(known);
  return {
    id: 'agreement-of-layers',
    title: l10n.t`How alike layers divide the tokens`,
    basis: basisOf(subject),
    help: {
      meaning: sentences(
        l10n.t`Whether two layers put the same tokens together. Experts of different layers have nothing to do with one another, so that their numbers cannot be compared; the groups of tokens that share a top expert can.`,
        sampled(routed, PAIR_SAMPLE),
      ),
      formula: l10n.t`(I − I₀) / ((H₁ + H₂)/2 − I₀), with I the mutual information of the top experts of both layers, H their entropies, I₀ that of shuffled tokens: adjusted mutual information`,
      source: l10n.t`Vinh, Epps and Bailey, JMLR 11 (2010)`,
      judge: l10n.t`1: the same groups under other numbers. 0: no more in common than by chance.`,
    },
    text: l10n.t`Adjusted mutual information of the top experts of each two of ${names.length} layers.`,
    ...heatMap({
      rows: { label: l10n.t`layer`, names },
      columns: { label: l10n.t`layer`, names },
      values,
      unit: 'percent',
      scale: 'sequential',
      min: 0,
      max: 1,
    }),
  };
}

/** Where not all tokens are looked at. */
function sampled(routed: number, most: number): string | undefined {
  return routed > most ? l10n.t`${count(most)} tokens are looked at, evenly spread.` : undefined;
}

function quantityFigure({ layers, routed, origin }: RoutingTrace, quantity: 'entropy' | 'margin'): Figure {
  const unit = quantity === 'entropy' ? 'nats' : 'number';
  const x = depths(layers);
  const spreads = layers.map((layer) => distribution([layer[quantity].subarray(0, routed)]));
  const { name, title } = CERTAINTY_NAMES[quantity];
  const [median, low, high] = (['p50', 'p5', 'p95'] as const).map((of) => spreads.map((spread) => known(spread[of])));
  return {
    id: `${quantity}-by-depth`,
    title: l10n.t`${title} by depth`,
    basis: origin.source,
    help: {
      meaning: l10n.t`${title} of the tokens at each layer: the median, and the interval in which nine of ten tokens lie.`,
      judge:
        quantity === 'entropy'
          ? l10n.t`Layers with a lower entropy are surer; ln E is the most that there can be.`
          : l10n.t`The smaller, the more tokens would go elsewhere for a small change.`,
    },
    text: l10n.t`Median ${name} over ${layers.length} layers, from ${layerLabel(layers[0]!)} to ${layerLabel(layers.at(-1)!)}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`layer`, unit: 'count' },
      y: { label: name, unit },
      series: [{ label: l10n.t`median, 5 % to 95 % of tokens`, x, y: median!, low: low!, high: high! }],
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`median`, unit },
        { label: '5 %', unit },
        { label: '95 %', unit },
      ],
      rows: layers.map((layer, i) => [layerLabel(layer), median![i]!, low![i]!, high![i]!]),
    },
  };
}

/** Figures of two runs of one text, token by token. */
import * as l10n from '@vscode/l10n';
import type { Figure } from '../../protocol/report.ts';
import type { RoutingTrace } from '../../protocol/trace.ts';
import { mostFlipped, type Agreement } from '../agreement.ts';
import type { Common } from '../comparison.ts';
import { evenly, PAIR_SAMPLE, topLabels } from '../depth.ts';
import { adjustedInformation, informationOf, prepared } from '../information.ts';
import { layerLabel } from '../labels.ts';
import { count, percent } from '../numbers.ts';
import { visibleText } from '../tokenText.ts';
import type { Sides } from './compare.ts';
import { basisOf, depths, heatMap, known } from './parts.ts';

const LISTED_TOKENS = 50;

/** What of the routing stays from one run to the other, and the tokens whose routing does not. */
export function flipsFigures({ a, b, names }: Sides, agreement: Agreement): Figure[] {
  const { layers, flips, flipCounts, tokens } = agreement;
  const stays = layers.map((layer) => known(layer.stayed / (layer.tokens * layer.k)));
  const tops = layers.map((layer) => known(layer.topStayed / layer.tokens));
  const { start, end } = a.trace!.tokens;
  const flipped = mostFlipped(agreement, LISTED_TOKENS);
  const help = {
    meaning: l10n.t`A choice stays when both runs send the token to that expert at that layer, in whatever order. A token flips when one of its choices does not stay. ${count(tokens)} tokens of both are the same piece of text.`,
    formula: l10n.t`|A ∩ B| / k, mean over tokens`,
    judge: l10n.t`Two runs that route alike keep all of it. Tokens with a small margin flip first.`,
  };
  return [
    {
      id: 'compare-flips',
      title: l10n.t`Choices that stay, by layer`,
      basis: basisOf(a, b),
      help,
      text: l10n.t`${percent(agreement.share)} of ${names[0]}'s choices stay in ${names[1]}; ${count(flips.length)} of ${count(tokens)} tokens flip somewhere.`,
      chart: {
        kind: 'lines',
        x: { label: l10n.t`layer`, unit: 'count' },
        y: { label: l10n.t`stays`, unit: 'percent', max: 1 },
        series: [
          { label: l10n.t`choices`, x: depths(layers), y: stays },
          { label: l10n.t`top expert`, x: depths(layers), y: tops },
        ],
      },
      table: {
        columns: [
          { label: l10n.t`layer`, unit: 'text' },
          { label: l10n.t`choices that stay`, unit: 'percent' },
          { label: l10n.t`top expert stays`, unit: 'percent' },
          { label: l10n.t`tokens that flip`, unit: 'count' },
          { label: l10n.t`largest weight difference`, unit: 'number' },
        ],
        rows: layers.map((layer, i) => [
          layerLabel(layer),
          stays[i]!,
          tops[i]!,
          layer.flips.length,
          known(layer.weightDifference),
        ]),
      },
    },
    {
      id: 'compare-flipped-tokens',
      title: l10n.t`Tokens that flip at the most layers`,
      basis: basisOf(a, b),
      help,
      text: l10n.t`${count(flips.length)} of ${count(tokens)} tokens flip at one layer or more; the ${flipped.length} that flip at the most are listed.`,
      table: {
        columns: [
          { label: l10n.t`token`, unit: 'count' },
          { label: l10n.t`text`, unit: 'text' },
          { label: l10n.t`layers`, unit: 'count' },
          { label: l10n.t`which`, unit: 'text' },
        ],
        rows: flipped.map((token) => [
          token,
          a.text === undefined ? '' : visibleText(a.text.slice(start[token], end[token])),
          flipCounts[token]!,
          layers
            .filter((layer) => layer.flips.includes(token))
            .map(layerLabel)
            .join(' '),
        ]),
        places: flipped.map((token) => ({ start: start[token]!, end: end[token]! })),
      },
    },
  ];
}

/** Whether layers of two models put the same tokens together, whose experts have nothing to do with one another. */
export function groupsFigure(
  { a: one, b: other, names }: Sides,
  a: RoutingTrace,
  b: RoutingTrace,
  common: Common,
): Figure {
  const { alignment } = common;
  const sample = evenly(alignment.a.length, PAIR_SAMPLE);
  const of = ({ layers }: RoutingTrace, tokens: Uint32Array): ReturnType<typeof prepared>[] =>
    layers.map((layer) =>
      prepared(
        topLabels(
          layer,
          sample.map((i) => tokens[i]!),
        ),
        1,
      ),
    );
  const [topsA, topsB] = [of(a, alignment.a), of(b, alignment.b)];
  const values = topsA.flatMap((x) => topsB.map((y) => known(adjustedInformation(informationOf(x, y)))));
  const rows = a.layers.map(layerLabel);
  const columns = b.layers.map(layerLabel);
  return {
    id: 'compare-groups',
    title: l10n.t`How alike the models divide the tokens`,
    basis: basisOf(one, other),
    help: {
      meaning: l10n.t`Whether a layer of ${names[0]} and one of ${names[1]} put the same tokens together, whatever the numbers of their experts. ${count(alignment.a.length)} tokens of both are the same piece of text.`,
      formula: l10n.t`(I − I₀) / ((H₁ + H₂)/2 − I₀): adjusted mutual information of the top experts; I₀ is that of shuffled tokens`,
      source: l10n.t`Vinh, Epps and Bailey, JMLR 11 (2010)`,
      judge: l10n.t`1: the same groups. 0: no more in common than by chance.`,
    },
    text: l10n.t`Adjusted mutual information of the top experts of ${rows.length} layers of ${names[0]} and ${columns.length} of ${names[1]}.`,
    ...heatMap({
      rows: { label: names[0], names: rows },
      columns: { label: names[1], names: columns },
      values,
      unit: 'percent',
      scale: 'sequential',
      min: 0,
      max: 1,
    }),
  };
}

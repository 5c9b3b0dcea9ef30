/** Which experts matter to this text? Measured: each is taken away in turn. */
import * as l10n from '@vscode/l10n';
import type { Figure, Help } from '../../protocol/report.ts';
import { OTHERS_RISE, type Ablated } from '../ablation.ts';
import { layerLabel } from '../labels.ts';
import { sentences } from '../lists.ts';
import { count, percent } from '../numbers.ts';
import { visibleText } from '../tokenText.ts';
import { ABLATION, ablatedName as nameOf, expertControl, layersControl } from './ablationControls.ts';
import type { SectionKind } from './kind.ts';
import { cannotMeasure, sufferingFigure } from './measuring.ts';
import { heatMap, known } from './parts.ts';
import type { Subject } from './subject.ts';

/** Bars of the chart. */
const LISTED = 20;

/** Nats a token that rounding in float32 makes of a cost that is none, as of an expert that no token chose. */
const ROUNDING = 1e-6;

export const ablationSection: SectionKind = {
  id: ABLATION,
  title: l10n.t`Which experts matter`,
  make: (subject, set) => {
    const lacking = cannotMeasure(subject);
    if (lacking !== undefined) return { lacking, controls: [], figures: [] };
    const where = layersControl(set, subject.model.moeLayers);
    const { ablated } = subject.evidence;
    const whom = ablated && expertControl(set, subject, ablated);
    const shown = ablated && whom && ablated.suffering[Number(whom.value)];
    return {
      ...(ablated ? { verdict: verdict(subject, ablated) } : {}),
      ...(ablated && ablated.experts.length === ablated.wanted
        ? {}
        : {
            lacking: ablated
              ? l10n.t`Stopped early: ${count(ablated.experts.length)} of ${count(ablated.wanted)} experts were tried.`
              : l10n.t`Take Each Away runs the text once for each expert; what comes before its layer is run once for all.`,
          }),
      controls: [
        where,
        { kind: 'action', id: 'ablate', label: l10n.t`Take Each Away`, primary: true },
        ...(whom ? [whom] : []),
      ],
      figures: ablated
        ? [
            rankFigure(subject, ablated),
            mapFigure(subject, ablated),
            ...(shown
              ? [sufferingFigure(subject, 'ablation-tokens', l10n.t`without ${nameOf(subject, shown)}`, shown.byToken)]
              : []),
          ]
        : [],
    };
  },
};

function verdict(subject: Subject, { experts, loss }: Ablated): string {
  const [first] = experts;
  if (!first) return l10n.t`No expert was tried.`;
  const spared = experts.filter(({ cost }) => cost <= ROUNDING * loss.tokens).length;
  const total = experts.reduce((sum, { cost }) => sum + Math.max(0, cost), 0);
  const tenth = experts.slice(0, Math.ceil(experts.length / 10)).reduce((sum, { cost }) => sum + Math.max(0, cost), 0);
  return sentences(
    l10n.t`Without ${nameOf(subject, first)} the text loses most: ${(first.cost / loss.tokens).toFixed(4)} nats a token.`,
    l10n.t`The costliest tenth of the experts makes ${percent(tenth / total)} of all costs; without ${count(spared)} of ${count(experts.length)} the text is foreseen as well or better.`,
  );
}

const HELP: Help = {
  meaning: sentences(
    l10n.t`What the text loses when one expert is not there: its logit is −∞, and tokens that chose it go to the next best. Every other expert stays. Costs do not add up: two experts may stand in for each other.`,
    OTHERS_RISE,
  ),
  formula: l10n.t`cost of e = Σ_t ln p(t) − ln p(t without e)`,
  judge: l10n.t`An expert with a large load and no cost has a stand-in; one with a small load and a large cost is a specialist.`,
};

function rankFigure(subject: Subject, { experts, loss }: Ablated): Figure {
  const shown = experts.slice(0, LISTED);
  const { tokens } = subject.trace!;
  const first = shown[0];
  return {
    id: 'ablation-experts',
    title: l10n.t`What the text loses without an expert`,
    basis: 'measured',
    help: HELP,
    text: first
      ? l10n.t`${nameOf(subject, first)} costs most: ${first.cost.toFixed(2)} nats over all tokens.`
      : l10n.t`No expert was tried.`,
    chart: {
      kind: 'bars',
      labels: shown.map((of) => nameOf(subject, of)),
      series: [{ label: l10n.t`cost`, values: shown.map(({ cost }) => known(cost)) }],
      axis: { label: l10n.t`nats over all tokens`, unit: 'nats' },
      experts: shown.map(({ layer, expert }) => ({ layer, expert })),
    },
    table: {
      columns: [
        { label: l10n.t`without`, unit: 'text' },
        { label: l10n.t`cost, nats`, unit: 'nats' },
        { label: l10n.t`nats a token`, unit: 'nats' },
        { label: l10n.t`load share`, unit: 'percent' },
        { label: l10n.t`token that loses most`, unit: 'text' },
        { label: l10n.t`its loss, nats`, unit: 'nats' },
      ],
      rows: experts.map((of) => [
        nameOf(subject, of),
        known(of.cost),
        known(of.cost / loss.tokens),
        known(of.share),
        visibleText((subject.text ?? '').slice(tokens.start[of.worst.token], tokens.end[of.worst.token])),
        known(of.worst.loss),
      ]),
      experts: experts.map(({ layer, expert }) => ({ layer, expert })),
      places: experts.map(({ worst: { token } }) => ({ start: tokens.start[token]!, end: tokens.end[token]! })),
    },
  };
}

function mapFigure({ model }: Subject, { experts }: Ablated): Figure {
  const { moeLayers } = model;
  const widest = Math.max(...moeLayers.map((shape) => shape.experts));
  const names = Array.from({ length: widest }, (_, e) => `E${e}`);
  const labels = moeLayers.map(layerLabel);
  const values = new Array<number | null>(moeLayers.length * widest).fill(null);
  for (const { layer, expert, cost } of experts) values[layer * widest + expert] = known(cost);
  const size = Math.max(1e-6, ...values.map((value) => Math.abs(value ?? 0)));
  return {
    id: 'ablation-map',
    title: l10n.t`Costs by layer and expert`,
    basis: 'measured',
    help: HELP,
    text: l10n.t`Cost of each of ${count(experts.length)} experts, in nats over all tokens.`,
    ...heatMap({
      rows: { label: l10n.t`layer`, names: labels },
      columns: { label: l10n.t`expert`, names },
      values,
      unit: 'nats',
      scale: 'diverging',
      min: -size,
      middle: 0,
      max: size,
      experts: true,
    }),
  };
}

/** What would a change in the model cost? Measured: the model runs again with it. */
import * as l10n from '@vscode/l10n';
import type { Column, Figure, Help } from '../../protocol/report.ts';
import { interventionText, liftedText } from '../interventionText.ts';
import { layerLabel } from '../labels.ts';
import { sentences } from '../lists.ts';
import { fixed, percent, signed } from '../numbers.ts';
import { allLimited, type LimitedSlots, type Outcome } from '../outcome.ts';
import { changeControls, WHAT_IF } from './changeControls.ts';
import type { SectionKind } from './kind.ts';
import { cannotMeasure, sufferingFigure } from './measuring.ts';
import { known } from './parts.ts';
import type { Subject } from './subject.ts';

export const whatIfSection: SectionKind = {
  id: WHAT_IF,
  title: l10n.t`What if`,
  make: (subject, set) => {
    const lacking = cannotMeasure(subject);
    if (lacking !== undefined) return { lacking, controls: [], figures: [] };
    const { controls } = changeControls(set, subject.model.moeLayers);
    const outcomes = subject.evidence.outcomes ?? [];
    const [latest] = outcomes;
    return {
      ...(latest
        ? { verdict: verdict(subject, latest) }
        : { lacking: l10n.t`Choose a change and measure: the model runs the text again with it.` }),
      controls: [...controls, { kind: 'action', id: 'measure', label: l10n.t`Measure`, primary: true }],
      figures: latest
        ? [
            lossFigure(subject, outcomes),
            ...(allLimited(latest)?.counted ? [droppedFigure(subject, latest)] : []),
            layersFigure(subject, latest),
            sufferingFigure(subject, 'what-if-tokens', nameOf(subject, latest), latest.byToken),
          ]
        : [],
    };
  },
};

function nameOf({ model }: Subject, { intervention }: Outcome): string {
  return interventionText(intervention, model.moeLayers);
}

function verdict(subject: Subject, outcome: Outcome): string {
  const { before, after } = outcome.loss;
  const change = after.perToken - before.perToken;
  const limited = allLimited(outcome);
  return sentences(
    l10n.t`With ${nameOf(subject, outcome)}, a token of this text costs ${signed(change, 4)} nats: perplexity ${fixed(before.perplexity, 2)} becomes ${fixed(after.perplexity, 2)}.`,
    limited?.lifted !== undefined && liftedText(limited.lifted),
    limited?.counted && limitedText(limited.measured, limited.counted, isAsCounted(outcome)),
  );
}

/** Whether each layer drops and moves what was counted. */
function isAsCounted({ layers }: Outcome): boolean {
  return layers.every(({ limited }) => {
    const { measured, counted = measured } = limited ?? {};
    return measured?.dropped === counted?.dropped && measured?.moved === counted?.moved;
  });
}

/** What a limit did in the run, beside what was counted; of moved slots only where any are. */
function limitedText(measured: LimitedSlots, counted: LimitedSlots, same: boolean): string {
  if (measured.moved === 0 && counted.moved === 0) {
    return same
      ? l10n.t`${measured.dropped} slots are dropped in the run, as counted on the routing of the text as it is.`
      : l10n.t`${measured.dropped} slots are dropped in the run, where ${counted.dropped} were counted on the routing of the text as it is: what a dropped slot does to later layers changes what they route.`;
  }
  return same
    ? l10n.t`${measured.dropped} slots are dropped and ${measured.moved} moved in the run, as counted on the routing of the text as it is.`
    : l10n.t`${measured.dropped} slots are dropped and ${measured.moved} moved in the run, where ${counted.dropped} and ${counted.moved} were counted on the routing of the text as it is: what a dropped or moved slot does to later layers changes what they route.`;
}

const LOSS_HELP: Help = {
  meaning: l10n.t`How well the model foresees the text’s tokens, each given those before it, as it is and with the change. The change holds from the first token on.`,
  formula: l10n.t`loss = −(1/T)·Σ ln p(token | tokens before); perplexity = exp(loss)`,
  judge: l10n.t`A loss that grows by 0.01 nats is hardly felt; by 0.1, as much as a much smaller model may cost.`,
};

function lossFigure(subject: Subject, outcomes: readonly Outcome[]): Figure {
  const names = outcomes.map((outcome) => nameOf(subject, outcome));
  const changes = outcomes.map(({ loss }) => known(loss.after.perToken - loss.before.perToken));
  const limits = outcomes.some((outcome) => allLimited(outcome));
  const columns: Column[] = [
    { label: l10n.t`change`, unit: 'text' },
    { label: l10n.t`nats a token as it is`, unit: 'nats' },
    { label: l10n.t`with the change`, unit: 'nats' },
    { label: l10n.t`difference`, unit: 'nats' },
    { label: l10n.t`perplexity as it is`, unit: 'number' },
    { label: l10n.t`with the change`, unit: 'number' },
    ...(limits
      ? ([
          { label: l10n.t`dropped, measured`, unit: 'count' },
          { label: l10n.t`dropped, counted`, unit: 'count' },
        ] as const)
      : []),
  ];
  return {
    id: 'what-if-loss',
    title: l10n.t`What each change costs`,
    basis: 'measured',
    help: LOSS_HELP,
    text: sentences(...names.map((name, i) => l10n.t`${name}: ${signed(changes[i] ?? NaN, 4)} nats a token.`)),
    chart: {
      kind: 'bars',
      labels: names,
      series: [{ label: l10n.t`nats a token`, values: changes }],
      axis: { label: l10n.t`change of the loss, nats a token`, unit: 'nats' },
    },
    table: {
      columns,
      rows: outcomes.map((outcome, i) => {
        const { before, after } = outcome.loss;
        const limited = allLimited(outcome);
        return [
          names[i]!,
          ...[before.perToken, after.perToken, after.perToken - before.perToken].map(known),
          ...[before.perplexity, after.perplexity].map(known),
          ...(limits ? [known(limited?.measured.dropped), known(limited?.counted?.dropped)] : []),
        ];
      }),
    },
  };
}

function droppedFigure(subject: Subject, outcome: Outcome): Figure {
  const layers = outcome.layers.flatMap(({ shape, k, limited }) =>
    limited?.counted ? [{ shape, k, measured: limited.measured, counted: limited.counted }] : [],
  );
  const tokens = subject.trace!.routed;
  const labels = layers.map(({ shape }) => layerLabel(shape));
  const share = (of: (layer: (typeof layers)[number]) => number): (number | null)[] =>
    layers.map((layer) => known(of(layer) / (tokens * layer.k)));
  const measured = share((layer) => layer.measured.dropped);
  const counted = share((layer) => layer.counted.dropped);
  const all = allLimited(outcome)!;
  return {
    id: 'what-if-dropped',
    title: l10n.t`Dropped slots, measured and counted: ${nameOf(subject, outcome)}`,
    basis: 'measured',
    help: {
      meaning: l10n.t`Counted: what the limit would drop on the routing of the text as it is, as in the section on capacity. Measured: what it drops in the run, in which later layers see what the earlier ones have dropped.`,
      formula: l10n.t`dropped slots / T·k, at most ⌈F·T·k/E⌉ slots an expert; the text is one batch in all its windows`,
      source: l10n.t`Switch Transformers, arXiv 2101.03961: a dropped token goes on by its residual connection, weights stay as they are`,
      judge: l10n.t`The first layer’s are equal. Where later ones differ much, counting does not tell what a limit would do.`,
    },
    text: l10n.t`${all.measured.dropped} slots measured, ${all.counted!.dropped} counted, over all layers.`,
    chart: {
      kind: 'bars',
      labels,
      series: [
        { label: l10n.t`measured`, values: measured },
        { label: l10n.t`counted`, values: counted },
      ],
      axis: { label: l10n.t`share of the slots`, unit: 'percent', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`dropped, measured`, unit: 'count' },
        { label: l10n.t`dropped, counted`, unit: 'count' },
        { label: l10n.t`moved, measured`, unit: 'count' },
        { label: l10n.t`moved, counted`, unit: 'count' },
      ],
      rows: layers.map(({ measured: m, counted: c }, i) => [labels[i]!, m.dropped, c.dropped, m.moved, c.moved]),
    },
  };
}

function layersFigure(subject: Subject, outcome: Outcome): Figure {
  const { layers } = outcome;
  const labels = layers.map(({ shape }) => layerLabel(shape));
  const stayed = layers.map((layer) => layer.stayed).filter((share) => !Number.isNaN(share));
  const mean = stayed.reduce((sum, share) => sum + share, 0) / stayed.length;
  return {
    id: 'what-if-layers',
    title: l10n.t`Load by layer: ${nameOf(subject, outcome)}`,
    basis: 'measured',
    help: {
      meaning: l10n.t`How far the busiest expert is above the even share, as it is and with the change, in slots that experts really take; and the share of the choices that tokens still make.`,
      formula: l10n.t`MaxVio = max_e c_e / c̄ − 1`,
      source: 'arXiv 2408.15664',
      judge: l10n.t`0 is even.`,
    },
    text: l10n.t`On average ${percent(mean)} of the choices stay.`,
    chart: {
      kind: 'bars',
      labels,
      series: [
        { label: l10n.t`as it is`, values: layers.map(({ maxVio }) => known(maxVio.before)) },
        { label: l10n.t`with the change`, values: layers.map(({ maxVio }) => known(maxVio.after)) },
      ],
      axis: { label: 'MaxVio', unit: 'number', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`MaxVio as it is`, unit: 'number' },
        { label: l10n.t`with the change`, unit: 'number' },
        { label: l10n.t`choices that stay`, unit: 'percent' },
      ],
      rows: layers.map((layer, i) => [
        labels[i]!,
        known(layer.maxVio.before),
        known(layer.maxVio.after),
        known(layer.stayed),
      ]),
    },
  };
}

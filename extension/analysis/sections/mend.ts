/** What would even out the load, and what would that cost? Tried: biases fitted on half of the text, measured on the rest. */
import * as l10n from '@vscode/l10n';
import type { Figure } from '../../protocol/report.ts';
import type { Balanced } from '../balanced.ts';
import { layerLabel } from '../labels.ts';
import { sentences } from '../lists.ts';
import { count, fixed, signed } from '../numbers.ts';
import type { SectionKind } from './kind.ts';
import { cannotMeasure } from './measuring.ts';
import { MEND, targetControl } from './mendControls.ts';
import { known } from './parts.ts';

/** A share of the MaxVio before, under which the load has become more even. */
const EVENED = 0.9;

export const mendSection: SectionKind = {
  id: MEND,
  title: l10n.t`Balance it`,
  make: (subject, set) => {
    const lacking = cannotMeasure(subject);
    if (lacking !== undefined) return { lacking, controls: [], figures: [] };
    const { balanced } = subject.evidence;
    return {
      ...(balanced
        ? { verdict: verdict(balanced) }
        : {
            lacking: l10n.t`A bias for each expert, added to its score when experts are chosen and not when they are weighed, can even out the load without training. Balance It fits one on half of this text, and measures load and loss on the rest.`,
          }),
      controls: [
        targetControl(set),
        { kind: 'action', id: 'balance', label: l10n.t`Balance It`, primary: true },
        ...(balanced ? [{ kind: 'action' as const, id: 'save', label: l10n.t`Save Biases…` }] : []),
      ],
      figures: balanced ? [loadFigure(balanced), lossFigure(balanced)] : [],
    };
  },
};

function verdict({ layers, loss, from }: Balanced): string {
  const judged = layers.flatMap(({ held: { before, after } }) =>
    Number.isNaN(before.maxVio + after.maxVio) ? [] : [{ before: before.maxVio, after: after.maxVio }],
  );
  const mean = (when: 'before' | 'after'): number =>
    judged.reduce((sum, layer) => sum + layer[when], 0) / judged.length;
  const [before, after] = [mean('before'), mean('after')];
  const change = loss.after.perToken - loss.before.perToken;
  return sentences(
    l10n.t`Biases fitted on the first ${count(from)} tokens bring MaxVio on the other ${count(loss.before.tokens)} from ${fixed(before, 2)} to ${fixed(after, 2)}, the mean of all layers.`,
    !(after < EVENED * before)
      ? l10n.t`The loss changes by ${signed(change, 4)} nats a token, which tells nothing: on these tokens the biases did not even out the load.`
      : change > 0.05
        ? l10n.t`The loss changes by ${signed(change, 4)} nats a token: the experts that now have more to do were not trained for it.`
        : l10n.t`The loss changes by ${signed(change, 4)} nats a token: on this text, the load is the router’s habit more than its need.`,
  );
}

function loadFigure({ layers, from }: Balanced): Figure {
  const labels = layers.map(({ shape }) => layerLabel(shape));
  return {
    id: 'balance-it-load',
    title: l10n.t`MaxVio on text that the biases have not seen`,
    basis: 'measured',
    help: {
      meaning: l10n.t`How far the busiest expert is above the even share. The biases were fitted, layer after layer, on the first ${count(from)} tokens; the chart is of the others.`,
      formula: l10n.t`b_i ← b_i + u·sign(c̄ − c_i), u halved whenever MaxVio stops falling; MaxVio = max_e c_e / c̄ − 1`,
      source: l10n.t`loss-free balancing, arXiv 2408.15664`,
      judge: l10n.t`What stays uneven on unseen text is what the fit could not know: more text, or more varied, helps.`,
    },
    text: l10n.t`MaxVio without and with biases, in ${count(layers.length)} layers.`,
    chart: {
      kind: 'bars',
      labels,
      series: [
        { label: l10n.t`without biases`, values: layers.map(({ held }) => known(held.before.maxVio)) },
        { label: l10n.t`with biases`, values: layers.map(({ held }) => known(held.after.maxVio)) },
      ],
      axis: { label: 'MaxVio', unit: 'number', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`fitted: MaxVio without`, unit: 'number' },
        { label: l10n.t`with`, unit: 'number' },
        { label: l10n.t`unseen: MaxVio without`, unit: 'number' },
        { label: l10n.t`with`, unit: 'number' },
        { label: l10n.t`Gini without`, unit: 'number' },
        { label: l10n.t`with`, unit: 'number' },
        { label: l10n.t`largest bias`, unit: 'number' },
      ],
      rows: layers.map(({ fitted, held, bias }, i) => [
        labels[i]!,
        known(fitted.before),
        known(fitted.after),
        known(held.before.maxVio),
        known(held.after.maxVio),
        known(held.before.gini),
        known(held.after.gini),
        Math.max(0, ...bias.map(Math.abs)),
      ]),
    },
  };
}

function lossFigure({ loss }: Balanced): Figure {
  const { before, after } = loss;
  return {
    id: 'balance-it-loss',
    title: l10n.t`Loss of the unseen text`,
    basis: 'measured',
    help: {
      meaning: l10n.t`How well the model foresees the tokens that the biases were not fitted on, without the biases and with them.`,
      formula: l10n.t`loss = −(1/T)·Σ ln p(token | tokens before); perplexity = exp(loss)`,
      judge: l10n.t`A model whose load is uneven for a reason loses when it is evened out.`,
    },
    text: l10n.t`${fixed(before.perToken, 4)} nats a token without biases, ${fixed(after.perToken, 4)} with them.`,
    table: {
      columns: [
        { label: '', unit: 'text' },
        { label: l10n.t`nats a token`, unit: 'nats' },
        { label: l10n.t`perplexity`, unit: 'number' },
      ],
      rows: [
        [l10n.t`without biases`, known(before.perToken), known(before.perplexity)],
        [l10n.t`with biases`, known(after.perToken), known(after.perplexity)],
        [l10n.t`difference`, known(after.perToken - before.perToken), known(after.perplexity - before.perplexity)],
      ],
    },
  };
}

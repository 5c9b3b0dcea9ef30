/** What a text loses without one expert, where that was measured. */
import * as l10n from '@vscode/l10n';
import type { Figure } from '../../protocol/report.ts';
import { OTHERS_RISE } from '../ablation.ts';
import { sentences } from '../lists.ts';
import { percent } from '../numbers.ts';
import type { Chosen } from './expertCompany.ts';
import { sufferingFigure } from './measuring.ts';
import { known } from './parts.ts';
import type { Subject } from './subject.ts';

/** Id of the section on an expert, and of its action that takes each expert of the layer away. */
export const EXPERT = 'expert';
export const ABLATE = 'ablate';

export function costFigures(subject: Subject, { at, expert, name }: Chosen): Figure[] {
  const { ablated } = subject.evidence;
  const found = ablated?.experts.find((one) => one.layer === at && one.expert === expert);
  if (!ablated || !found) return [];
  const { tokens } = ablated.loss;
  const others = ablated.experts.filter(({ layer }) => layer === at);
  const rank = others.filter(({ cost }) => cost > found.cost).length + 1;
  const suffering = ablated.suffering.find((one) => one.layer === at && one.expert === expert);
  return [
    {
      id: 'expert-cost',
      title: l10n.t`What the text loses without ${name}`,
      basis: 'measured',
      help: {
        meaning: sentences(
          l10n.t`The text is run again with this expert taken away: tokens that chose it go to the next best.`,
          OTHERS_RISE,
        ),
        formula: l10n.t`cost = Σ_t ln p(t) − ln p(t without it)`,
        judge: l10n.t`A large share and no cost: it has a stand-in. A small share and a large cost: a specialist.`,
      },
      text: l10n.t`Without ${name} the text loses ${found.cost.toFixed(3)} nats; it has ${percent(found.share)} of its layer’s slots.`,
      table: {
        columns: [
          { label: l10n.t`loss, nats`, unit: 'nats' },
          { label: l10n.t`a token, nats`, unit: 'nats' },
          { label: l10n.t`share of load`, unit: 'percent' },
          { label: l10n.t`place in its layer`, unit: 'count' },
          { label: l10n.t`of`, unit: 'count' },
        ],
        rows: [[known(found.cost), known(found.cost / tokens), known(found.share), rank, others.length]],
      },
    },
    ...(suffering ? [sufferingFigure(subject, 'expert-suffering', l10n.t`without ${name}`, suffering.byToken)] : []),
  ];
}

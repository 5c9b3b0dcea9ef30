/** Router saturation: how much of one model's routing another one shares. */
import * as l10n from '@vscode/l10n';
import type { Figure } from '../../protocol/report.ts';
import { routingAgreement, type Agreement } from '../agreement.ts';
import { chance } from '../folder/specialisation.ts';
import { layerLabel } from '../labels.ts';
import { percent } from '../numbers.ts';
import { basisOf, depths, known } from './parts.ts';
import type { Subject } from './subject.ts';

/** Router saturation between two models' routing of one text; nothing where these do not match. */
export function saturation(subject: Subject): Figure[] {
  const { trace, evidence, model } = subject;
  const other = evidence.other;
  if (!trace || !other?.trace) return [];
  let agreement: Agreement;
  try {
    agreement = routingAgreement(trace, other.trace);
  } catch {
    // Another text, or a model of other layers: experts cannot be set side by side.
    return [];
  }
  const names = agreement.layers.map(layerLabel);
  const layers = depths(agreement.layers);
  const shares = agreement.layers.map(({ stayed, tokens, k }) => known(stayed / (tokens * k)));
  const tops = agreement.layers.map(({ topStayed, tokens }) => known(topStayed / tokens));
  const chances = agreement.layers.map(chance);
  return [
    {
      id: 'router-saturation',
      title: l10n.t`Router saturation against ${other.model.name}`,
      basis: basisOf(subject),
      help: {
        meaning: l10n.t`How much of a token’s experts another model of the same layers chooses too: of checkpoints of one training, how far routing has settled.`,
        formula: l10n.t`mean over tokens of |A ∩ B| / k; top expert: of the tokens whose top expert is the same. Chance: k/E, 1/E.`,
        source: l10n.t`OLMoE, arXiv 2409.02060, section 5`,
        judge: l10n.t`It means something between checkpoints of one training, or precisions of one model. Models trained apart number their experts in any order.`,
      },
      text: l10n.t`${percent(agreement.share)} of choices of ${model.name} are those of ${other.model.name}.`,
      chart: {
        kind: 'lines',
        x: { label: l10n.t`layer`, unit: 'count' },
        y: { label: l10n.t`share that agrees`, unit: 'percent', min: 0, max: 1 },
        series: [
          { label: l10n.t`all choices`, x: layers, y: shares },
          { label: l10n.t`top expert`, x: layers, y: tops },
          { label: l10n.t`chance`, x: layers, y: chances, faint: true },
        ],
      },
      table: {
        columns: [
          { label: l10n.t`layer`, unit: 'text' },
          { label: l10n.t`all choices`, unit: 'percent' },
          { label: l10n.t`top expert`, unit: 'percent' },
          { label: l10n.t`chance`, unit: 'percent' },
        ],
        rows: names.map((name, i) => [name, shares[i]!, tops[i]!, chances[i]!]),
      },
    },
  ];
}

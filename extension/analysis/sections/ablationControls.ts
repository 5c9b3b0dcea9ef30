/** The controls by which experts are chosen that are to be taken away, and the one that is shown. */
import * as l10n from '@vscode/l10n';
import type { Choice, Parameters } from '../../protocol/report.ts';
import type { LayerShape } from '../../protocol/trace.ts';
import type { Ablated } from '../ablation.ts';
import { layerLabel } from '../labels.ts';
import { choice } from './controls.ts';
import type { Subject } from './subject.ts';

/** Id of the section that they stand in. */
export const ABLATION = 'ablation';

const ALL = 'all';

/** The choice of all layers, or of one. */
export function layersControl(set: Parameters, shapes: readonly LayerShape[]): Choice {
  const layers = shapes.map((shape, i) => ({ value: String(i), label: layerLabel(shape) }));
  return choice(set, {
    id: 'layer',
    label: l10n.t`Experts of`,
    options: [{ value: ALL, label: l10n.t`All layers` }, ...layers],
    value: ALL,
  });
}

/** The layers whose experts are to be taken away. */
export function ablatedLayers(set: Parameters, shapes: readonly LayerShape[]): number[] {
  const { value } = layersControl(set, shapes);
  return value === ALL ? [...shapes.keys()] : [Number(value)];
}

/** The choice of an expert whose loss is shown token by token. */
export function expertControl(set: Parameters, subject: Subject, { suffering }: Ablated): Choice {
  const options = suffering.map((of, i) => ({ value: String(i), label: ablatedName(subject, of) }));
  return choice(set, { id: 'expert', label: l10n.t`Tokens that suffer without`, options, value: '0' });
}

/** What each token loses without the expert that the section shows, and its name. */
export function shownSuffering(
  set: Parameters,
  subject: Subject,
): { readonly change: string; readonly byToken: Float32Array } | undefined {
  const { ablated } = subject.evidence;
  const shown = ablated?.suffering[Number(expertControl(set, subject, ablated).value)];
  return shown && { change: l10n.t`without ${ablatedName(subject, shown)}`, byToken: shown.byToken };
}

/** What an expert is called in the section. */
export function ablatedName(
  { model }: Subject,
  { layer, expert }: { readonly layer: number; readonly expert: number },
): string {
  return `${layerLabel(model.moeLayers[layer]!)} E${expert}`;
}

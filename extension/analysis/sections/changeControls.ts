/** The controls by which a change in the model is chosen. */
import * as l10n from '@vscode/l10n';
import type { Control, Parameters } from '../../protocol/report.ts';
import type { Intervention } from '../../protocol/intervention.ts';
import type { LayerShape } from '../../protocol/trace.ts';
import { layerLabel } from '../labels.ts';
import { choice, numberBox, slider } from './controls.ts';
import { limitControls, limitOf } from './limitControls.ts';

/** Id of the section that they stand in. */
export const WHAT_IF = 'what-if';

/** Actions on the tokens that a change costs something. */
export const OUTLINE = 'outline';
export const CLEAR = 'clear';

const CHANGES = [
  { value: 'capacity', label: l10n.t`An expert takes so many slots at most` },
  { value: 'masked', label: l10n.t`An expert is taken away` },
  { value: 'silenced', label: l10n.t`An expert gives nothing` },
  { value: 'k', label: l10n.t`A token chooses another number of experts` },
  { value: 'temperature', label: l10n.t`Router logits are divided by a temperature` },
  { value: 'shared', label: l10n.t`Shared experts give nothing` },
] as const;

const ALL = 'all';

/** What the controls show, and the intervention that they say. */
export function changeControls(
  set: Parameters,
  shapes: readonly LayerShape[],
): { readonly controls: readonly Control[]; readonly intervention: Intervention } {
  const change = choice(set, { id: 'change', label: l10n.t`Change`, options: CHANGES, value: 'capacity' });
  const layers = shapes.map((shape, i) => ({ value: String(i), label: layerLabel(shape) }));
  if (change.value === 'masked' || change.value === 'silenced') {
    const at = choice(set, { id: 'layer', label: l10n.t`Layer`, options: layers, value: '0' });
    const layer = Number(at.value);
    const most = (shapes[layer]?.experts ?? 1) - 1;
    const expert = whole(numberBox(set, { id: 'expert', label: l10n.t`Expert`, min: 0, max: most, value: 0 }));
    return { controls: [change, at, expert], intervention: { [change.value]: [{ layer, expert: expert.value }] } };
  }
  const options = [{ value: ALL, label: l10n.t`All layers` }, ...layers];
  const where = choice(set, { id: 'where', label: l10n.t`Where`, options, value: ALL });
  const only = where.value === ALL ? {} : { layers: [Number(where.value)] };
  switch (change.value) {
    case 'capacity':
      return {
        controls: [change, ...limitControls(set), where],
        intervention: { capacity: limitOf(set), ...only },
      };
    case 'k': {
      const most = Math.min(...shapes.map(({ experts }) => experts));
      const k = whole(
        numberBox(set, { id: 'k', label: l10n.t`Experts a token`, min: 1, max: most, value: shapes[0]?.k ?? 1 }),
      );
      return { controls: [change, k, where], intervention: { k: k.value, ...only } };
    }
    case 'temperature': {
      const bounds = { min: 0.1, max: 5, step: 0.1, value: 1, unit: 'number' } as const;
      const temperature = slider(set, { id: 'temperature', label: l10n.t`Temperature`, ...bounds });
      return { controls: [change, temperature, where], intervention: { temperature: temperature.value, ...only } };
    }
    case 'shared':
      return { controls: [change, where], intervention: { withoutShared: true, ...only } };
  }
}

function whole<C extends { readonly value: number }>(control: C): C {
  return { ...control, value: Math.round(control.value) };
}

/** Controls of a section with what the user set of them: a value that is out of bounds or of another kind is the default. */
import type { Choice, NumberBox, Parameters, Slider, Toggle } from '../../protocol/report.ts';

/** `value` is the default here, and what is set in what is returned. */
export function slider(set: Parameters, spec: Omit<Slider, 'kind'>): Slider {
  return { kind: 'slider', ...spec, value: numberIn(set, spec) };
}

export function numberBox(set: Parameters, spec: Omit<NumberBox, 'kind'>): NumberBox {
  return { kind: 'number', ...spec, value: numberIn(set, spec) };
}

export function toggle(set: Parameters, spec: Omit<Toggle, 'kind'>): Toggle {
  const value = set[spec.id];
  return { kind: 'toggle', ...spec, value: typeof value === 'boolean' ? value : spec.value };
}

export function choice<V extends string>(
  set: Parameters,
  spec: Omit<Choice, 'kind' | 'value' | 'options'> & {
    readonly options: readonly { readonly value: V; readonly label: string }[];
    readonly value: V;
  },
): Choice & { readonly value: V } {
  const value = spec.options.find((option) => option.value === set[spec.id])?.value ?? spec.value;
  return { kind: 'choice', ...spec, value };
}

function numberIn(
  set: Parameters,
  { id, min, max, value }: { id: string; min: number; max: number; value: number },
): number {
  const wanted = set[id];
  return typeof wanted === 'number' && wanted >= min && wanted <= max ? wanted : value;
}

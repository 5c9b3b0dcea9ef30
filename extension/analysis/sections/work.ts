/** Who does the work: which of the parameters did a token, a text, a folder really use? */
import * as l10n from '@vscode/l10n';
import { MODEL_PARTS } from '../../protocol/model.ts';
import type { Control, Figure, Parameters } from '../../protocol/report.ts';
import { NO_EXPERT, type LayerShape } from '../../protocol/trace.ts';
import { expertSizes, type ExpertSizes } from '../expertSizes.ts';
import { layerLabel } from '../labels.ts';
import { layerRanges } from '../layerRanges.ts';
import { clauses, sentences } from '../lists.ts';
import { percent } from '../numbers.ts';
import { parameterCount, PART_NAMES } from '../sizes.ts';
import { visibleText } from '../tokenText.ts';
import { numberBox } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, known, lacksK } from './parts.ts';
import type { Subject } from './subject.ts';

export const workSection: SectionKind = {
  id: 'work',
  title: l10n.t`Who does the work`,
  make: (subject, set) => {
    const sizes = expertSizes(subject.model);
    const token = tokenOf(subject, set);
    const touched = subject.loads.map(({ counts }) => counts.reduce((n, c) => (c > 0 ? n + 1 : n), 0));
    const controls: Control[] = token ? [token.control] : [];
    if (touched.every((n) => n === 0)) return { verdict: l10n.t`Nothing was routed.`, controls, figures: [] };
    return {
      verdict: verdict(subject, touched, sizes),
      ...(sizes
        ? {}
        : {
            lacking: l10n.t`Nothing tells how many parameters the experts have: the experts that were used are counted alone.`,
          }),
      controls,
      figures: [
        ...(sizes ? [parametersFigure(subject, sizes, touched, token)] : []),
        layersFigure(subject, touched, sizes),
      ],
    };
  },
};

/** Experts that a use of the model touches, by MoE layer. */
type Touched = readonly number[];

interface ChosenToken {
  readonly control: Control;
  readonly name: string;
  readonly touched: Touched;
}

/** A token that the user may name, where there are any. */
function tokenOf({ trace, text }: Subject, set: Parameters): ChosenToken | undefined {
  if (!trace || trace.routed === 0) return undefined;
  const control = numberBox(set, { id: 'token', label: l10n.t`Token`, min: 0, max: trace.routed - 1, value: 0 });
  const t = Math.floor(control.value);
  const { start, end } = trace.tokens;
  return {
    control: { ...control, value: t },
    name:
      text === undefined || start[t] === end[t]
        ? l10n.t`token ${t}`
        : l10n.t`token ${t} “${visibleText(text.slice(start[t], end[t]))}”`,
    touched: trace.layers.map(({ chosen, candidates, k }) => {
      const row = chosen.subarray(t * candidates, t * candidates + k);
      return new Set(row.filter((e) => e !== NO_EXPERT)).size;
    }),
  };
}

function usedBy(touched: Touched, { parameters, rest }: ExpertSizes): number {
  return touched.reduce((sum, n, i) => sum + n * parameters[i]!, rest.parameters);
}

function verdict({ loads, model, name }: Subject, touched: Touched, sizes: ExpertSizes | undefined): string {
  const experts = loads.reduce((sum, { shape }) => sum + shape.experts, 0);
  const used = touched.reduce((sum, n) => sum + n, 0);
  const idle = experts - used;
  const whom =
    idle === 0 ? l10n.t`all experts did some of the work` : l10n.t`${idle} of ${experts} experts did none of it`;
  const layers =
    model.layers > 0
      ? sparseLayers(loads.length, model.layers)
      : l10n.t`Recorded layers: ${layerRanges(loads.map(({ shape }) => shape.layer))}.`;
  if (!sizes) return sentences(l10n.t`Of ${name}, ${whom}.`, layers);
  const all = usedBy(touched, sizes);
  return sentences(
    l10n.t`${name} used ${parameterCount(all)} of ${parameterCount(sizes.all.parameters)} parameters (${percent(all / sizes.all.parameters)}): ${whom}.`,
    l10n.t`A token uses ${parameterCount(model.parameters.active)} (embeddings counted whole).`,
    layers,
  );
}

function sparseLayers(sparse: number, all: number): string {
  return sparse === 1
    ? l10n.t`${sparse} of ${all} layers has experts.`
    : l10n.t`${sparse} of ${all} layers have experts.`;
}

function parametersFigure(
  subject: Subject,
  sizes: ExpertSizes,
  touched: Touched,
  token: ChosenToken | undefined,
): Figure {
  const { loads, model, name } = subject;
  const uses: readonly (readonly [string, Touched])[] = [
    ...(token ? ([[token.name, token.touched]] as const) : []),
    ...(lacksK(subject) ? [] : ([[l10n.t`a token with k experts`, loads.map(({ shape }) => shape.k)]] as const)),
    [name, touched],
    [l10n.t`all there are`, loads.map(({ shape }) => shape.experts)],
  ];
  const routed = uses.map(([, of]) => usedBy(of, sizes) - sizes.rest.parameters);
  const { anatomy } = model;
  const others = anatomy
    ? MODEL_PARTS.filter((part) => part !== 'experts' && anatomy.parameters[part] > 0).map((part) => ({
        label: PART_NAMES[part],
        size: anatomy.parameters[part],
      }))
    : [{ label: l10n.t`all else`, size: sizes.rest.parameters }];
  const totals = routed.map((r) => r + sizes.rest.parameters);
  const all = totals.at(-1)!;
  return {
    id: 'work-parameters',
    title: l10n.t`Parameters used`,
    basis: basisOf(subject),
    help: {
      meaning: sentences(
        l10n.t`The routed experts that were chosen at least once, and what every token goes through: shared experts, networks of layers without experts, attention. Embeddings count as a whole, though a token reads one row of them: makers often leave them out of what they call active.`,
        sizes.derived &&
          l10n.t`How large an expert is follows from the parameters in all and active, if all experts are of one size.`,
      ),
      formula: l10n.t`used = all else + Σ over MoE layers of experts touched × parameters of an expert`,
      judge: l10n.t`A text that uses few of the parameters could do with a smaller model; one that uses nearly all needs them, if only a few at a time.`,
    },
    text: l10n.t`${clauses(uses.map(([label], i) => l10n.t`${label}: ${parameterCount(totals[i]!)}`))}.`,
    chart: {
      kind: 'bars',
      labels: uses.map(([label]) => label),
      series: [
        { label: PART_NAMES.experts, values: routed.map(known) },
        ...others.map(({ label, size }) => ({ label, values: uses.map(() => size) })),
      ],
      stacked: true,
      axis: { label: l10n.t`parameters`, unit: 'count', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`used by`, unit: 'text' },
        { label: l10n.t`parameters`, unit: 'count' },
        { label: l10n.t`of all`, unit: 'percent' },
        { label: PART_NAMES.experts, unit: 'count' },
        ...others.map(({ label }) => ({ label, unit: 'count' as const })),
      ],
      rows: uses.map(([label], i) => [
        label,
        Math.round(totals[i]!),
        known(totals[i]! / all),
        Math.round(routed[i]!),
        ...others.map(({ size }) => Math.round(size)),
      ]),
    },
  };
}

function layersFigure(subject: Subject, touched: Touched, sizes: ExpertSizes | undefined): Figure {
  const { loads, name } = subject;
  const usedExperts = touched.reduce((sum, n) => sum + n, 0);
  const rows = layerRows(subject).map(({ label, kind, moe }) => {
    if (moe === undefined) return [label, kind, null, null, null, null, null];
    const { experts, k, kUnknown } = loads[moe]!.shape;
    const used = sizes ? Math.round(touched[moe]! * sizes.parameters[moe]!) : null;
    return [label, kind, experts, kUnknown ? null : k, touched[moe]!, touched[moe]! / experts, used];
  });
  const sparse = rows.filter(([, , experts]) => experts !== null).length;
  return {
    id: 'work-layers',
    title: l10n.t`Layers, and the experts that were used`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`Which layers have experts and which a network that every token goes through, and how many of a layer’s experts ${name} used.`,
      judge: l10n.t`An expert that no text uses is memory without work. See whether it is dead for other texts, too.`,
    },
    text: isWhole(subject)
      ? l10n.t`${sparse} layers with experts, ${rows.length - sparse} without; ${usedExperts} experts used.`
      : l10n.t`${sparse} recorded layers; ${usedExperts} experts used.`,
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`network`, unit: 'text' },
        { label: l10n.t`experts`, unit: 'count' },
        { label: l10n.t`a token`, unit: 'count' },
        { label: l10n.t`used`, unit: 'count' },
        { label: l10n.t`of them`, unit: 'percent' },
        { label: l10n.t`parameters used`, unit: 'count' },
      ],
      rows,
    },
  };
}

interface LayerRow {
  readonly label: string;
  readonly kind: string;
  /** Position among the MoE layers. */
  readonly moe?: number;
}

/** Whether it is known which other layers the model has. */
function isWhole({ model, loads }: Subject): boolean {
  return (
    model.anatomy !== undefined || (model.layers > 0 && loads.every(({ shape: { stack } }) => stack === undefined))
  );
}

/** Every layer of the model, as far as it is known. */
function layerRows(subject: Subject): LayerRow[] {
  const { model, loads } = subject;
  const shapes = loads.map(({ shape }) => shape);
  const { anatomy } = model;
  if (!isWhole(subject)) {
    return shapes.map((shape, moe) => ({ label: layerLabel(shape), kind: l10n.t`experts`, moe }));
  }
  const before = new Map<LayerShape['stack'], number>();
  const layers = anatomy
    ? anatomy.layers.map(({ stack, network, mixer }) => {
        const layer = before.get(stack) ?? 0;
        before.set(stack, layer + 1);
        return {
          layer,
          ...(stack ? { stack } : {}),
          kind: network === 'dense' ? l10n.t`dense` : (network ?? l10n.t`none, ${mixer ?? ''}`),
        };
      })
    : Array.from({ length: Math.max(model.layers, ...shapes.map(({ layer }) => layer + 1)) }, (_, layer) => ({
        layer,
        kind: l10n.t`no experts`,
      }));
  return layers.map(({ kind, ...at }) => {
    const label = layerLabel(at);
    const moe = shapes.findIndex((shape) => layerLabel(shape) === label);
    return moe < 0 ? { label, kind } : { label, kind: l10n.t`experts`, moe };
  });
}

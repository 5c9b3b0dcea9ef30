/** What sections share. */
import * as l10n from '@vscode/l10n';
import {
  SHOWN_LAYER,
  type Action,
  type Basis,
  type Choice,
  type Column,
  type HeatChart,
  type Parameters,
  type Table,
} from '../../protocol/report.ts';
import type { LayerCounts, LayerShape, RoutingTrace } from '../../protocol/trace.ts';
import { layerTokens } from '../folder/domains.ts';
import { layerLabel } from '../labels.ts';
import { seenTokens } from '../load.ts';
import { choice } from './controls.ts';
import type { Subject } from './subject.ts';

/** A number for a report: what is not known is null. */
export function known(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

/** A heat map with its values as a table. */
export function heatMap(spec: Omit<HeatChart, 'kind'>): { readonly chart: HeatChart; readonly table: Table } {
  const { rows, columns, values, unit } = spec;
  const width = columns.names.length;
  return {
    chart: { kind: 'heat', ...spec },
    table: {
      columns: [{ label: rows.label, unit: 'text' }, ...columns.names.map((label): Column => ({ label, unit }))],
      rows: rows.names.map((name, i) => [name, ...values.slice(i * width, (i + 1) * width)]),
    },
  };
}

/** Chooses a MoE layer by its position: the one at which the user looks, else what is set, else the first. */
export function layerChoice(set: Parameters, shapes: readonly LayerShape[]): Choice {
  const options = shapes.map((shape, i) => ({ value: String(i), label: layerLabel(shape) }));
  const shown = options.find(({ value }) => value === set[SHOWN_LAYER])?.value;
  const own = shown === undefined ? set : { layer: shown };
  return { ...choice(own, { id: 'layer', label: l10n.t`Layer`, options, value: '0' }), layer: true };
}

/** Where each MoE layer stands on an axis: its index in the model, or its position where a model has two stacks. */
export function depths(shapes: readonly LayerShape[]): number[] {
  const stacks = new Set(shapes.map(({ stack }) => stack));
  return shapes.map(({ layer }, i) => (stacks.size > 1 ? i : layer));
}

/** Where kinds of text are to be told apart, and there is one alone. */
export const FOLDER: Action = { kind: 'action', id: 'folder', label: l10n.t`Analyze Folder…` };

/** What a section says that needs the routing of every token. */
export const NO_TRACE = l10n.t`Only counts are known here, not the routing of each token. Analyze a text or open its trace to see this.`;

/** What a section says whose figures go by the token, where it is not known how many slots a token has. */
export const NO_K = l10n.t`How many experts a token goes to is not recorded: what a token takes cannot be said.`;

/** Whether slots are known, and not how many of them a token has. */
export function lacksK({ loads }: Subject): boolean {
  return loads.some(({ shape }) => shape.kUnknown);
}

/** Tokens that each MoE layer saw; of counts alone, those that their slots are of if none was dropped. */
export function tokensSeen({ loads, trace, folder, domains = [] }: Subject): number[] {
  if (trace) return trace.layers.map((layer) => seenTokens(layer, trace.routed));
  if (folder) return loads.map((_, i) => domains.reduce((sum, domain) => sum + layerTokens(domain, i), 0));
  return loads.map(({ shape, counts }) => counts.reduce((sum, c) => sum + c, 0) / shape.k);
}

/** What the measures of a router's certainty are called: in a sentence, and where one begins. */
export const CERTAINTY_NAMES = {
  entropy: { name: l10n.t`entropy`, title: l10n.t`Entropy` },
  margin: { name: l10n.t`margin`, title: l10n.t`Margin` },
} as const;

/** Whether a measure of certainty is known of any token. */
export function isMeasured({ layers, routed }: RoutingTrace, measure: keyof typeof CERTAINTY_NAMES): boolean {
  return layers.some((layer) => layer[measure].subarray(0, routed).some((value) => !Number.isNaN(value)));
}

/** What arithmetic on some routing rests on. */
export function basisOf(...routings: readonly Pick<Subject, 'source'>[]): Basis {
  return routings.some(({ source }) => source === 'recorded') ? 'recorded' : 'counted';
}

/** The loads of what a subject is compared with, where its MoE layers are as many and as large. */
export function matchingLoads({ loads, evidence }: Subject): readonly LayerCounts[] | undefined {
  const other = evidence.other?.loads;
  const same = other?.length === loads.length && other.every((l, i) => l.counts.length === loads[i]!.counts.length);
  return same ? other : undefined;
}

/** The commands that change a model and measure what it costs: how their command lines are read. */
import { parseArgs } from 'node:util';
import { CAPACITY_POLICIES, type CapacityPolicy } from '../protocol/intervention.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import { layerLabel } from '../analysis/labels.ts';
import { decimal, oneOf, understood, wholeNumber } from './values.ts';
import { MODEL_OPTIONS, modelOptions, type ModelValues } from './modelOptions.ts';
import type { RouteOptions } from './route.ts';
import { UsageError } from './usage.ts';

/** What the three have in common. They run on the CPU, as interventions do. */
export interface MeasuringOptions extends Omit<RouteOptions, 'generate'> {
  readonly files: readonly string[];
  readonly json: string | undefined;
  /** Layers by their labels: 3 or L3, and E3 or D3 where there are an encoder and a decoder. */
  readonly layers: readonly string[] | undefined;
}

export interface WhatifOptions extends MeasuringOptions {
  readonly dropped: readonly NamedExpert[];
  readonly silenced: readonly NamedExpert[];
  readonly factors: readonly number[];
  readonly policy: CapacityPolicy;
  readonly k: number | undefined;
  readonly temperature: number | undefined;
  readonly withoutShared: boolean;
}

export interface BalanceOptions extends MeasuringOptions {
  readonly target: number;
  /** Where the biases go. */
  readonly out: string | undefined;
}

export interface AblateOptions extends MeasuringOptions {
  /** Most rows of the table. */
  readonly top: number;
}

/** An expert as it is written on the command line: LAYER:EXPERT. */
export interface NamedExpert {
  readonly layer: string;
  readonly expert: number;
}

/** MaxVio that is even enough unless the user says otherwise. */
const TARGET = 0.2;
const TOP = 20;

const { model, threads, context, precision } = MODEL_OPTIONS;
const COMMON = {
  ...{ model, threads, context, precision },
  json: { type: 'string' },
  layer: { type: 'string', multiple: true },
} as const;

export function parseWhatif(args: string[]): WhatifOptions {
  const { values, positionals } = understood(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...COMMON,
        'drop-expert': { type: 'string', multiple: true },
        'silence-expert': { type: 'string', multiple: true },
        capacity: { type: 'string' },
        policy: { type: 'string' },
        k: { type: 'string' },
        temperature: { type: 'string' },
        'no-shared': { type: 'boolean' },
      },
    }),
  );
  const policy = oneOf('policy', values.policy, CAPACITY_POLICIES);
  if (policy !== undefined && values.capacity === undefined) throw new UsageError('--policy is for --capacity.');
  const options = {
    ...common(values, positionals),
    dropped: namedExperts('drop-expert', values['drop-expert']),
    silenced: namedExperts('silence-expert', values['silence-expert']),
    factors: (values.capacity?.split(',') ?? []).map((text) => decimal('capacity', text, 0)!),
    policy: policy ?? 'position',
    k: wholeNumber('k', values.k, 1),
    temperature: decimal('temperature', values.temperature, 0),
    withoutShared: values['no-shared'] === true,
  };
  const { dropped, silenced, factors, k, temperature, withoutShared } = options;
  const changes = [...dropped, ...silenced, ...factors, k, temperature].filter((change) => change !== undefined);
  if (changes.length === 0 && !withoutShared) {
    throw new UsageError(
      'What if what? --drop-expert L:E, --silence-expert L:E, --capacity F, --k N, --temperature T or --no-shared says it.',
    );
  }
  return options;
}

export function parseBalance(args: string[]): BalanceOptions {
  const { values, positionals } = understood(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: { ...COMMON, target: { type: 'string' }, out: { type: 'string' } },
    }),
  );
  if (values.layer) throw new UsageError('--layer is for moescope whatif and ablate.');
  const target = decimal('target', values.target, 0) ?? TARGET;
  return { ...common(values, positionals), target, out: values.out };
}

export function parseAblate(args: string[]): AblateOptions {
  const { values, positionals } = understood(() =>
    parseArgs({ args, allowPositionals: true, options: { ...COMMON, top: { type: 'string' } } }),
  );
  return { ...common(values, positionals), top: wholeNumber('top', values.top, 1) ?? TOP };
}

interface CommonValues extends ModelValues {
  readonly json?: string | undefined;
  readonly layer?: string[] | undefined;
}

function common(values: CommonValues, files: readonly string[]): MeasuringOptions {
  return {
    files,
    ...modelOptions(values),
    provider: 'cpu',
    json: values.json,
    layers: values.layer?.flatMap((text) => text.split(',')),
  };
}

function namedExperts(option: string, texts: readonly string[] | undefined): NamedExpert[] {
  return (texts?.flatMap((text) => text.split(',')) ?? []).map((text) => {
    const [, layer, expert] = /^([LED]?\d{1,9}):E?(\d{1,9})$/i.exec(text) ?? [];
    if (layer === undefined) throw new UsageError(`--${option} takes LAYER:EXPERT, as 3:7, not "${text}".`);
    return { layer, expert: Number(expert) };
  });
}

/** The label of the layer that a user names: 3, L3 or l3. */
export function layerNamed(text: string): string {
  return /^\d+$/.test(text) ? `L${text}` : text.toUpperCase();
}

/** Index of a layer among those with experts, by its label. Throws UsageError. */
export function findLayer({ moeLayers }: Pick<ModelInfo, 'moeLayers'>, label: string): number {
  const wanted = layerNamed(label);
  const index = moeLayers.findIndex((layer) => layerLabel(layer) === wanted);
  if (index >= 0) return index;
  throw new UsageError(`The model has no MoE layer ${label}; it has ${moeLayers.map(layerLabel).join(', ')}.`);
}

/** The options that say which model runs on this machine, and how. */
import { PRECISIONS, PROVIDERS } from '../protocol/trace.ts';
import type { RouteOptions } from './route.ts';
import { oneOf, threadCount, wholeNumber } from './values.ts';

export const MODEL_OPTIONS = {
  model: { type: 'string' },
  router: { type: 'string' },
  threads: { type: 'string' },
  context: { type: 'string' },
  precision: { type: 'string' },
  provider: { type: 'string' },
} as const;

export type ModelValues = { readonly [option in keyof typeof MODEL_OPTIONS]?: string | undefined };

/** Those that have no effect where a server runs the model, or where its routing was recorded. */
export const HERE_ALONE = ['precision', 'provider', 'threads', 'context', 'router'] as const;

/** Which model, and how it is run. Throws UsageError. */
export function modelOptions(values: ModelValues): Pick<RouteOptions, keyof typeof MODEL_OPTIONS> {
  return { ...openingOptions(values), ...wayOptions(values) };
}

/** What holds for a model whichever way it is run. Throws UsageError. */
export function openingOptions(values: ModelValues): Pick<RouteOptions, 'model' | 'router' | 'threads' | 'context'> {
  return {
    model: values.model,
    router: values.router,
    threads: threadCount(values.threads),
    context: wholeNumber('context', values.context, 1) ?? 0,
  };
}

/** The way it is run. Throws UsageError. */
export function wayOptions(
  values: Pick<ModelValues, 'precision' | 'provider'>,
): Pick<RouteOptions, 'precision' | 'provider'> {
  return {
    precision: oneOf('precision', values.precision, PRECISION_NAMES) ?? 'auto',
    provider: oneOf('provider', values.provider, PROVIDER_NAMES) ?? 'auto',
  };
}

export const PRECISION_NAMES = ['auto', ...PRECISIONS] as const;
export const PROVIDER_NAMES = ['auto', ...PROVIDERS] as const;

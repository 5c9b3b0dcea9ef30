/** The options that say which server routes, if this machine does not. */
import type { ServerOptions } from './served.ts';
import { UsageError } from './usage.ts';
import { wholeNumber } from './values.ts';

export const SERVER_OPTIONS = {
  server: { type: 'string' },
  'model-name': { type: 'string' },
  'plain-http': { type: 'boolean' },
  timeout: { type: 'string' },
} as const;

interface ServerValues {
  readonly server?: string | undefined;
  readonly 'model-name'?: string | undefined;
  readonly 'plain-http'?: boolean | undefined;
  readonly timeout?: string | undefined;
}

/** Where to route, if not here. Throws UsageError. */
export function serverOptions(values: ServerValues): ServerOptions | undefined {
  const { server: url, 'model-name': model, 'plain-http': plainHttp = false } = values;
  const timeout = wholeNumber('timeout', values.timeout, 1);
  if (url === undefined) {
    for (const option of ['model-name', 'plain-http', 'timeout'] as const) {
      if (values[option] !== undefined) throw new UsageError(`--${option} is for --server.`);
    }
    return undefined;
  }
  const server = { url, model: model ?? '', plainHttp, apiKey: process.env['MOESCOPE_API_KEY'] };
  return timeout === undefined ? server : { ...server, timeout };
}

/** Throws UsageError when an option was given that another, which was given as well, has no use for. */
export function notWith<O extends string, W extends string>(
  values: { readonly [option in O | W]?: unknown },
  other: W,
  options: readonly O[],
): void {
  if (values[other] === undefined) return;
  for (const option of options) {
    if (values[option] !== undefined) throw new UsageError(`--${option} and --${other} do not go together.`);
  }
}

/** Whatever routes texts: the engine here, a server elsewhere. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ModelRequest, Progress } from '../protocol/engine.ts';
import { UserError } from '../protocol/errors.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import type { EngineClient } from './engineClient.ts';
import { TraceBuilder } from './traceBuilder.ts';

export interface TextRouter {
  /** The same as long as the same text is routed in the same way: it names the model, its version and how it runs. */
  identity(): Promise<string>;
  /** Throws UserError; of a run that is cancelled, too. */
  route(text: string, signal: AbortSignal, progress: (progress: Progress) => void): Promise<RoutingTrace>;
}

/** The engine with a model. */
export class EngineRouter implements TextRouter {
  readonly #client: EngineClient;
  readonly #model: ModelRequest;

  constructor(client: EngineClient, model: ModelRequest) {
    this.#client = client;
    this.#model = model;
  }

  async identity(): Promise<string> {
    const { folder, context, precision, provider, router } = this.#model;
    return digest([folder, context, precision, provider, router ?? '', await filesStamp(folder)]);
  }

  async route(text: string, signal: AbortSignal, progress: (progress: Progress) => void): Promise<RoutingTrace> {
    let builder: TraceBuilder | undefined;
    const result = await this.#client.analyze(
      this.#model,
      text,
      {
        progress,
        began: (began) => {
          builder = new TraceBuilder(began);
        },
        routed: (part) => {
          builder?.add(part);
        },
      },
      signal,
    );
    if (!builder) throw new UserError('internal', 'The engine sent no routing.');
    return builder.finish(result);
  }
}

export function digest(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Names, sizes and times of what stands in a model's folder, or beside its file. */
async function filesStamp(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
  const folder = isFolder ? path : dirname(path);
  const names = await readdir(folder).catch(() => []);
  const stamps = await Promise.all(
    names.sort().map(async (name) => {
      const found = await stat(join(folder, name)).catch(() => undefined);
      return found?.isFile() ? [`${name} ${found.size} ${found.mtimeMs}`] : [];
    }),
  );
  return stamps.flat().join('\n');
}

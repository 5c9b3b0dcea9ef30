/** Whatever routes texts: the engine here, a server elsewhere. */
import * as l10n from '@vscode/l10n';
import { createHash } from 'node:crypto';
import { filesStamp } from '../formats/filesStamp.ts';
import type { AnalyzeResult, AnalyzeSink, ModelRequest, Progress } from '../protocol/engine.ts';
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

/** Routes a text; the sink hears of it before the promise settles. */
export type Analyze = (text: string, sink: AnalyzeSink, signal: AbortSignal) => Promise<AnalyzeResult>;

/** A router of what analyses texts. @param identity told the same way each time for the same routing */
export function textRouter(identity: () => Promise<string>, analyze: Analyze): TextRouter {
  return {
    identity,
    route: (text, signal, progress) => traceOf((sink) => analyze(text, sink, signal), progress),
  };
}

/** The trace that an analysis comes to. Throws what it throws. */
export async function traceOf(
  analyze: (sink: AnalyzeSink) => Promise<AnalyzeResult>,
  progress: AnalyzeSink['progress'] = () => undefined,
): Promise<RoutingTrace> {
  let builder: TraceBuilder | undefined;
  const result = await analyze({
    progress,
    began: (began) => {
      builder = new TraceBuilder(began);
    },
    routed: (part) => {
      builder?.add(part);
    },
  });
  if (!builder) throw new UserError('internal', l10n.t`The engine sent no routing.`);
  return builder.finish(result);
}

/** The model of a request, wherever it runs. */
export function engineRouter(client: EngineClient, model: ModelRequest): TextRouter {
  return textRouter(
    () => modelIdentity(model),
    (text, sink, signal) => client.analyze(model, text, sink, signal),
  );
}

/** Tells a model and how it runs from others, and from another version of itself. Of a server only what it is called is known. */
export async function modelIdentity({
  folder,
  context,
  precision,
  provider,
  router,
  server,
}: ModelRequest): Promise<string> {
  if (server) return digest([JSON.stringify(server)]);
  return digest([folder, context, precision, provider, router ?? '', await filesStamp(folder)]);
}

export function digest(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

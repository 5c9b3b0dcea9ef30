/** Routing on a server, from the terminal. */
import { join, resolve } from 'node:path';
import type { AnalyzeSink, EngineClient } from '../client/engineClient.ts';
import { InspectorClient } from '../client/inspectorClient.ts';
import type { AnalyzeResult, LogLine } from '../protocol/engine.ts';
import { isReadable, serverUrl } from '../server/address.ts';
import { Decoder } from '../server/decoder.ts';
import { DUMP_FOLDER } from '../server/recorder.ts';
import { ServerClient } from '../server/serverClient.ts';
import { proxyAgent } from './proxy.ts';
import { UsageError } from './usage.ts';

export interface ServerOptions {
  readonly url: string;
  /** Empty for the only one. */
  readonly model: string;
  readonly apiKey: string | undefined;
  /** What is sent may be readable on its way. */
  readonly plainHttp: boolean;
  /** Seconds that it may say nothing. */
  readonly timeout?: number;
}

/** Has a server record its load, or stop. Returns the exit code; throws UserError, UsageError. */
export async function record(what: 'start' | 'stop', options: ServerOptions): Promise<number> {
  const unused = (): Promise<never> => Promise.reject(new Error('nothing is routed'));
  const { url, ...connection } = connectionTo(options);
  const decoder = new Decoder(join(__dirname, 'decoder.js'));
  const server = new ServerClient({ url, model: '' }, { ...connection, decoder, shape: unused, tokenize: unused });
  const { signal } = new AbortController();
  try {
    if (what === 'start') {
      await server.startRecording(signal);
      console.log(
        `The server at ${new URL(url).host} counts what it routes until: moescope record stop --server ${url}`,
      );
      return 0;
    }
    const dump = await server.stopRecording(signal);
    const where = dump ?? `the newest ${DUMP_FOLDER}/expert_distribution_recorder_*.pt of its machine`;
    console.log(`The server at ${new URL(url).host} wrote its counts. Open them: moescope report --trace ${where}`);
    return 0;
  } finally {
    server.dispose();
    decoder.dispose();
  }
}

function connectionTo({ url: address, apiKey, plainHttp, timeout }: ServerOptions) {
  const url = serverUrl(address);
  if (isReadable(url) && !plainHttp) {
    throw new UsageError(
      `What is sent to ${url} could be read on its way: https, or --plain-http to do it all the same.`,
    );
  }
  const agent = proxyAgent(url, process.env);
  return {
    url,
    apiKey,
    ...(timeout === undefined ? {} : { answerMs: 1000 * timeout }),
    ...(agent === undefined ? {} : { agent }),
  };
}

/**
 * Routes a text on a server.
 *
 * @param folder with the model's config.json, on this machine
 * @throws UserError, UsageError
 */
export async function routeThere(
  options: ServerOptions,
  folder: string | undefined,
  engine: EngineClient,
  text: string,
  sink: AnalyzeSink,
  signal: AbortSignal,
): Promise<AnalyzeResult> {
  const { url, ...connection } = connectionTo(options);
  const { model } = options;
  const decoder = new Decoder(join(__dirname, 'decoder.js'));
  const inspector = new InspectorClient({ entry: join(__dirname, 'inspector.js'), log: logProblems });
  const server = new ServerClient(
    { url, model, ...(folder === undefined ? {} : { folder: resolve(folder) }) },
    {
      ...connection,
      decoder,
      shape: (of, aborted) => inspector.shape(of, aborted),
      tokenize: ({ folder: of, vocabulary }, whole, aborted) =>
        engine.tokenize({ folder: of, vocabulary: vocabulary || Infinity, text: whole }, aborted),
    },
  );
  try {
    return await server.analyze(0, text, sink, signal);
  } finally {
    server.dispose();
    inspector.dispose();
    decoder.dispose();
  }
}

/** What a process has to say that is more than news. */
export function logProblems({ level, message }: LogLine): void {
  if (level === 'error' || level === 'warn') console.error(message);
}

/** Routing on a server, from the terminal. */
import { join, resolve } from 'node:path';
import type { EngineClientOptions } from '../client/engineClient.ts';
import { InspectorClient } from '../client/inspectorClient.ts';
import type { LogLine, TokenizeParams, TokenRanges } from '../protocol/engine.ts';
import type { ServerSpec } from '../protocol/server.ts';
import { isReadable, serverUrl, serverUrls } from '../server/address.ts';
import { Decoder } from '../server/decoder.ts';
import { askEach, DUMP_FOLDER, KEPT, type Answers } from '../server/recorder.ts';
import { ServerPool } from '../server/serverPool.ts';
import { ServerClient } from '../server/serverClient.ts';
import { trustSystem } from './certificates.ts';
import { proxyAgent } from './proxy.ts';
import { visibleLines } from './table.ts';
import { UsageError } from './usage.ts';

export interface ServerOptions {
  /** One, or several of the same model, divided by commas. */
  readonly url: string;
  /** Empty for the only one. */
  readonly model: string;
  readonly apiKey: string | undefined;
  /** What is sent may be readable on its way. */
  readonly plainHttp: boolean;
  /** Seconds that it may say nothing. */
  readonly timeout?: number;
}

/**
 * Has servers record their load, or stop. One that fails does not hold up the others.
 *
 * @returns the exit code: that of a failure where one failed
 * @throws UserError, UsageError
 */
export async function record(what: 'start' | 'stop', options: ServerOptions): Promise<number> {
  const unused = (): Promise<never> => Promise.reject(new Error('nothing is routed'));
  const connections = serverUrls(options.url).map((url) => connectionTo({ ...options, url }));
  const decoder = new Decoder(join(__dirname, 'decoder.js'));
  const servers = connections.map(
    ({ url, ...connection }) =>
      new ServerClient({ url, model: '' }, { ...connection, decoder, shape: unused, tokenize: unused }),
  );
  const { signal } = new AbortController();
  try {
    const { answers, failures } = await askEach(servers, async (server): Promise<readonly string[]> => {
      if (what === 'stop') return server.stopRecording(signal);
      await server.startRecording(signal);
      return [];
    });
    for (const { message } of failures) console.error(`moescope: ${visibleLines(message)}`);
    if (what === 'start') {
      for (const { place } of answers) console.log(`The server at ${place} counts what it routes.`);
      if (answers.length > 0) console.log(KEPT);
      const plain = options.plainHttp ? ' --plain-http' : '';
      console.log(`Until: moescope record stop --server ${connections.map(({ url }) => url).join(',')}${plain}`);
    } else sayStopped(answers);
    return failures.some(({ code }) => code === 'server-unreachable') ? 1 : failures.length > 0 ? 2 : 0;
  } finally {
    for (const server of servers) server.dispose();
    decoder.dispose();
  }
}

function sayStopped(answers: Answers<readonly string[]>['answers']): void {
  for (const { place, value } of answers) {
    const where =
      value.length > 0
        ? value.join(', ')
        : `the newest ${DUMP_FOLDER}/expert_distribution_recorder_*.pt of its machine, unless it was told otherwise`;
    console.log(`The server at ${place} wrote its counts: ${where}.`);
  }
  const files = answers.flatMap(({ value }) => value);
  const open = (files.length > 0 ? files : ['FILE']).map((file) => `--trace ${file}`).join(' ');
  console.log(`Open ${files.length > 1 ? 'their sum' : 'them'}: moescope report ${open}`);
}

function connectionTo({ url: address, apiKey, plainHttp, timeout }: ServerOptions) {
  const url = serverUrl(address);
  if (isReadable(url) && !plainHttp) {
    throw new UsageError(
      `What is sent to ${url} could be read on its way: https, or --plain-http to do it all the same.`,
    );
  }
  if (url.startsWith('https:')) trustSystem();
  const agent = proxyAgent(url, process.env);
  return {
    url,
    apiKey,
    ...(timeout === undefined ? {} : { answerMs: 1000 * timeout }),
    ...(agent === undefined ? {} : { agent }),
  };
}

/** Routing on servers, for an engine's client to send texts there. */
export interface Served {
  /** What routes, by the name that the model has by now. Throws UserError. */
  readonly server: (signal: AbortSignal) => Promise<ServerSpec>;
  readonly elsewhere: NonNullable<EngineClientOptions['elsewhere']>;
  readonly dispose: () => void;
}

/**
 * @param folder with the model's config.json, on this machine
 * @param tokenize by a local tokenizer
 * @throws UsageError, UserError
 */
export function served(
  options: ServerOptions,
  folder: string | undefined,
  tokenize: (params: TokenizeParams, signal: AbortSignal) => Promise<TokenRanges>,
): Served {
  const connections = serverUrls(options.url).map((url) => connectionTo({ ...options, url }));
  const decoder = new Decoder(join(__dirname, 'decoder.js'));
  const inspector = new InspectorClient({ entry: join(__dirname, 'inspector.js'), log: logProblems });
  const local = folder === undefined ? {} : { folder: resolve(folder) };
  const clients = connections.map(
    ({ url, ...connection }) =>
      new ServerClient(
        { url, model: options.model, ...local },
        {
          ...connection,
          decoder,
          shape: (of, signal) => inspector.shape(of, signal),
          tokenize: ({ folder: of, vocabulary }, text, signal) =>
            tokenize({ folder: of, vocabulary: vocabulary || Infinity, text }, signal),
        },
      ),
  );
  const pool = new ServerPool(clients);
  const [url, ...more] = connections.map((connection) => connection.url);
  return {
    server: async (signal) => ({
      ...{ url: url!, model: await pool.name(signal) },
      ...(more.length > 0 ? { more } : {}),
      ...local,
    }),
    elsewhere: (_, run, text, sink, signal) => pool.analyze(run, text, sink, signal),
    dispose: () => {
      for (const client of clients) client.dispose();
      inspector.dispose();
      decoder.dispose();
    },
  };
}

/** What a process has to say that is more than news. */
export function logProblems({ level, message }: LogLine): void {
  // Messages of ONNX Runtime repeat names that stand in files.
  if (level === 'error' || level === 'warn') console.error(visibleLines(message));
}

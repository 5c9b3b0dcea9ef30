/**
 * A real server: `npm run bench -- vllm URL [--model FOLDER] [--kill PID]`, for a vLLM or SGLang that serves the model of the folder (the
 * bundled "balanced" unless told) and nothing else meanwhile. How much of its routing is this machine's in float32, what it costs
 * over the bare HTTP calls and while somebody types, and that whatever becomes of it is told in one sentence. With a process id the
 * server itself is killed over a text at the end.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { median } from '../../extension/analysis/latency.ts';
import { routingAgreement } from '../../extension/analysis/agreement.ts';
import { traceOf } from '../../extension/client/textRouter.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import { tinting } from '../../extension/host/tinting.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { Decoder } from '../../extension/server/decoder.ts';
import { ServerClient } from '../../extension/server/serverClient.ts';
import { root } from '../../extension/tools/project.mjs';
import { TestEngine } from '../support/analyze.ts';
import { Relay } from '../support/relay.ts';
import { report } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string', default: join(root, 'media/demo-models/balanced') }, kill: { type: 'string' } },
});
const [address] = positionals;
const RUNS = 9;
/** Quiet for so long is stalled, here. */
const TIMEOUT_S = 5;
/** Some 10,000 tokens, 1,500 and 150. */
const LONG = readFileSync(join(root, 'README.md'), 'utf8').slice(0, 36_000);
const TEXT = LONG.slice(0, 5_000);
const SHORT = LONG.slice(0, 500);

const { signal } = new AbortController();
const decoder = new Decoder(join(root, 'dist/decoder.js'));
if (address === undefined) console.log('Measures a server whose address is given: npm run bench -- vllm URL');
else await measure(address);
decoder.dispose();

async function measure(url: string): Promise<void> {
  const client = clientOf(url);
  const { identity, model } = await client.probe(signal);
  console.log(`${identity.engine} ${identity.version}, ${model.name}, ${model.context} tokens`);
  await agreement(client, model.context - 1);
  await overhead(client);
  await typing(client);
  await troubles(url);
  if (values.kill !== undefined) {
    setTimeout(() => process.kill(Number(values.kill), 'SIGKILL'), 300);
    await toldInOneSentence('the process itself killed', client, LONG, /ended the connection|was refused/u);
  }
  client.dispose();
}

/** Of each sample, and of a text of several windows. */
async function agreement(client: ServerClient, context: number): Promise<void> {
  const engine = new TestEngine();
  const folder = join(root, 'media/samples');
  const texts = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const);
  for (const [name, text] of [...texts, ['README.md', LONG] as const]) {
    const here = await engine.analyze(values.model, text, { precision: 'float32', context });
    const { share, tokens } = routingAgreement(here, await route(client, text));
    if (tokens < here.tokens.ids.length) throw new Error(`Of ${name} only ${tokens} tokens are routed.`);
    const what = `${name}, ${tokens} tokens: choices that are others`;
    report({ what, value: 100 * (1 - share), unit: '%', budget: 2 });
  }
  engine.dispose();
}

/** From the request to the keys of tints, less the time that its HTTP calls were under way. */
async function overhead(client: ServerClient): Promise<void> {
  let [asked, calls] = [0, 0];
  const start = (): void => {
    asked = performance.now();
  };
  const answered = (message: unknown): void => {
    (message as { response: IncomingMessage }).response.once('end', () => (calls += performance.now() - asked));
  };
  subscribe('http.client.request.start', start);
  subscribe('http.client.response.finish', answered);
  const [bare, over]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    calls = 0;
    const whole = await timed(async () => {
      const routed = new RoutedText(run, TEXT, new EditTracker(TEXT, 0, true), await route(client, TEXT));
      const keyOf = tinting(routed, { layer: 0, tint: 'expert' });
      for (let token = 0; token < routed.index.count; token++) keyOf(token);
    });
    bare.push(calls);
    over.push(whole - calls);
  }
  unsubscribe('http.client.request.start', start);
  unsubscribe('http.client.response.finish', answered);
  report({ what: `HTTP calls for ${TEXT.length} characters`, value: median(bare), unit: 'ms' });
  report({ what: 'request to tint over them', value: median(over), unit: 'ms', budget: 20 });
}

/** An edit at the end of a text that the server knows, without probabilities: it uses what it has cached. */
async function typing(client: ServerClient): Promise<void> {
  const [afresh, edited]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    afresh.push(await timed(() => route(client, `${run} ${TEXT}`)));
    edited.push(await timed(() => route(client, `${run} ${TEXT}a`, false)));
  }
  report({
    what: 'an edit at the end, of the text afresh',
    value: median(edited) / median(afresh),
    unit: '×',
    budget: 1,
  });
}

/** What the real server answers, spoiled on its way; and a model that it does not have. */
async function troubles(url: string): Promise<void> {
  const relay = await Relay.start(url);
  for (const [spoiling, sentence] of [
    ['killed', /ended the connection in the middle of its answer\.$/u],
    ['stalled', /has said nothing for 5 s\.$/u],
    ['garbled', /is no JSON: .*\.$/u],
  ] as const) {
    const client = clientOf(relay.url, '', 1000 * TIMEOUT_S);
    relay.spoiling = 'none';
    await client.probe(signal);
    relay.spoiling = spoiling;
    await toldInOneSentence(spoiling, client, SHORT, sentence);
    client.dispose();
  }
  await relay.stop();
  const other = clientOf(url, 'another');
  await toldInOneSentence('another model', other, SHORT, /does not serve "another"; it serves ".*"\.$/u);
  other.dispose();
}

/** How long it takes until a failure is told, in a sentence of the given form. */
async function toldInOneSentence(what: string, client: ServerClient, text: string, sentence: RegExp): Promise<void> {
  const start = performance.now();
  const error: unknown = await route(client, text).then(
    () => new Error('nothing failed'),
    (failure: unknown) => failure,
  );
  const took = performance.now() - start;
  if (!isUserError(error) || !sentence.test(error.message)) throw error;
  report({ what: `${what}: told after`, value: took, unit: 'ms', budget: 1000 * (TIMEOUT_S + 1) });
  console.log(`  ${error.message}`);
}

function clientOf(url: string, model = '', answerMs = 60_000): ServerClient {
  const unused = (): Promise<never> => Promise.reject(new Error('there is no local folder'));
  return new ServerClient({ url, model }, { decoder, shape: unused, tokenize: unused, answerMs });
}

function route(client: ServerClient, text: string, logProb = true): Promise<RoutingTrace> {
  return traceOf((sink) => client.analyze(0, text, sink, signal, { logProb }));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

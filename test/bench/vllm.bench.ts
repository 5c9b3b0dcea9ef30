/**
 * A real server: `npm run bench -- vllm URL [--model DIR] [--kill PID]`, for a vLLM or SGLang that serves the model of the folder (the
 * bundled "balanced" unless told) and nothing else meanwhile. How much of its routing is this machine's in float32; what it costs
 * over the bare HTTP calls, and while somebody types; and that a server that dies, stalls or talks nonsense is one sentence. With a process
 * id the server itself is killed over a request at the end.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { TraceBuilder } from '../../extension/client/traceBuilder.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import { tinting } from '../../extension/host/tinting.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { Decoder } from '../../extension/server/decoder.ts';
import { HttpClient } from '../../extension/server/http.ts';
import { ServerClient, type ServerClientOptions } from '../../extension/server/serverClient.ts';
import { root } from '../../extension/tools/project.mjs';
import { Relay, type Spoiling } from '../support/relay.ts';
import { median, report } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string' }, kill: { type: 'string' } },
});
const [url] = positionals;
const folder = resolve(values.model ?? join(root, 'media/demo-models/balanced'));
const work = mkdtempSync(join(tmpdir(), 'moescope-vllm-'));
const samples = readdirSync(join(root, 'media/samples')).map((name) => join(root, 'media/samples', name));
const RUNS = 9;
/** Quiet for so long is stalled, here. */
const TIMEOUT_S = 5;

if (url === undefined) console.log('No server: npm run bench -- vllm URL');
else await measure(url);
rmSync(work, { recursive: true });

async function measure(address: string): Promise<void> {
  const decoder = new Decoder(join(root, 'dist/decoder.js'));
  const unused = (): Promise<never> => Promise.reject(new Error('there is no local folder'));
  const options: ServerClientOptions = { decoder, shape: unused, tokenize: unused, answerMs: 1000 * TIMEOUT_S };
  const client = new ServerClient({ url: address, model: '' }, options);
  const { identity, model } = await client.probe(new AbortController().signal);
  console.log(`${identity.engine} ${identity.version}, ${model.name}, ${model.context} tokens`);
  await agreement(address, model.context);
  await overhead(address, client);
  await typing(client);
  await manyTokens(client);
  await troubles(address, options);
  client.dispose();
  if (values.kill !== undefined) await killed(address, options, Number(values.kill));
  decoder.dispose();
}

async function agreement(address: string, context: number): Promise<void> {
  const text = readFileSync(samples[0]!, 'utf8');
  const long = join(work, 'long.txt');
  writeFileSync(long, text.repeat(Math.ceil((12 * context) / text.length)));
  for (const file of [...samples, long]) {
    const windows = ['--context', String(context - 1)];
    const { out, error } = await moescope([
      ...['agree', file, '--server', address, '--model', folder, '--precision', 'float32', ...windows],
    ]);
    const stay = /against .*: ([\d.]+)\s%/u.exec(out)?.[1];
    if (stay === undefined) throw new Error(error || out);
    const tokens = /([\d,]+) tokens/u.exec(out)![1]!;
    const name = file.slice(file.lastIndexOf('/') + 1);
    report({ what: `${name}, ${tokens} tokens: other choices`, value: 100 - Number(stay), unit: '%', budget: 2 });
  }
}

/** From the request to the keys of tints, over the same calls alone. */
async function overhead(address: string, client: ServerClient): Promise<void> {
  const text = samples
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
    .slice(0, 5_000);
  const http = new HttpClient({ url: address });
  const signal = new AbortController().signal;
  const [bare, whole]: [number[], number[]] = [[], []];
  let tokens = 0;
  for (let run = 0; run <= RUNS; run++) {
    let start = performance.now();
    const answer = await http.ask('/tokenize', { prompt: text, return_token_strs: true }, signal);
    const { tokens: prompt } = JSON.parse(new TextDecoder().decode(answer.body)) as { tokens: number[] };
    tokens = prompt.length;
    const asked = { prompt, max_tokens: 1, temperature: 0, return_token_ids: true, prompt_logprobs: 0 };
    await http.ask('/v1/completions', asked, signal);
    bare.push(performance.now() - start);
    start = performance.now();
    const routed = new RoutedText(run, text, new EditTracker(text, 0, true), await route(client, text));
    const keyOf = tinting(routed, { layer: 0, tint: 'expert' });
    for (let token = 0; token < tokens; token++) keyOf(token);
    whole.push(performance.now() - start);
  }
  http.dispose();
  // The first run warms up.
  const [calls, all] = [median(bare.slice(1)), median(whole.slice(1))];
  report({ what: `bare calls, ${tokens} tokens`, value: calls, unit: 'ms' });
  report({ what: 'request to tint over them', value: all - calls, unit: 'ms', budget: Math.max(20, calls / 10) });
}

/** An edit at the end of a text that the server knows, without probabilities: it uses what it has cached. */
async function typing(client: ServerClient): Promise<void> {
  const text = readFileSync(samples[1]!, 'utf8').slice(0, 5_000);
  const [afresh, edits]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS; run++) {
    let start = performance.now();
    await route(client, `${run} ${text}`);
    afresh.push(performance.now() - start);
    start = performance.now();
    await route(client, `${run} ${text}${'a'.repeat(run + 1)}`, false);
    edits.push(performance.now() - start);
  }
  report({ what: 'a text afresh', value: median(afresh), unit: 'ms' });
  report({ what: 'an edit at its end, of a text afresh', value: median(edits) / median(afresh), unit: '×', budget: 1 });
}

async function manyTokens(client: ServerClient): Promise<void> {
  const text = readFileSync(samples[0]!, 'utf8').repeat(50).slice(0, 36_000);
  const start = performance.now();
  const trace = await route(client, text);
  const took = performance.now() - start;
  if (trace.routed !== trace.tokens.ids.length) throw new Error('Not all tokens are routed.');
  report({ what: `${trace.routed} tokens in ${trace.windows.length} windows`, value: took, unit: 'ms' });
}

/** The real server's answers, spoiled on their way. */
async function troubles(address: string, options: ServerClientOptions): Promise<void> {
  const relay = await Relay.start(address);
  const cases: readonly (readonly [Spoiling, RegExp])[] = [
    ['killed', /ended the connection in the middle of its answer\.$/u],
    ['stalled', /has said nothing for 5 s\.$/u],
    ['garbled', /is no JSON: .*\.$|does not speak HTTP/u],
  ];
  for (const [spoiling, sentence] of cases) {
    const client = new ServerClient({ url: relay.url, model: '' }, options);
    relay.spoiling = 'none';
    await client.probe(new AbortController().signal);
    relay.spoiling = spoiling;
    await inOneSentence(spoiling, () => route(client, readFileSync(samples[0]!, 'utf8')), sentence);
    client.dispose();
  }
  await relay.stop();
  const other = new ServerClient({ url: address, model: 'another' }, options);
  await inOneSentence('another model', () => route(other, 'text'), /does not serve "another"; it serves ".*"\.$/u);
  other.dispose();
}

async function killed(address: string, options: ServerClientOptions, pid: number): Promise<void> {
  const client = new ServerClient({ url: address, model: '' }, options);
  await client.probe(new AbortController().signal);
  const text = readFileSync(samples[0]!, 'utf8').repeat(50).slice(0, 36_000);
  setTimeout(() => process.kill(pid, 'SIGKILL'), 300);
  await inOneSentence('killed, the process itself', () => route(client, text), /ended the connection|refused/u);
  client.dispose();
}

/** How long it takes until a failure is told, in a sentence of the given form. */
async function inOneSentence(what: string, work: () => Promise<unknown>, sentence: RegExp): Promise<void> {
  const start = performance.now();
  const error: unknown = await work().then(
    () => new Error('nothing failed'),
    (failure: unknown) => failure,
  );
  if (!isUserError(error) || !sentence.test(error.message)) throw error;
  console.log(`  ${error.message}`);
  report({ what: `${what}: told after`, value: performance.now() - start, unit: 'ms', budget: 1000 * (TIMEOUT_S + 1) });
}

async function route(client: ServerClient, text: string, logProb = true): Promise<RoutingTrace> {
  let builder: TraceBuilder | undefined;
  const sink = {
    progress: () => undefined,
    began: (began: ConstructorParameters<typeof TraceBuilder>[0]) => {
      builder = new TraceBuilder(began);
    },
    routed: (part: Parameters<TraceBuilder['add']>[0]) => {
      builder!.add(part);
    },
  };
  const result = await client.analyze(0, text, sink, new AbortController().signal, { logProb });
  return builder!.finish(result);
}

function moescope(args: readonly string[]): Promise<{ out: string; error: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(root, 'dist/cli.js'), ...args]);
    let [out, error] = ['', ''];
    child.stdout.on('data', (piece) => (out += String(piece)));
    child.stderr.on('data', (piece) => (error += String(piece)));
    child.on('close', () => {
      done({ out, error });
    });
  });
}

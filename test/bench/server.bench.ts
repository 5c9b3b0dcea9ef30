/**
 * Routing from a server: decoding a large answer beside the host's thread, and the whole way from the request to the keys of
 * tints over the bare HTTP calls. The server answers at once with what it made before.
 */
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { median } from '../../extension/analysis/latency.ts';
import { traceOf } from '../../extension/client/textRouter.ts';
import { root } from '../../extension/tools/project.mjs';
import { tinting } from '../../extension/host/tinting.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import { Decoder } from '../../extension/server/decoder.ts';
import { HttpClient } from '../../extension/server/http.ts';
import { ServerClient } from '../../extension/server/serverClient.ts';
import { EngineServer, vllmIdentity, vllmReply } from '../support/engineServer.ts';
import { report } from './report.ts';

/** DeepSeek-V3's layers and k. */
const LARGE = { tokens: 32_000, layers: 61, experts: 256, k: 8 };
const TEXT = { tokens: 2_000, layers: 48, experts: 128, k: 8 };
const RUNS = 7;

const signal = new AbortController().signal;
const decoder = new Decoder(join(root, 'dist/decoder.js'));
await decode();
await overhead();
decoder.dispose();

async function decode(): Promise<void> {
  const ids = Array.from({ length: LARGE.tokens }, (_, t) => t % 1000);
  const body = new TextEncoder().encode(JSON.stringify(vllmReply(ids, LARGE)));
  const times: number[] = [];
  const blocked: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const copy = body.slice();
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    await decoder.decode(copy, {});
    const took = performance.now() - start;
    delay.disable();
    // The first run starts the thread.
    if (run === 0) continue;
    times.push(took);
    blocked.push(delay.max / 1e6);
  }
  const size = `${LARGE.tokens} tokens × ${LARGE.layers} × ${LARGE.k}`;
  report({ what: `decode ${size}`, value: median(times), unit: 'ms', budget: 300 });
  report({ what: 'longest wait of the host’s thread meanwhile', value: median(blocked), unit: 'ms' });
}

async function overhead(): Promise<void> {
  const ids = Array.from({ length: TEXT.tokens }, (_, t) => t % 1000);
  const text = 'a'.repeat(TEXT.tokens);
  const tokens = JSON.stringify({ tokens: ids, token_strs: ids.map(() => 'a') });
  const reply = JSON.stringify(vllmReply(ids, TEXT));
  const server = await EngineServer.start(({ path }) => {
    if (path === '/tokenize') return { json: tokens };
    return path === '/v1/completions' ? { json: reply } : vllmIdentity(path, '0.27.1', 32_768);
  });
  const unused = (): Promise<never> => Promise.reject(new Error('there is no local folder'));
  const client = new ServerClient({ url: server.url, model: '' }, { decoder, shape: unused, tokenize: unused });
  const http = new HttpClient({ url: server.url });
  const bare: number[] = [];
  const whole: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    let start = performance.now();
    await http.ask('/tokenize', { model: 'demo', prompt: text, return_token_strs: true }, signal);
    await http.ask('/v1/completions', { model: 'demo', prompt: ids, max_tokens: 1 }, signal);
    const calls = performance.now() - start;
    start = performance.now();
    const trace = await traceOf((sink) => client.analyze(run, text, sink, signal));
    const routed = new RoutedText(run, text, new EditTracker(text, 0, true), trace);
    const keyOf = tinting(routed, { layer: 24, tint: 'expert' });
    for (let token = 0; token < TEXT.tokens; token++) keyOf(token);
    const all = performance.now() - start;
    if (run === 0) continue;
    bare.push(calls);
    whole.push(all);
  }
  const over = median(whole.map((ms, i) => ms - bare[i]!));
  const size = `${TEXT.tokens} tokens × ${TEXT.layers} × ${TEXT.k}`;
  report({ what: `bare calls, ${size}`, value: median(bare), unit: 'ms' });
  report({ what: 'request to tint over them', value: over, unit: 'ms', budget: 20 });
  client.dispose();
  http.dispose();
  await server.stop();
}

/** What the editor asks of a server for a text. */
import { join } from 'node:path';
import type { TextDocument } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { Analyzer } from '../../extension/host/analyzer.ts';
import type { LiveSwitch } from '../../extension/host/liveSwitch.ts';
import type { Log } from '../../extension/host/log.ts';
import type { Models } from '../../extension/host/models.ts';
import type { Problems } from '../../extension/host/problems.ts';
import { ServerConnections } from '../../extension/host/serverConnections.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import type { TextPart } from '../../extension/host/textPart.ts';
import { EngineServer, vllmIdentity, vllmReply, type Answer, type Asked } from '../support/engineServer.ts';
import { ROOT } from '../support/reference.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const uri: unknown = 'file:///note.txt';
const document: unknown = { uri, eol: 1 };

let server: EngineServer;
let connections: ServerConnections;
let client: EngineClient;
let sessions: Sessions;
let analyzer: Analyzer;
let problems: unknown[];

beforeEach(async () => {
  problems = [];
  server = await EngineServer.start(letters);
  connections = new ServerConnections({
    servers: { agreeToPlainHttp: () => Promise.resolve(true) },
    secrets: {
      get: () => Promise.resolve(undefined),
      store: () => Promise.resolve(),
      delete: () => Promise.resolve(),
    },
    decoder: join(ROOT, 'dist/decoder.js'),
    local: {
      shape: () => Promise.reject(new Error('there is no folder')),
      tokenize: () => Promise.reject(new Error('there is no tokenizer')),
    },
  });
  client = new EngineClient({
    entry: join(ROOT, 'dist/engine.js'),
    log: () => undefined,
    elsewhere: connections.analyze,
  });
  sessions = new Sessions();
  const spec = { url: server.url, model: 'demo' };
  const models: unknown = { name: 'demo', request: () => ({ server: spec }), agree: () => Promise.resolve(true) };
  const live: unknown = { on: true, memory: 1e6 };
  const told: unknown = { report: (_: string, error: unknown) => problems.push(error) };
  const log: unknown = { write: () => undefined };
  analyzer = new Analyzer(client, sessions, models as Models, live as LiveSwitch, told as Problems, log as Log);
});
afterEach(async () => {
  client.dispose();
  connections.dispose();
  sessions.dispose();
  await server.stop();
});

/** A token for each letter. */
function letters({ path, body }: Asked): Answer | undefined {
  const { prompt } = body;
  if (path === '/tokenize') {
    const text = Array.from(String(prompt));
    return { json: { tokens: text.map((letter) => letter.charCodeAt(0)), token_strs: text } };
  }
  if (path !== '/v1/completions') return vllmIdentity(path);
  const reply = vllmReply(prompt as number[], { layers: 2, experts: 8, k: 2 }) as { readonly choices: object[] };
  const unasked = 'prompt_logprobs' in body ? {} : { prompt_logprobs: null };
  return { json: { ...reply, choices: [{ ...reply.choices[0], ...unasked }] } };
}

function part(text: string): TextPart {
  return { document: document as TextDocument, text, base: 0, whole: true };
}

/** Probability of the second token as it is shown. */
const logProb = (): number => sessions.current!.routed!.trace.tokens.logProb[1]!;

test('while Live is on, only a text that is being edited goes without probabilities', async () => {
  const ofB = -'b'.charCodeAt(0) / 100;
  await analyzer.analyze(part('abc'));
  expect(logProb()).toBeCloseTo(ofB, 4);
  await analyzer.follow(sessions.current!, part('abcd'));
  expect(logProb()).toBeNaN();
  await analyzer.analyze(part('abcd'));
  expect(logProb()).toBeCloseTo(ofB, 4);
  expect(problems).toEqual([]);
});

test('what there is no text to route in is named truly: blanks are not nothing, and what is visible is no selection', async () => {
  expect(await analyzer.analyze(part('\n \n'))).toBe('text-empty');
  expect(await analyzer.analyze({ ...part(' '), whole: false })).toBe('text-empty');
  expect(problems).toMatchObject([
    { message: 'There is no text to route in this document.' },
    { message: 'There is no text to route in what is selected or in sight.' },
  ]);
});

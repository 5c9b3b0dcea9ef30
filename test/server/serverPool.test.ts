/** The same model on several servers, over real HTTP. */
import { join } from 'node:path';
import { afterAll, afterEach, expect, it } from 'vitest';
import { traceOf } from '../../extension/client/textRouter.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { Decoder } from '../../extension/server/decoder.ts';
import { ServerClient } from '../../extension/server/serverClient.ts';
import { ServerPool } from '../../extension/server/serverPool.ts';
import { EngineServer, vllmIdentity, vllmReply, type Answer, type Asked } from '../support/engineServer.ts';
import { ROOT } from '../support/reference.ts';

const MADE = { layers: 3, experts: 8, k: 2 };
const decoder = new Decoder(join(ROOT, 'dist/decoder.js'));
const servers: EngineServer[] = [];
const clients: ServerClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.dispose();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});
afterAll(() => {
  decoder.dispose();
});

/** A token for each letter. */
function letters({ path, body }: Asked): Answer | undefined {
  const { prompt } = body;
  if (path === '/tokenize') {
    const text = Array.from(String(prompt));
    return { json: { tokens: text.map((letter) => letter.charCodeAt(0)), token_strs: text } };
  }
  return path === '/v1/completions' ? { json: vllmReply(prompt as number[], MADE) } : vllmIdentity(path);
}

async function poolOf(...answers: ((asked: Asked) => Answer | undefined)[]): Promise<ServerPool> {
  for (const answer of answers) {
    const server = await EngineServer.start(answer);
    servers.push(server);
    const unused = (): Promise<never> => Promise.reject(new Error('there is no local folder'));
    clients.push(
      new ServerClient({ url: server.url, model: '' }, { decoder, waitMs: 1, shape: unused, tokenize: unused }),
    );
  }
  return new ServerPool(clients);
}

function route(pool: ServerPool, text: string, options?: Parameters<ServerPool['analyze']>[4]): Promise<RoutingTrace> {
  return traceOf((sink) => pool.analyze(0, text, sink, new AbortController().signal, options));
}

const completions = ({ asked }: EngineServer): number => asked.filter(({ path }) => path === '/v1/completions').length;

it('texts go to the servers in turn', async () => {
  const pool = await poolOf(letters, letters);
  for (const text of ['abcdefgh', 'bcdefghi', 'cdefghij', 'defghijk']) await route(pool, text);
  expect(servers.map(completions)).toEqual([2, 2]);
});

it('a server that dies over a text loses nothing, and is left alone', async () => {
  const pool = await poolOf(
    (asked) => (asked.path === '/v1/completions' ? (response) => void response.destroy() : letters(asked)),
    letters,
  );
  const texts = ['abcdefgh', 'bcdefghi', 'cdefghij', 'defghijk'];
  const traces: RoutingTrace[] = [];
  for (const text of texts) traces.push(await route(pool, text));
  expect(traces.map(({ tokens }) => String.fromCharCode(...tokens.ids))).toEqual(texts);
  // The first text was asked of the dying one over a kept connection, and once more over a new one.
  expect(servers.map(completions)).toEqual([2, 4]);
});

it('what a server refuses is not asked of the others', async () => {
  const pool = await poolOf(
    (asked) => (asked.path === '/v1/completions' ? { status: 400, json: { message: 'too long' } } : letters(asked)),
    letters,
  );
  await expect(route(pool, 'abcdefgh')).rejects.toThrow('too long');
  expect(servers.map(completions)).toEqual([1, 0]);
});

it('a text that is being edited stays with one server as long as that is up', async () => {
  const pool = await poolOf(letters, letters);
  for (const text of ['abc', 'abcd', 'abcde']) await route(pool, text, { stays: true });
  expect(servers.map(completions)).toEqual([3, 0]);
  await servers[0]!.stop();
  expect((await route(pool, 'abcdef', { stays: true })).routed).toBe(6);
  expect(completions(servers[1]!)).toBe(1);
  servers.shift();
});

it('servers of different models are refused by name', async () => {
  const pool = await poolOf(letters, (asked) =>
    asked.path === '/v1/models' ? vllmIdentity(asked.path, '0.27.1', 2048, 'another') : letters(asked),
  );
  await route(pool, 'abcdefgh');
  await expect(route(pool, 'bcdefghi')).rejects.toThrow(
    /^The servers do not serve the same model: "demo" on .* has another name or other layers than "another" on /,
  );
});

it('servers that were all started anew with another model route the next text with that', async () => {
  let served = ['demo', 'demo'];
  const serving = (server: number) => (asked: Asked) =>
    asked.path === '/v1/models' ? vllmIdentity(asked.path, '0.27.1', 2048, served[server]) : letters(asked);
  const pool = await poolOf(serving(0), serving(1));
  const named = async (text: string): Promise<string> => (await route(pool, text)).origin.model.name;
  expect([await named('abcdefgh'), await named('bcdefghi')]).toEqual(['demo', 'demo']);
  served = ['another', 'another'];
  expect([await named('cdefghij'), await named('defghijk')]).toEqual(['another', 'another']);
  // One alone is refused.
  served = ['a third', 'another'];
  await expect(Promise.all([route(pool, 'efghijkl'), route(pool, 'fghijklm')])).rejects.toThrow(
    /^The servers do not serve the same model/,
  );
});

it('the model has the name that the first server says which can be reached', async () => {
  const pool = await poolOf(letters, (asked) =>
    asked.path === '/v1/models' ? vllmIdentity(asked.path, '0.27.1', 2048, 'another') : letters(asked),
  );
  const { signal } = new AbortController();
  expect(await pool.name(signal)).toBe('demo');
  await servers.shift()!.stop();
  expect(await new ServerPool(clients).name(signal)).toBe('another');
});

it('one sentence when all are gone', async () => {
  const pool = await poolOf(letters, letters);
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  await expect(route(pool, 'abcdefgh')).rejects.toThrow('the connection was refused');
});

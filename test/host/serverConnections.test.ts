/** API keys, which windows share. */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { traceOf } from '../../extension/client/textRouter.ts';
import { ServerConnections } from '../../extension/host/serverConnections.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { EngineServer, vllmIdentity, vllmReply, type Answer, type Asked } from '../support/engineServer.ts';
import { ROOT } from '../support/reference.ts';

const open: { stop?: () => Promise<void>; dispose?: () => void }[] = [];
afterEach(async () => {
  for (const part of open.splice(0)) {
    part.dispose?.();
    await part.stop?.();
  }
});

/** vLLM that takes one key, over a text of two tokens of a letter each. */
function locked({ path, headers }: Asked): Answer | undefined {
  if (headers.authorization !== 'Bearer second') return { status: 401, json: { error: 'Unauthorized' } };
  if (path === '/tokenize') return { json: { tokens: [5, 6], token_strs: ['a', 'b'] } };
  if (path === '/v1/completions') return { json: vllmReply([5, 6], { layers: 1, experts: 4, k: 1 }) };
  return vllmIdentity(path);
}

it('a new key is used in each window, whichever of them stored it', async () => {
  const server = await EngineServer.start(locked);
  open.push(server);
  const stored = new Map<string, string>();
  const secrets = {
    get: (name: string) => Promise.resolve(stored.get(name)),
    store: (name: string, value: string) => {
      stored.set(name, value);
      return Promise.resolve();
    },
    delete: (name: string) => {
      stored.delete(name);
      return Promise.resolve();
    },
  };
  const windows = [1, 2].map(
    () =>
      new ServerConnections({
        servers: { agreeToPlainHttp: () => Promise.resolve(true) },
        secrets,
        decoder: join(ROOT, 'dist/decoder.js'),
        local: {
          shape: () => Promise.reject(new Error('there is no folder')),
          tokenize: () => Promise.reject(new Error('there is no tokenizer')),
        },
      }),
  );
  open.push(...windows);
  const [here, there] = windows as [ServerConnections, ServerConnections];
  const { url } = server;
  const spec = { url, model: '' };
  const { signal } = new AbortController();
  const analyze = (of: ServerConnections): Promise<RoutingTrace> =>
    traceOf((sink) => of.analyze(spec, 1, 'ab', sink, signal, undefined));

  await here.keep(url, 'first');
  await expect(here.models(spec, signal)).rejects.toThrow('does not accept this one');
  await expect(analyze(here)).rejects.toThrow('does not accept this one');
  await there.keep(url, 'second');
  await here.keep(url, 'second');
  expect(await here.models(spec, signal)).toEqual(['demo']);
  expect([...(await analyze(here)).tokens.ids]).toEqual([5, 6]);
});

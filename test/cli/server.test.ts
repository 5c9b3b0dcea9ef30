/** `moescope --server` against an engine that answers with the routing that transformers computed for the demo model. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { EngineServer, npyBase64, vllmIdentity, type Answer, type Asked } from '../support/engineServer.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';
import { moescope, type Ran } from '../support/terminal.ts';

const SAMPLE = join(ROOT, 'media/samples/router.ts');
const MODEL = join(ROOT, 'media/demo-models/balanced');
/** Of the sample among the reference's inputs. */
const INPUT = 4;
const [LAYERS, K] = [6, 2];

let server: EngineServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const demo = await Reference.read(join(FIXTURES, 'demo/balanced'));

/** A vLLM that routes as transformers does. */
function reference({ path, body }: Asked): Answer | undefined {
  if (path !== '/v1/completions') return vllmIdentity(path);
  const ids = [...demo.get(`input_ids.${INPUT}`).data];
  expect(body['prompt']).toEqual(ids);
  const experts = ids.flatMap((_, t) =>
    Array.from({ length: LAYERS }, (__, l) => [
      ...demo.get(`topk_index.${INPUT}.${l}`).data.subarray(t * K, (t + 1) * K),
    ]).flat(),
  );
  const routed = npyBase64([ids.length, LAYERS, K], Uint8Array.from(experts));
  return { json: { choices: [{ prompt_token_ids: ids, token_ids: [0], routed_experts: routed }] } };
}

describe('moescope --server', () => {
  it('analyzes as on this machine, with the tokenizer of a local folder', async () => {
    server = await EngineServer.start(reference);
    const served = await moescope(['analyze', SAMPLE, '--server', server.url, '--model', MODEL, '--json', '-']);
    expect(served.stderr).toBe('');
    expect(served.code).toBe(0);
    const here = await moescope(['analyze', SAMPLE, '--model', MODEL, '--precision', 'float32', '--json', '-']);
    interface Trace {
      readonly tokens: { id: number; start: number; end: number }[];
      readonly layers: { layer: number; experts: number; k: number; chosen: number[][]; weight: (number | null)[][] }[];
    }
    const [there, local] = [served, here].map(({ stdout }) => JSON.parse(stdout) as Trace);
    const places = ({ tokens }: Trace): unknown => tokens.map(({ id, start, end }) => [id, start, end]);
    expect(places(there!)).toEqual(places(local!));
    expect(there!.layers.map(({ layer, experts, k, chosen }) => ({ layer, experts, k, chosen }))).toEqual(
      local!.layers.map(({ layer, experts, k, chosen }) => ({ layer, experts, k, chosen })),
    );
    expect(there!.layers[0]!.weight[0]).toEqual([null, null]);
  });

  it('agree shows what stays from this machine to the server', async () => {
    server = await EngineServer.start(reference);
    const { code, stdout } = await moescope([
      'agree',
      SAMPLE,
      '--server',
      server.url,
      '--model',
      MODEL,
      '--precision',
      'float32',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/float32 on cpu against vLLM 0\.27\.1 on .*: 100\.00 % of choices stay/);
    expect(stdout).not.toContain('NaN');
  });

  it('agree writes nothing to the terminal that would steer it, whatever the server says', async () => {
    server = await EngineServer.start((asked) =>
      asked.path === '/version' ? { json: { version: '0.27.1\u001b[2J' } } : reference(asked),
    );
    const local = ['--model', MODEL, '--precision', 'float32'];
    const { code, stdout } = await moescope(['agree', SAMPLE, '--server', server.url, ...local]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('against vLLM 0.27.1\\u{1b}[2J on ')]);
    expect(stdout).not.toContain('\u001b');
  });

  it('folder: several servers, one of which dies, come to the same as one', async () => {
    const experts = (ids: readonly number[]): Uint8Array =>
      Uint8Array.from(
        ids.flatMap((id) => Array.from({ length: LAYERS }, (_, l) => [(id + l) % 16, (id + l + 5) % 16]).flat()),
      );
    const routes = ({ path, body }: Asked): Answer | undefined => {
      const ids = body['prompt'] as number[];
      if (path !== '/v1/completions') return vllmIdentity(path);
      const routed_experts = npyBase64([ids.length, LAYERS, K], experts(ids));
      return { json: { choices: [{ prompt_token_ids: ids, token_ids: [0], routed_experts }] } };
    };
    server = await EngineServer.start(routes);
    let answered = 0;
    const dying = await EngineServer.start((asked) =>
      asked.path === '/v1/completions' && ++answered > 1 ? (response) => void response.destroy() : routes(asked),
    );
    const cache = mkdtempSync(join(tmpdir(), 'moescope-served-'));
    const folder = (urls: string): Promise<Ran> =>
      moescope(['folder', join(ROOT, 'media/samples'), '--server', urls, '--model', MODEL, '--json', '-'], {
        env: { XDG_CACHE_HOME: cache },
      });
    const one = await folder(server.url);
    const both = await folder(`${dying.url},${server.url}`);
    await dying.stop();
    rmSync(cache, { recursive: true });
    expect([one.code, both.code, both.stderr]).toEqual([0, 0, '']);
    const placeAndTime = /127\.0\.0\.1:\d+|"written":"[^"]+"/gu;
    expect(both.stdout.replaceAll(placeAndTime, '')).toBe(one.stdout.replaceAll(placeAndTime, ''));
    expect(answered).toBeGreaterThan(1);
  });

  it('folder: what a server of one model routed is not added to, nor shown for, another that it has by then', async () => {
    const texts = mkdtempSync(join(tmpdir(), 'moescope-models-'));
    for (const name of ['a.md', 'b.md', 'c.md']) writeFileSync(join(texts, name), `text of ${name}`);
    let [model, expert] = ['first', 0];
    server = await EngineServer.start(({ path, body }) => {
      if (path !== '/v1/completions') return vllmIdentity(path, '0.27.1', 2048, model);
      const ids = body['prompt'] as number[];
      const experts = ids.flatMap(() => Array.from({ length: LAYERS }, () => [expert, expert + 1]).flat());
      const routed_experts = npyBase64([ids.length, LAYERS, K], Uint8Array.from(experts));
      return { json: { choices: [{ prompt_token_ids: ids, token_ids: [0], routed_experts }] } };
    });
    const folder = (most: number): Promise<Ran> =>
      moescope(['folder', texts, '--server', server!.url, '--model', MODEL, '--max-files', String(most)], {
        env: { XDG_CACHE_HOME: texts },
      });
    const begun = await folder(2);
    [model, expert] = ['second', 5];
    const others = [await folder(3), await folder(3)];
    model = 'first';
    const back = await folder(3);
    rmSync(texts, { recursive: true });
    expect([begun, ...others, back].map(({ code, stderr }) => [code, stderr])).toEqual(Array(4).fill([0, '']));
    expect(begun.stdout).toMatch(/^first .*\n2 files routed/u);
    for (const { stdout } of others) expect(stdout).toMatch(/^second .*\n3 files routed/u);
    expect(others[0]!.stdout).not.toContain('in an earlier run');
    expect(others[1]!.stdout).toContain('3 of them in an earlier run');
    expect(back.stdout).toMatch(/^first .*\n3 files routed.* 2 of them in an earlier run/u);
  });

  it('folder: a file with ids beyond the experts, as under EPLB, is left out in a sentence, and the others go on', async () => {
    const texts = mkdtempSync(join(tmpdir(), 'moescope-eplb-'));
    for (const [name, text] of [
      ['a.md', 'one two three'],
      ['b.md', 'physical'],
      ['c.md', 'four five six'],
    ] as const) {
      writeFileSync(join(texts, name), text);
    }
    // The second text alone has one token, or few: told apart by what the others begin with.
    const first = new Set<number>();
    server = await EngineServer.start(({ path, body }) => {
      if (path !== '/v1/completions') return vllmIdentity(path);
      const ids = body['prompt'] as number[];
      first.add(ids[0]!);
      const beyond = first.size === 2 ? 17 : 0;
      const experts = ids.flatMap(() => Array.from({ length: LAYERS }, () => [beyond, 1]).flat());
      const routed_experts = npyBase64([ids.length, LAYERS, K], Uint8Array.from(experts));
      return { json: { choices: [{ prompt_token_ids: ids, token_ids: [0], routed_experts }] } };
    });
    const { code, stdout, stderr } = await moescope(
      ['folder', texts, '--server', server.url, '--model', MODEL, '--concurrency', '1'],
      { env: { XDG_CACHE_HOME: texts } },
    );
    rmSync(texts, { recursive: true });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('2 files routed');
    expect(stdout).toMatch(/^[abc]\.md: Its experts are physical ids .*EPLB.*\.$/mu);
    expect(stdout).not.toMatch(/RangeError|internal|other layers/u);
  });

  it('record: several servers are recorded, one that fails is a sentence, and the sum of what they counted opens', async () => {
    const dumps = mkdtempSync(join(tmpdir(), 'moescope-record-'));
    let written = 0;
    const sglang = ({ path }: Asked): Answer | undefined => {
      if (path === '/dump_expert_distribution_record') {
        const dump = join(dumps, `expert_distribution_recorder_${++written}.5.pt`);
        copyFileSync(join(FIXTURES, 'recordings/sglang-stat.pt'), dump);
      }
      return path.endsWith('_expert_distribution_record') ? { json: '' } : undefined;
    };
    server = await EngineServer.start(sglang);
    const others = [await EngineServer.start(sglang), await EngineServer.start(() => undefined)];
    const urls = [server, ...others].map(({ url }) => url).join(',');
    const record = (what: string): Promise<Ran> =>
      moescope(['record', what, '--server', urls, '--plain-http'], {
        env: { SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR: dumps },
      });
    const [started, stopped] = [await record('start'), await record('stop')];
    for (const { code, stderr } of [started, stopped]) {
      expect([code, stderr]).toEqual([2, expect.stringMatching(/^moescope: .*no recorder of expert loads.*\n$/u)]);
    }
    expect(started.stdout.match(/counts what it routes/gu)).toHaveLength(2);
    expect(started.stdout).toContain('keeps the last 1,000 passes');
    expect(started.stdout).toMatch(/^Until: moescope record stop --server \S+ --plain-http$/mu);
    const command = /moescope (report .*)$/mu.exec(stopped.stdout)![1]!.split(' ');
    const opened = await moescope(command);
    await Promise.all(others.map((other) => other.stop()));
    rmSync(dumps, { recursive: true });
    // 28 slots each, at two layers.
    expect([opened.code, opened.stdout]).toEqual([0, expect.stringContaining('2 layers with experts, 56 slots')]);
    expect(opened.stdout).toContain('The sum of 2 files.');
  });

  it('exit code 1 says that the server cannot be reached, 2 that it does not fit', async () => {
    server = await EngineServer.start(({ path }) => vllmIdentity(path, '0.19.0'));
    const { url } = server;
    const old = await moescope(['analyze', SAMPLE, '--server', url]);
    expect([old.code, old.stderr]).toEqual([2, expect.stringContaining('0.21 is the first that returns routing')]);
    await server.stop();
    const gone = await moescope(['analyze', SAMPLE, '--server', url]);
    expect([gone.code, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/^moescope: .*the connection was refused\.\n$/),
    ]);
  });

  it('sends nothing readable to another machine unless that is asked for', async () => {
    const { code, stderr } = await moescope(['analyze', SAMPLE, '--server', 'http://192.0.2.1:8000']);
    expect(code).toBe(2);
    expect(stderr).toContain('--plain-http');
  });

  it('takes the key from the environment, and goes through the proxy that is named there', async () => {
    server = await EngineServer.start(() => undefined);
    const { stderr } = await moescope(
      ['analyze', SAMPLE, '--server', 'http://192.0.2.1:8000', '--plain-http', '--timeout', '5'],
      { env: { MOESCOPE_API_KEY: 'secret', HTTP_PROXY: 'http://127.0.0.1:9' } },
    );
    expect(stderr).toContain('the proxy cannot be reached');
    const odd = await moescope(['analyze', SAMPLE, '--server', 'http://192.0.2.1:8000', '--plain-http'], {
      env: {
        HTTP_PROXY: 'http://me:50%off@127.0.0.1:9',
      },
    });
    expect([odd.code, odd.stderr]).toEqual([2, expect.stringMatching(/^moescope: The proxy .* is no http address/u)]);
    expect(odd.stderr).not.toContain('50%off');
    const asked = await moescope(['analyze', SAMPLE, '--server', server.url], { env: { MOESCOPE_API_KEY: 'secret' } });
    expect(asked.code).toBe(2);
    expect(server.asked[0]!.headers.authorization).toBe('Bearer secret');
    expect(asked.stderr + asked.stdout).not.toContain('secret');
  });
});

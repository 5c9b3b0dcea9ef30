/** Texts routed by a serving engine: one that answers with what the reference implementation computed. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Tokenizer } from '../../extension/engine/tokenizer.ts';
import { EngineServer, npyBase64, vllmIdentity, type Answer, type Asked } from '../support/engineServer.ts';
import { ROOT } from '../support/reference.ts';
import type { Workbench } from './driver.ts';
import { Expected } from './expected.ts';
import { withWorkbench } from './withWorkbench.ts';

const [LAYERS, EXPERTS, K] = [6, 16, 2];
/** Tinted at first: the middle one of six. */
const LAYER = 3;
const KEY = 'a-secret-key';

/** The sample over and over: a text of some 10,000 tokens, all of whose routing is one answer. */
const LONG = readFileSync(join(ROOT, 'media/samples/router.ts'), 'utf8').repeat(54);

let workbench: Workbench;
let expected: Expected;
let tokenizer: Tokenizer;
let server: EngineServer;
const folder = mkdtempSync(join(tmpdir(), 'moescope-server-'));
cpSync(join(ROOT, 'media/samples/router.ts'), join(folder, 'router.ts'));
writeFileSync(join(folder, 'long.txt'), LONG);
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({ folder }),
);
beforeAll(async () => {
  expected = await Expected.of('router.ts');
  tokenizer = await Tokenizer.open(join(ROOT, 'media/demo-models/balanced'), 8192);
  server = await EngineServer.start((asked) => answer(asked, tokenizer));

  /** The sample as the reference routes it, and any other text somehow. */
  function routed(ids: readonly number[]): Uint8Array {
    const sample = ids.length === expected.tokens && ids.every((id, t) => id === expected.id(t));
    return Uint8Array.from(
      ids.flatMap((id, t) =>
        Array.from({ length: LAYERS }, (_, l) => (sample ? expected.experts(t, l) : somehow(id))).flat(),
      ),
    );
  }

  function answer({ path, body, headers }: Asked, of: Tokenizer): Answer | undefined {
    if (headers.authorization !== `Bearer ${KEY}`) return { status: 401, json: {} };
    const { prompt } = body;
    if (path === '/v1/completions' && Array.isArray(prompt)) {
      const ids = prompt as number[];
      const experts = npyBase64([ids.length, LAYERS, K], routed(ids));
      const logProbs = ids.map((id, t) => (t === 0 ? null : { [id]: { logprob: -1, rank: 1, decoded_token: '' } }));
      const choice = { prompt_token_ids: ids, token_ids: [0], prompt_logprobs: logProbs, routed_experts: experts };
      return { json: { model: 'demo', choices: [choice] } };
    }
    if (path === '/tokenize') {
      return (response) => {
        void of.encode(String(prompt)).then(({ ids, start, end }) => {
          // Of texts in ASCII alone: letters are bytes.
          const spell = (t: number): string =>
            String(prompt).slice(start[t], end[t]).replaceAll(' ', 'Ġ').replaceAll('\n', 'Ċ');
          response.end(JSON.stringify({ tokens: [...ids], token_strs: [...ids.keys()].map(spell) }));
        });
      };
    }
    return vllmIdentity(path, '0.27.1', 32_768);
  }
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

function somehow(id: number): [number, number] {
  return [id % EXPERTS, (id + 1) % EXPERTS];
}

async function answerInput(text: string): Promise<void> {
  const input = workbench.page.locator('.quick-input-widget input').first();
  await input.fill(text);
  await input.press('Enter');
}

test('an address that is none is refused where it is typed', async () => {
  await workbench.runCommand('MoEScope: Use a Server');
  const input = workbench.page.locator('.quick-input-widget');
  await input.locator('input').first().fill('ftp://somewhere');
  await expect.poll(() => input.innerText()).toContain('over http or https');
  await workbench.screenshot('server-address');
});

test('a server is tried before it counts: without its key it does not', async () => {
  await answerInput(server.url);
  await expect.poll(() => workbench.page.locator('.quick-input-widget').innerText()).toContain('API key');
  await answerInput('');
  await workbench.pick('No Local Folder');
  await expect.poll(() => workbench.problems()).toEqual([expect.stringContaining('wants an API key')]);
  await workbench.dismissNotifications();
});

test('with its key it is used, and what it tells is said', async () => {
  await workbench.runCommand('MoEScope: Use a Server');
  await answerInput(server.url);
  await expect.poll(() => workbench.page.locator('.quick-input-widget').innerText()).toContain('API key');
  await answerInput(KEY);
  await workbench.pick('No Local Folder');
  expect(await workbench.notification('demo on vLLM')).toContain('The engine returns no weights.');
  await workbench.dismissNotifications();
});

test('the analysis tints every token as on this machine', async () => {
  const wanted = expected.stretches((token) => expected.experts(token, LAYER)[0]);
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect
    .poll(async () => (await workbench.decorations()).map((d) => d.text))
    .toEqual(wanted.map((stretch) => stretch.text));
  await expect.poll(() => workbench.statusText()).toContain('demo · vLLM 0.27.1');
});

test('the hover names the experts, and says that weights are unknown', async () => {
  const text = await workbench.hoverText('route');
  await workbench.screenshot('server-hover');
  const token = expected.tokenIn('route');
  expect(text).toContain('weights unknown');
  const rows = [...text.matchAll(/L(\d)\s+[^E]*E(\d+)[^E\d]*E(\d+)/g)].map(([, l, a, b]) => [
    Number(l),
    Number(a),
    Number(b),
  ]);
  expect(rows).toEqual(Array.from({ length: LAYERS }, (_, l) => [l, ...expected.experts(token, l)]));
  expect(text).not.toContain('NaN');
  await workbench.pointAway();
});

test('the load view counts as on this machine', async () => {
  const view = await workbench.webview('moe-load-bars li');
  const numbers = await view.locator('moe-load-bars li .number').allInnerTexts();
  expect(numbers.map((text) => parseFloat(text))).toEqual(
    expected.shares(LAYER).map((share) => Number((100 * share).toFixed(1))),
  );
});

test('the side panel and the map say that weights are unknown', async () => {
  const panel = await workbench.webview('moe-load-bars li');
  await expect.poll(() => panel.locator('p.cursor').innerText()).toContain('weights unknown');
  const map = await workbench.webview('moe-routing-grid');
  expect(await map.locator('.choices .legend').innerText()).toContain('whose weights are unknown');
});

test('Live follows what is typed, and figures never go away meanwhile', async () => {
  await workbench.runCommand('View: Focus First Editor Group');
  await workbench.runCommand('MoEScope: Start Live Routing');
  const view = await workbench.webview('moe-load-bars li');
  await view.evaluate(() => {
    const seen = document.body.dataset;
    new MutationObserver(() => {
      const numbers = [...document.querySelectorAll('moe-load-bars li .number')];
      if (numbers.every(({ textContent }) => !/\d/u.test(textContent))) seen['empty'] = 'yes';
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await workbench.cursorTo(1, 1);
  await workbench.typeText('x');
  const more = expected.tokens + 1;
  await expect.poll(() => view.locator('header').innerText()).toContain(`${more} tokens`);
  await workbench.page.keyboard.press('ControlOrMeta+Z');
  await expect.poll(() => view.locator('header').innerText()).toContain(`${expected.tokens} tokens`);
  expect(await view.evaluate(() => document.body.dataset['empty'])).toBeUndefined();
  await workbench.runCommand('MoEScope: Stop Live Routing');
});

test('a text of 10,000 tokens, in one answer, is routed as a whole, and the editor goes on', async () => {
  const { ids } = await tokenizer.encode(LONG);
  expect(ids.length).toBeGreaterThan(10_000);
  const counts = new Array<number>(EXPERTS).fill(0);
  for (const id of ids) for (const expert of somehow(id)) counts[expert]! += 1;
  await workbench.open('long.txt');
  await workbench.runCommand('MoEScope: Analyze Routing');
  const view = await workbench.webview('moe-load-bars li');
  await expect
    .poll(
      async () => (await view.locator('moe-load-bars li .number').allInnerTexts()).map((text) => parseFloat(text)),
      { timeout: 30_000 },
    )
    .toEqual(counts.map((count) => Number(((100 * count) / (2 * ids.length)).toFixed(1))));
  expect(
    server.asked.filter(({ body }) => Array.isArray(body['prompt']) && body['prompt'].length > 10_000),
  ).toHaveLength(1);
  await workbench.screenshot('server-long');
  await workbench.cursorTo(2, 1);
  await workbench.typeText('x');
  await expect.poll(() => workbench.statusText()).toContain('edited since');
  await workbench.page.keyboard.press('ControlOrMeta+Z');
  await expect.poll(() => workbench.statusText()).not.toContain('edited since');
  await workbench.open('router.ts');
});

test('a server that is gone is one sentence, and the text keeps its routing', async () => {
  await server.stop();
  await workbench.runCommand('View: Focus First Editor Group');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(() => workbench.problems()).toEqual([expect.stringContaining('the connection was refused')]);
  await expect.poll(async () => (await workbench.decorations()).length).toBeGreaterThan(0);
  await workbench.dismissNotifications();
});

test('This Machine brings the local model back', async () => {
  await workbench.runCommand('MoEScope: Use a Server');
  await workbench.pick('This Machine');
  await expect.poll(() => workbench.statusText(), { timeout: 60_000 }).toContain('balanced');
});

test('the key is in no log', () => {
  expect(workbench.log()).not.toContain(KEY);
});

/** What a user of the model page relies on, in Chromium. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ModelPageState } from '../../extension/protocol/webview.ts';
import { launchBrowser } from '../support/browser.ts';
import { inspectionOf, type InspectionOptions } from '../support/inspection.ts';
import { openView, type View, type ViewOptions } from './harness.ts';

const GB = 1e9;
let browser: Browser;
let view: View;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());
afterEach(async () => {
  expect(view.complaints).toEqual([]);
  await view.page.close();
});

function state(options: Partial<InspectionOptions> = {}, change: Partial<ModelPageState> = {}): ModelPageState {
  const needed = { float32: 60 * GB, float16: 30 * GB, int8: 20 * GB, int4: 10 * GB };
  return {
    model: inspectionOf({ needed, free: 24 * GB, ...options }),
    wanted: { precision: 'auto', provider: 'auto' },
    ...change,
  };
}

async function open(page: ModelPageState, tensors = 0, options: ViewOptions = { width: 800 }): Promise<string> {
  view = await openView(browser, 'model', options);
  await view.showModel(page, tensors);
  return view.page.locator('main').innerText();
}

const sent = async (type: string) => (await view.received()).filter((message) => message.type === type);

test('says what the model is', async () => {
  const text = await open(state({ skipped: [{ what: 'vision tower', tensors: 1, bytes: 2.5e9 }] }));
  expect(await view.page.getByRole('heading', { level: 1 }).innerText()).toBe('lite');
  expect(text).toContain('DeepseekV2ForCausalLM, as in DeepSeek-V2 and Lite');
  expect(text).toMatch(/Experts a layer\s+64\s+top-6 \+ shared/);
  expect(text).toMatch(/Layers\s+4\s+3 MoE/);
  expect(text).toContain('vision tower: 1 tensor, 2.5 GB');
  expect(text).toContain('p = softmax(Wx)');
  expect(text).toMatch(/dense in 0\s+MoE in 1–3\s+Latent attention in all layers/);
  expect(await view.page.getByRole('link', { name: 'arXiv 2405.04434' }).getAttribute('href')).toBe(
    'https://arxiv.org/abs/2405.04434',
  );
  expect(await view.page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual([
    ...['Router', 'Layers', 'Memory', 'Files', 'Tensors', 'Config'],
  ]);
});

test.each([
  [640, [4, 3]],
  [800, [4, 3]],
  [1000, [7]],
])('the figures stand in even rows at %i pixels', async (width, wanted) => {
  await open(state(), 0, { width });
  const tops = await view.page
    .locator('.figures > div')
    .evaluateAll((tiles) => tiles.map((tile) => tile.getBoundingClientRect().top));
  expect([...new Set(tops)].map((top) => tops.filter((other) => other === top).length)).toEqual(wanted);
});

describe('memory', () => {
  test.each(['dark', 'light', 'highContrast', 'highContrastLight'] as const)(
    'its parts have colours that differ, %s',
    async (theme) => {
      await open(state(), 0, { width: 800, theme });
      const colors = await view.page.locator('.parts .swatch').evaluateAll((swatches) => {
        const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
        return swatches.map((swatch) => {
          context.clearRect(0, 0, 1, 1);
          context.fillStyle = getComputedStyle(swatch).backgroundColor;
          context.fillRect(0, 0, 1, 1);
          return [...context.getImageData(0, 0, 1, 1).data];
        });
      });
      expect(colors).toHaveLength(8);
      const distances = colors.flatMap((a, i) =>
        colors.slice(0, i).map((b) => Math.hypot(...a.map((channel, at) => channel - b[at]!))),
      );
      // A theme's orange and yellow may be 26 apart, which nobody tells apart in a legend.
      expect(Math.min(...distances)).toBeGreaterThan(50);
    },
  );

  test('shows the share of the weights that a token uses, and why this precision', async () => {
    const page = state();
    const text = await open(page);
    const int8 = page.model.precisions.find(({ precision }) => precision === 'int8')!;
    const share = ((100 * int8.active) / int8.total).toFixed(1);
    expect(text).toContain(`one token uses`);
    expect(text).toContain(`${share}\u202f%`);
    expect(text).toContain('Runs in int8, the most exact that fits into the 24 GB that are free');
  });

  test('says so when nothing fits, and when the settings ask for too much', async () => {
    expect(await open(state({ free: 5 * GB }))).toContain('no precision fits into the 5 GB that are free');
    await view.page.close();
    const wanted = { precision: 'float32', provider: 'cpu' } as const;
    const ran = { precision: 'int8', provider: 'cpu' };
    expect(await open(state({}, { wanted, ran }))).toContain(
      'The settings ask for float32, which does not fit into the 24 GB that are free. It ran last in int8 on the CPU.',
    );
    await view.page.close();
    const half = { precision: 'float16', provider: 'auto' } as const;
    expect(await open(state({ free: 90 * GB }, { wanted: half }))).toContain(
      'The settings ask for float16, which only graphics cards compute in: choose webgpu with it.',
    );
    await view.page.getByRole('button', { name: 'Change in the settings' }).click();
    expect(await sent('command')).toEqual([{ type: 'command', command: 'openSettings' }]);
  });

  test('says why it ran where it did', async () => {
    const ran = { precision: 'int8', provider: 'cpu' };
    expect(await open(state({}, { ran }))).toContain('It ran last in int8 on the CPU: nothing else here can run it.');
    await view.page.close();
    const note = 'On the CPU: webgpu chooses other experts each time it runs the same text.';
    expect(await open(state({}, { ran: { ...ran, note } }))).toContain(`It ran last in int8 on the CPU. ${note}`);
  });

  test('draws bars to scale, and has them as a table', async () => {
    await open(state());
    const widths = await view.page
      .locator('.memory .row')
      .evaluateAll((rows) =>
        rows.map((row) =>
          [...row.querySelectorAll('.track > span:not(.limit)')].reduce(
            (sum, s) => sum + s.getBoundingClientRect().width,
            0,
          ),
        ),
      );
    const { precisions } = state().model;
    for (const [i, width] of widths.entries()) {
      expect(width / widths[0]!).toBeCloseTo(precisions[i]!.total / precisions[0]!.total, 2);
    }
    await view.page.getByText('In numbers').click();
    const table = view.page.getByRole('table').first();
    expect(await table.getByRole('columnheader').allInnerTexts()).toEqual([
      ...['parameters', 'float32', 'float16 (GPU)', 'int8 ✓', 'int4'],
    ]);
    expect(await table.getByRole('row', { name: 'memory to run' }).innerText()).toContain('60 GB');
  });
});

describe('tensors', () => {
  test('come by the page, and by what is searched for', async () => {
    await open(state(), 450);
    const rows = view.page.locator('tbody tr', { hasText: 'down_proj' });
    expect(await rows.count()).toBe(200);
    expect(await view.page.locator('main').innerText()).toContain('250 not shown');
    await view.page.getByRole('button', { name: 'Show More' }).click();
    await view.settle();
    expect(await rows.count()).toBe(400);
    await view.page.getByRole('textbox').fill('F8');
    await view.settle();
    expect(await rows.count()).toBe(Math.ceil(450 / 7));
    expect(await view.page.getByRole('status').innerText()).toBe('65 tensors');
    expect((await sent('tensors')).at(-1)).toMatchObject({ search: 'F8', from: 0 });
  });
});

test('a model that cannot be read is said to be so, with a way on', async () => {
  view = await openView(browser, 'model', { width: 800 });
  await view.page.evaluate(() => {
    window.fakeHost.failModel('broken', 'There is no config.json in /models/broken.');
  });
  await view.settle();
  expect(await view.page.getByRole('alert').innerText()).toBe('There is no config.json in /models/broken.');
  await view.page.getByRole('button', { name: 'Choose Model…' }).click();
  expect(await sent('command')).toEqual([{ type: 'command', command: 'chooseModel' }]);
});

test.each([
  [300, 4],
  [300, 94],
  [300, 1000],
  [1200, 94],
])('%i pixels wide, with %i layers, nothing is wider than the page', async (width, count) => {
  const layers = Array.from({ length: count }, () => ({ mixer: 'attention', network: 'moe', router: 0 }) as const);
  await open(state({ layers }), 450, { width });
  const strip = view.page.locator('.strip:not(.key)');
  expect(await strip.evaluate((e) => e.scrollWidth <= e.clientWidth)).toBe(true);
  const over = await view.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(over).toBeLessThanOrEqual(0);
});

test('of an endless config as much is shown as anybody reads', async () => {
  const text = await open(state({ config: { tokens: 'x'.repeat(1e6) } }));
  expect(text.length).toBeLessThan(110_000);
  expect(text).toMatch(/… and [\d,]+ more characters/);
});

test('of an ONNX model it says what was found in the graph', async () => {
  const candidate = {
    id: 'a',
    rule: 'topk',
    pattern: 'MatMul → Softmax → TopK',
    scoring: 'softmax',
    layers: [0, 1].map((layer) => ({ layer, experts: 8, k: 2, node: `/model/layers.${layer}/mlp/TopK` })),
  } as const;
  view = await openView(browser, 'model', { width: 800 });
  await view.page.evaluate(
    (finding) => {
      window.fakeHost.showForeign('export', finding);
    },
    { file: '/models/export/model.onnx', version: '1', producer: 'pytorch 2.13', candidates: [candidate] } as const,
  );
  await view.settle();
  const text = await view.page.locator('main').innerText();
  expect(text).toContain('ONNX model, written by pytorch 2.13');
  expect(text).toContain('2 layers × 8 experts, top-2');
  expect(text).toContain('MatMul → Softmax → TopK');
  expect(await view.page.getByRole('row').last().innerText()).toMatch(/1\s+8\s+2\s+\/model\/layers\.1\/mlp\/TopK/);
});

test('the page comes back scrolled to its end, though its tensors come later than the rest', async () => {
  const options = { width: 800, height: 500 };
  await open(state(), 300, options);
  const end = await view.page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  await view.page.close();
  view = await openView(browser, 'model', options);
  await view.page.evaluate((scrollTop) => {
    window.fakeHost.api.setState({ scrollTop });
  }, end);
  await view.showModel(state(), 300);
  await expect.poll(() => view.page.evaluate(() => document.scrollingElement!.scrollTop)).toBe(end);
});

test('the tensors of a model that is read anew are asked for anew; why they cannot be listed is said', async () => {
  await open(state(), 5);
  await view.forgetReceived();
  await view.showModel(state(), 5);
  const [asked] = await sent('tensors');
  expect(asked).toMatchObject({ from: 0 });
  await view.page.evaluate(
    (message) => {
      window.fakeHost.sendRaw(message);
    },
    { type: 'tensorsFailed', query: asked && 'query' in asked ? asked.query : 0, message: 'The folder is gone.' },
  );
  await view.settle();
  expect(await view.page.getByRole('alert').innerText()).toBe('The folder is gone.');
  await view.page.evaluate((name) => {
    window.fakeHost.sendRaw({ type: 'reading', name });
  }, state().model.name);
  await view.settle();
  expect(await view.page.getByRole('alert').count()).toBe(0);
});

/** What a user of the load view relies on, in Chromium, with the reference routing of router.ts. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expertColor, magnitudeColor } from '../../extension/analysis/palette.ts';
import { bundlePath } from '../../extension/tools/l10n.mjs';
import { readJson } from '../../extension/tools/project.mjs';
import { launchBrowser } from '../support/browser.ts';
import { demoTrace } from './demoTrace.ts';
import { afterLoss, openView, toDensity, type View, type ViewOptions } from './harness.ts';
import { syntheticTrace } from './syntheticTrace.ts';

const demo = demoTrace('balanced', 'router.ts');
const huge = { tokens: 500, layers: 58, experts: 256, k: 8 };
let browser: Browser;
let view: View;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function open(options: ViewOptions = {}): Promise<void> {
  view = await openView(browser, 'load', options);
}

afterEach(async () => {
  expect(view.complaints).toEqual([]);
  await view.page.close();
});

const bar = (expert: number) => view.page.locator(`[data-expert="${expert}"]`);
const sent = async (type: string) => (await view.received()).filter((message) => message.type === type);

describe('before anything is analyzed', () => {
  test('says what it is and offers to start', async () => {
    await open();
    expect(await view.page.locator('.empty p').count()).toBe(2);
    await view.page.getByText('Analyze Routing').click();
    await view.page.getByText('Open Sample').click();
    expect(await sent('command')).toEqual([
      { type: 'command', command: 'analyze' },
      { type: 'command', command: 'openSample' },
    ]);
  });
});

describe('with routing', () => {
  test('shows model, figures and load of the chosen layer', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const text = await view.page.locator('main').innerText();
    expect(text).toMatch(/balanced\n+6 layers × 16 experts, top-2\s*· float32\s*· CPU\n/);
    expect(text).toMatch(/Hottest[^]*E10 17.8\u202f%[^]*2.8× even/);
    expect(text).toMatch(/Under 5\u202f%[^]*9[^]*of 16 experts/);
    const name = await bar(10).getAttribute('aria-label');
    expect(name).toBe('E10, 17.8\u202f% of load, 2.8× the even share');
  });

  test.each([150, 300])('says at %i pixels which text the figures are of, however long its name', async (width) => {
    await open({ width });
    const title = view.page.getByRole('heading', { level: 1 });
    for (const document of ['router.ts', `a-name-that-is-longer-than-${'any-panel-'.repeat(10)}is-wide.txt`]) {
      await view.show(demo, { layer: 3, document });
      expect((await title.innerText()).replace(/\s+/gu, ' ')).toBe(`${document} · 194 tokens`);
      for (const part of [view.page.getByTitle(document), title.getByText('194 tokens')]) {
        const { x, width: wide, height } = (await part.boundingBox())!;
        expect(wide).toBeGreaterThan(50);
        expect(height).toBeLessThan(25);
        expect(x + wide).toBeLessThanOrEqual(width);
      }
    }
  });

  test.each(['en', 'zh-cn'])(
    'breaks its shape after the experts, not within the name of the router, in %s',
    async (language) => {
      const spoken =
        language === 'en' ? {} : { translations: readJson(bundlePath(language)) as Record<string, string> };
      await open({ width: 200, ...spoken });
      await view.show(demo, { layer: 3 });
      const router = view.page.locator('header .whole', { hasText: 'top-2' });
      expect(await router.innerText()).toMatch(/^top-2\s·$/);
      expect((await router.boundingBox())!.height).toBeLessThan(25);
    },
  );

  test('begins each line of its head at the same edge, also of a model with a long name, and counts in the singular', async () => {
    await open();
    const one = syntheticTrace({ tokens: 1, layers: 1, experts: 8, k: 2 });
    const { origin } = one.trace;
    const name = 'meta-llama/Llama-4-Maverick-17B-128E-Instruct';
    const trace = { ...one.trace, origin: { ...origin, model: { ...origin.model, name } } };
    await view.show({ ...one, trace });
    const head = view.page.locator('header .about');
    expect((await head.innerText()).replace(/\s+/gu, ' ')).toBe(
      `router.ts · 1 token ${name} 1 layer × 8 experts, top-2 · bfloat16 · CPU`,
    );
    const starts = await head.evaluate((element) => {
      const range = document.createRange();
      range.selectNodeContents(element);
      const lines = new Map<number, number>();
      for (const { left, top } of range.getClientRects())
        lines.set(Math.round(top), Math.min(left, lines.get(Math.round(top)) ?? Infinity));
      return [...lines.values()].map((left) => Math.round(left));
    });
    expect(new Set(starts)).toEqual(new Set([16]));
  });

  test('a layer is chosen by click and by arrow key', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.page.getByRole('radio', { name: 'L5' }).click();
    expect(await sent('chooseLayer')).toEqual([{ type: 'chooseLayer', layer: 5 }]);
    await view.settle();
    expect(await view.page.getByRole('radio', { checked: true }).innerText()).toBe('L5');
    await view.page.keyboard.press('ArrowRight');
    expect((await sent('chooseLayer')).at(-1)).toEqual({ type: 'chooseLayer', layer: 0 });
  });

  test('a tint is chosen, and the legend says what its colours mean', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.page.getByRole('combobox', { name: 'Tint' }).click();
    await view.page.getByRole('option', { name: 'Entropy' }).click();
    await view.settle();
    expect(await sent('chooseTint')).toEqual([{ type: 'chooseTint', tint: 'entropy' }]);
    expect(await view.page.locator('.legend').innerText()).toMatch(/0 decided[^]*2.77 nats, no preference/);
  });

  test('pointing at a bar previews its expert, leaving ends that, a click pins it, another lets go', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await bar(10).hover();
    await view.settle();
    expect(await view.page.locator('summary', { hasText: 'Load by expert' }).innerText()).toContain('69 slots');
    await bar(10).click();
    await view.settle();
    await view.page.mouse.move(5, 5);
    await view.settle();
    expect(await bar(10).getAttribute('aria-selected')).toBe('true');
    await bar(10).click();
    await view.settle();
    expect(await sent('highlight')).toEqual([
      { type: 'highlight', expert: { layer: 3, expert: 10 }, preview: true },
      { type: 'highlight', expert: { layer: 3, expert: 10 }, preview: false },
      { type: 'highlight', preview: true },
      { type: 'highlight', expert: { layer: 3, expert: 10 }, preview: true },
      { type: 'highlight', preview: false },
    ]);
  });

  test('bars are reached and pinned by keyboard', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await bar(0).focus();
    await view.page.keyboard.press('ArrowDown');
    await view.page.keyboard.press('ArrowDown');
    await view.page.keyboard.press('Enter');
    await view.settle();
    expect((await sent('highlight')).at(-1)).toEqual({
      type: 'highlight',
      expert: { layer: 3, expert: 2 },
      preview: false,
    });
    await view.page.keyboard.press('Escape');
    expect((await sent('highlight')).at(-1)).toEqual({ type: 'highlight', preview: false });
  });

  test('the heat map comes back when the system has lost what was on the canvas', async () => {
    await open({ scale: 2 });
    await view.show(demo, { layer: 3 });
    const { before, after } = await afterLoss(view, 'moe-heat-map canvas');
    expect(after === before).toBe(true);
  });

  test('the heat map is drawn anew for a screen of another pixel density', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const density = () =>
      view.page
        .locator('moe-heat-map canvas')
        .evaluate((canvas: HTMLCanvasElement) => canvas.width / canvas.clientWidth);
    expect(await density()).toBe(1);
    for (const [taller, to] of [2, 1.5, 1].entries()) {
      // Chromium tells no page of a density that it emulates alone.
      await toDensity(view, to, taller + 1);
      expect(await density()).toBeCloseTo(to, 2);
    }
  });

  test.each([101, 102])('the heat map shows expert %i of 512 although each has less than a pixel', async (expert) => {
    const { trace, text } = syntheticTrace({ tokens: 50, layers: 1, experts: 512, k: 1 });
    const [layer] = trace.layers;
    await open();
    await view.show({ text, trace: { ...trace, layers: [{ ...layer!, chosen: layer!.chosen.fill(expert) }] } });
    const heat = view.page.locator('moe-heat-map canvas');
    const { width } = (await heat.boundingBox())!;
    // Cells begin behind 30 pixels of labels.
    const x = 30 + Math.floor((expert * (width - 30)) / 512);
    const color = await heat.evaluate((canvas: HTMLCanvasElement, at) => {
      return Array.from(canvas.getContext('2d')!.getImageData(at, 8, 1, 1).data.slice(0, 3));
    }, x);
    expect(color).toEqual([1, 3, 5].map((at) => parseInt(magnitudeColor(1, 'dark').slice(at, at + 2), 16)));
    await heat.hover({ position: { x: x + 0.5, y: 8 } });
    await view.settle();
    expect(await sent('highlight')).toEqual([{ type: 'highlight', expert: { layer: 0, expert }, preview: true }]);
  });

  test('the heat map is read and pinned by keyboard', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const heat = view.page.getByRole('grid');
    await heat.focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', ...Array<string>(10).fill('ArrowRight')]) {
      await view.page.keyboard.press(key);
    }
    await view.settle();
    const active = await heat.getAttribute('aria-activedescendant');
    expect(await view.page.locator(`#${active}`).innerText()).toBe(
      'L3, expert 10: 17.8\u202f% of load, 2.8× the even share',
    );
    await view.page.keyboard.press(' ');
    expect((await sent('highlight')).at(-1)).toEqual({
      type: 'highlight',
      expert: { layer: 3, expert: 10 },
      preview: false,
    });
  });

  test('the token at the cursor is shown with its experts, and they are marked', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.cursor(55);
    expect(await view.page.locator('.cursor').innerText()).toMatch(/:\s*E13\s*0.96\s*E12\s*0.04/);
    expect(await bar(13).getAttribute('aria-label')).toContain('chosen for the cursor’s token');
    expect(await bar(10).getAttribute('aria-label')).not.toContain('cursor');
    await view.cursor(undefined);
    expect(await view.page.locator('.cursor').innerText()).toBe('No token at the cursor');
  });

  test('what the model adds to what it wrote comes by itself, and what it writes anew takes its place', async () => {
    await open();
    await view.show(demo, { layer: 0 });
    const token = (text: string, expert: number) => ({
      ...{ text, milliseconds: 1, logProb: -1, layers: [{ experts: [expert], weights: [1] }] },
    });
    const rest = { model: 'demo', moeLayers: [{ layer: 0, experts: 8, k: 1, candidates: 2 }], done: false };
    const shown = () => view.page.locator('.written code').allInnerTexts();
    await view.written({ ...rest, tokens: [token('one', 1), token('two', 2)] });
    await view.written({ ...rest, tokens: [token('three', 1)] }, 2);
    expect(await shown()).toEqual(['one', 'two', 'three']);
    expect(await view.page.locator('main').innerText()).toContain('Experts touched: 2 of 8 at L0');
    await view.written({ ...rest, tokens: [token('other', 5)] });
    expect(await shown()).toEqual(['other']);
  });

  test('a continuation that ended before its first token is not waited for', async () => {
    await open();
    await view.show(demo, { layer: 0 });
    const rest = { model: '', tokens: [], moeLayers: [] };
    const told = () => view.page.locator('main').innerText();
    await view.written({ ...rest, done: false });
    expect(await told()).toContain('No token yet');
    await view.written({ ...rest, done: true });
    expect(await told()).not.toContain('No token yet');
  });

  test.each([
    [
      'what another model wrote than the one whose routing is shown',
      'Written by',
      { model: 'another <b>' },
      'another <b>',
    ],
    ['what is written in another text than that', 'Written in', { document: 'other <b>.md' }, 'other <b>.md'],
  ])('%s names it', async (_, said, other, name) => {
    await open();
    await view.show(demo, { layer: 0 });
    const own = {
      model: demo.trace.origin.model.name,
      tokens: [{ text: 'one', milliseconds: 1, logProb: -1, layers: [{ experts: [1], weights: [1] }] }],
      moeLayers: [{ layer: 0, experts: 8, k: 1, candidates: 2 }],
      done: true,
    };
    const told = () => view.page.locator('main').innerText();
    await view.written(own);
    expect(await told()).not.toContain(said);
    await view.written({ ...own, ...other });
    expect(await told()).toContain(`${said} ${name}.`);
  });

  test('what the model writes is listed, with latency, experts and how many of them were touched', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const shape = { k: 2, candidates: 4 };
    await view.written({
      model: 'demo',
      done: true,
      moeLayers: [
        { layer: 0, experts: 8, ...shape },
        { layer: 2, experts: 8, ...shape },
      ],
      tokens: [
        [
          '<b>',
          9.25,
          [
            [1, 2],
            [3, 4],
          ],
        ],
        [
          '',
          2.5,
          [
            [1, 2],
            [3, 5],
          ],
        ],
        [
          '\u202e',
          2.25,
          [
            [1, 2],
            [5, 4],
          ],
        ],
      ].map(([text, milliseconds, layers]) => ({
        ...{ text: text as string, milliseconds: milliseconds as number, logProb: -1 },
        layers: (layers as number[][]).map((experts) => ({ experts, weights: [0.75, 0.25] })),
      })),
    });
    const rows = await view.page.locator('.written li').allInnerTexts();
    expect(rows.map((row) => row.replace(/\s+/gu, ' '))).toEqual([
      '<b> 9.3 ms E3 0.75 E4 0.25',
      '… 2.5 ms E3 0.75 E5 0.25',
      expect.stringMatching(/2\.3 ms E5 0\.75 E4 0\.25$/),
    ]);
    const text = (await view.page.locator('main').innerText()).replace(/\s+/gu, ' ');
    expect(text).toContain('3 tokens · 2.5 ms each');
    // 3, 4 and 5 of this layer; 1 and 2 of the other.
    expect(text).toContain('Experts touched: 3 of 8 at L2, 5 of 16 in all');
    expect(await view.violations()).toEqual([]);
  });

  test.each([
    { width: 284, k: 2, lines: 1 },
    { width: 220, k: 2, lines: 2 },
    { width: 300, k: 8, lines: 4 },
    { width: 150, k: 2, lines: 3 },
  ])('what the model writes stands in columns at $width pixels, $k experts each', async ({ width, k, lines }) => {
    await open({ width });
    await view.show(demo, { layer: 0 });
    const moeLayers = [{ layer: 0, experts: 64, k, candidates: k }];
    const layers = [{ experts: [14, 15, 1, 2, 3, 4, 5, 6].slice(0, k), weights: Array<number>(k).fill(0.125) }];
    const tokens = [',', ' return', ' internationalization'].map((text) => ({
      ...{ text, milliseconds: 15.3, logProb: -1, layers },
    }));
    await view.written({ model: 'demo', done: true, moeLayers, tokens });
    const boxes = (of: string) =>
      view.page.locator(of).evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON() as DOMRect));
    const rows = await boxes('.written li');
    expect(rows.map(({ height }) => height / 18)).toEqual([lines, lines, lines]);
    const times = await boxes('.written .number');
    expect(new Set(times.map(({ left }) => left)).size).toBe(1);
    const names = await boxes('.written code');
    expect(names[1]!.width).toBeGreaterThan(20);
    names.forEach(({ right }, i) => {
      expect(right).toBeLessThanOrEqual(times[i]!.left);
    });
    for (const { right } of await boxes('.written .expert')) expect(right).toBeLessThanOrEqual(rows[0]!.right);
  });

  test('colours follow the theme', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const color = () => bar(3).evaluate((element) => element.style.getPropertyValue('--color').trim());
    expect(await color()).toBe(expertColor(3, 'vivid', 'dark'));
    await view.page.evaluate(() => {
      document.body.className = 'vscode-light';
    });
    await view.settle();
    expect(await color()).toBe(expertColor(3, 'vivid', 'light'));
  });

  test('entropies that the source of the routing does not tell are called unknown, and draw no empty chart', async () => {
    await open();
    const unknown = new Float32Array(demo.trace.tokens.ids.length).fill(NaN);
    const layers = demo.trace.layers.map((layer) => ({ ...layer, entropy: unknown, margin: unknown }));
    const { origin } = demo.trace;
    const trace = {
      ...demo.trace,
      layers,
      origin: { ...origin, model: { ...origin.model, weightless: true as const } },
    };
    await view.show({ ...demo, trace }, { layer: 3, tint: 'entropy' });
    expect(await view.page.locator('.legend').innerText()).toContain('came without entropy and margin');
    expect(await view.page.locator('details', { hasText: 'Depth' }).innerText()).toContain('came without entropy');
    expect(await view.page.locator('.depth').count()).toBe(0);
    expect(await view.page.locator('.figures > div', { hasText: 'Mean entropy' }).innerText()).toMatch(/–\s*$/);
  });

  test('in Chinese, too, bars are named as they are labelled; a long continuation is scrolled by keyboard', async () => {
    const translations = readJson(bundlePath('zh-cn')) as Record<string, string>;
    await open({ translations });
    await view.show(demo, { layer: 3 });
    const [shape] = demo.trace.layers;
    const moeLayers = [{ layer: 0, experts: shape!.experts, k: shape!.k, candidates: shape!.candidates }];
    const layers = [{ experts: [1, 2], weights: [0.7, 0.3] }];
    const tokens = Array.from({ length: 40 }, () => ({ text: 'a', milliseconds: 1, logProb: -1, layers }));
    await view.written({ model: 'balanced', done: true, moeLayers, tokens });
    expect(await view.violations()).toEqual([]);
    const list = view.page.locator('.written');
    await list.focus();
    await view.page.keyboard.press('End');
    await expect.poll(() => list.evaluate(({ scrollTop }) => scrollTop)).toBeGreaterThan(0);
  });

  test('folded sections are kept', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.page.locator('summary', { hasText: 'Depth' }).click();
    await view.settle();
    expect(await view.page.evaluate(() => window.fakeHost.api.getState())).toMatchObject({ folded: ['depth'] });
  });

  test('the page comes back scrolled to where it was, and follows the user from there', async () => {
    await open({ height: 500 });
    await view.page.evaluate(() => {
      window.fakeHost.api.setState({ scrollTop: 300 });
    });
    await view.show(demo, { layer: 3 });
    const scrollTop = () => view.page.evaluate(() => document.scrollingElement!.scrollTop);
    expect(await scrollTop()).toBe(300);
    await view.page.mouse.move(150, 250);
    await view.page.mouse.wheel(0, -200);
    const kept = () => view.page.evaluate(() => window.fakeHost.api.getState());
    await expect.poll(kept).toMatchObject({ scrollTop: 100 });
    await view.show(demo, { layer: 2 });
    expect(await scrollTop()).toBe(100);
  });
});

describe('another text, whose model is smaller', () => {
  const large = { tokens: 50, layers: 48, experts: 128, k: 8 };
  const aside = (title: string) => view.page.locator('summary', { hasText: title }).innerText();

  test('has its own figures while the pointer rests on a layer that it does not have', async () => {
    await open();
    await view.showSynthetic(large, { layer: 3 });
    const heat = view.page.locator('moe-heat-map canvas');
    // Rows are five pixels high, below four of margin; the first layer is L3.
    await heat.hover({ position: { x: 100, y: 4 + 20 * 5 + 2 } });
    await view.settle();
    expect(await aside('All layers')).toMatch(/L23 E\d+ ·/);
    await view.show(demo, { layer: 3 });
    expect(await aside('All layers')).not.toContain('L23');
    expect(await bar(10).getAttribute('aria-label')).toBe('E10, 17.8\u202f% of load, 2.8× the even share');
  });

  test('has a heat map in which the keyboard stands on a cell, and goes on from there', async () => {
    await open();
    await view.showSynthetic(large, { layer: 3 });
    const heat = view.page.getByRole('grid');
    await heat.focus();
    for (const key of [...Array<string>(20).fill('ArrowDown'), 'End']) await view.page.keyboard.press(key);
    await view.settle();
    await view.show(demo, { layer: 3 });
    expect(await view.page.locator('#heat-cell').innerText()).toMatch(/^L5, expert 15: /);
    await view.page.keyboard.press('Home');
    await view.page.keyboard.press('End');
    await view.settle();
    expect(await aside('All layers')).toMatch(/L5 E15 · \d/);
  });

  test('has bars that Tab stops at', async () => {
    await open();
    await view.showSynthetic(large, { layer: 3 });
    await bar(100).focus();
    await view.show(demo, { layer: 3 });
    const stops = view.page.locator('.bars [tabindex="0"]');
    expect(await stops.evaluateAll((bars) => bars.map((element) => element.dataset['expert']))).toEqual(['15']);
  });
});

describe('what is not current is said to be so', () => {
  test('a run shows how far it is and can be cancelled', async () => {
    await open();
    await view.show(demo, { layer: 3, running: { label: 'Routing 64 of 194 tokens', fraction: 0.33 } });
    expect(await view.page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('33');
    await view.page.getByText('Cancel').click();
    expect(await sent('command')).toEqual([{ type: 'command', command: 'cancel' }]);
  });

  test('stale figures say from where on, and offer to analyze again', async () => {
    await open();
    await view.show(demo, { layer: 3, staleFrom: 120 });
    expect(await view.page.getByRole('status').innerText()).toContain('Stale from token 120 on.');
    await view.page.getByText('Analyze Again').click();
    expect(await sent('command')).toEqual([{ type: 'command', command: 'analyzeAgain' }]);
  });

  test('stale figures that routing follows by itself are not offered to be analyzed again', async () => {
    await open();
    await view.show(demo, { layer: 3, staleFrom: 120, following: true });
    expect(await view.page.getByRole('status').count()).toBe(0);
  });

  test('a stopped run says so in the host’s words', async () => {
    await open();
    await view.show(demo, { layer: 3, partial: 'Stopped after 160 of 194 tokens.' });
    expect(await view.page.getByRole('status').innerText()).toContain('Stopped after 160 of 194 tokens.');
  });
});

describe('layout', () => {
  test.each([220, 300, 640, 1200])('nothing sticks out at %i pixels, few experts or many', async (width) => {
    await open({ width });
    for (const show of [
      () => view.show(demo, { layer: 3, running: { label: 'Routing 64 of 194 tokens' } }),
      () => view.showSynthetic(huge, { layer: 17 }),
    ]) {
      await show();
      await view.cursor(3);
      const page = await view.page.evaluate(() => document.documentElement.scrollWidth);
      expect(page).toBeLessThanOrEqual(width);
    }
  });

  test.each([220, 260, 300, 360, 480, 640, 800, 1200])('the figures fill their rows at %i pixels', async (width) => {
    await open({ width });
    await view.show(demo, { layer: 3 });
    const tops = await view.page
      .locator('.figures > div')
      .evaluateAll((tiles) => tiles.map((tile) => tile.getBoundingClientRect().top));
    const rows = [...new Set(tops)].map((top) => tops.filter((other) => other === top).length);
    expect(new Set(rows).size).toBe(1);
    expect(rows.length).toBeLessThan(width < 260 ? 7 : 4);
  });

  test('each “?” is hit within 24 pixels', async () => {
    await open({ height: 1200 });
    await view.show(demo, { layer: 3, tint: 'load' });
    const asks = view.page.locator('.ask');
    expect(await asks.count()).toBe(10);
    for (const ask of await asks.all()) {
      const hit = await ask.evaluate((button) => {
        const { left, right, top, bottom } = button.getBoundingClientRect();
        const [x, y] = [(left + right) / 2, (top + bottom) / 2];
        const around = [-11, 11].flatMap((by) => [
          document.elementFromPoint(x + by, y),
          document.elementFromPoint(x, y + by),
        ]);
        return around.every((element) => button.contains(element));
      });
      expect(hit).toBe(true);
    }
  });

  test('a scale stands in one line at 300 pixels', async () => {
    await open();
    await view.show(demo, { layer: 3, tint: 'entropy' });
    expect((await view.page.locator('.legend').boundingBox())!.height).toBeLessThan(20);
  });

  test('256 experts are still a list to read, and each can be pinned', async () => {
    await open();
    await view.showSynthetic(huge, { layer: 17 });
    expect(await view.page.locator('.bars [role=option]').count()).toBe(256);
    await bar(200).click();
    expect((await sent('highlight')).at(-1)).toMatchObject({ expert: { layer: 17, expert: 200 }, preview: false });
  });

  test('forced colours leave the bars their own', async () => {
    await open({ forcedColors: true });
    await view.show(demo, { layer: 3 });
    const color = await bar(3)
      .locator('.fill')
      .evaluate((fill) => getComputedStyle(fill).backgroundColor);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(expertColor(3, 'vivid', 'dark').slice(at, at + 2), 16));
    expect(color).toBe(`rgb(${red}, ${green}, ${blue})`);
  });
});

test('a message that is not in the contract is named and changes nothing', async () => {
  await open();
  await view.show(demo, { layer: 3 });
  await view.page.evaluate(() => {
    window.fakeHost.sendRaw({ type: 'state', state: { layer: -1 } });
  });
  await view.settle();
  expect(view.complaints.splice(0).join()).toContain('Ignored a message');
  expect(await bar(10).isVisible()).toBe(true);
});

test('every control and chart has a name', async () => {
  await open();
  await view.show(demo, { layer: 3 });
  const snapshot = await view.page.locator('body').ariaSnapshot();
  expect(snapshot).toContain('radiogroup "Layer"');
  expect(snapshot).toContain('combobox "Tint"');
  expect(snapshot).toContain(
    'listbox "Load by expert at L3: most expert 10 with 17.8 %, least expert 8 with 0.0 %, even share 6.3 %."',
  );
  expect(snapshot).toContain('grid "Load of every expert at 6 layers, as a multiple of the even share"');
  expect(snapshot).toContain('img "Mean router entropy by layer, lowest 1.55 nats at L3, highest 1.80 nats at L5."');
  expect(snapshot).not.toMatch(/- (button|img|listbox|grid|combobox)(:|$)/m);
});

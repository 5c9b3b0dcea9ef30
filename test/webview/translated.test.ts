/** In another language nothing is left in English: each page is drawn with a translation that has no Latin letters. */
import { config } from '@vscode/l10n';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TINTS } from '../../extension/protocol/webview.ts';
import type { RouterFinding } from '../../extension/protocol/routers.ts';
import { sentences, sourceFiles } from '../../extension/tools/l10n.mjs';
import { root } from '../../extension/tools/project.mjs';
import { demoTrace } from './demoTrace.ts';
import { launch, openView, type View } from './harness.ts';

/** Every word of every sentence is 文; what stands for a value stays. */
const translations = Object.fromEntries(
  sentences(sourceFiles()).map((sentence) => [
    sentence,
    sentence.replace(/\{\d+\}|\p{L}+/gu, (part) => (part.startsWith('{') ? part : '文')),
  ]),
);
/** What the pages are told by the host, which speaks for itself. */
const told = '文文';

/** What is called the same in every language. */
const NAMES = [
  ...['balanced', 'router.ts', 'samples', 'config.json', 'tokenizer.json', 'MixtralForCausalLM', 'Mixtral'],
  ...['float32', 'float16', 'int8', 'int4', 'BF16', 'F8_E4M3', 'F32', 'CPU', 'cpu', 'GPU', 'MoE', 'MaxVio', 'top-'],
  ...['kB', 'MB', 'GB', 'ms', 'CSV', 'JSON', 'SVG', 'PNG', 'arXiv', 'fused', 'softmax', 'Softmax → TopK', '/router/TopK'],
];
const TENSOR = /model(\.\w+)*|model-\d+-of-\d+\.safetensors/g;

const demo = demoTrace('balanced', 'router.ts');
let browser: Browser;
let view: View;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());
afterEach(() => view.page.close());

async function open(name: Parameters<typeof openView>[1]): Promise<void> {
  view = await openView(browser, name, { translations, width: 1000 });
}

/** Opens everything that opens on demand. */
async function openAll(): Promise<void> {
  await view.page.evaluate(() => {
    const closed = 'button[aria-expanded=false], details:not([open]) > summary';
    for (const element of document.querySelectorAll<HTMLElement>(closed)) element.click();
  });
  await view.settle();
}

/** What the page shows and tells screen readers that has an English word. Tokens, formulas and configs are no sentences. */
async function english(): Promise<string[]> {
  const said = await view.page.evaluate(() => {
    const attributes = ['aria-label', 'aria-roledescription', 'aria-valuetext', 'title', 'placeholder'];
    const elements = [...document.body.querySelectorAll('*')].filter(
      (element) => !element.closest('script, style, code, pre, .formula, [role=rowheader]'),
    );
    return elements.flatMap((element) => [
      ...attributes.map((name) => element.getAttribute(name) ?? ''),
      ...[...element.childNodes].map((node) => (node.nodeType === Node.TEXT_NODE ? (node.textContent ?? '') : '')),
    ]);
  });
  const rest = (text: string): string =>
    NAMES.reduce((without, name) => without.replaceAll(name, ''), text.replace(TENSOR, ''));
  return [...new Set(said.map((text) => text.trim()))].filter((text) => /[a-z]{2}/i.test(rest(text)));
}

test.each(['load', 'map', 'model', 'report'] as const)('%s, before there is anything to show', async (name) => {
  await open(name);
  expect(await view.page.innerText('main')).toContain('文');
  expect(await english()).toEqual([]);
});

test.each(TINTS)('load, tinted by %s', async (tint) => {
  await open('load');
  await view.show(demo, { layer: 3, tint, highlight: { layer: 3, expert: 10 }, staleFrom: 100, partial: told });
  await view.cursor(55);
  await view.written({
    tokens: [{ text: 'a', milliseconds: 1.5, logProb: -1, layers: [{ experts: [1], weights: [1] }] }],
    moeLayers: demo.trace.layers,
    done: true,
  });
  await openAll();
  await view.page.locator('moe-heat-map').hover();
  expect(await english()).toEqual([]);
});

test('load, at work and without weights', async () => {
  await open('load');
  const { trace } = demo;
  const layers = trace.layers.map((layer) => ({ ...layer, weight: layer.weight.map(() => NaN) }));
  await view.show({ ...demo, trace: { ...trace, layers } }, { running: { label: told, fraction: 0.5 } });
  await view.cursor(55);
  expect(await english()).toEqual([]);
});

test.each(TINTS)('map, tinted by %s', async (tint) => {
  await open('map');
  await view.page.evaluate(() => {
    const painted: string[] = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
      painted.push(text);
      fillText.call(this, text, x, y);
    };
    Object.assign(window, { painted });
  });
  const trace = { ...demo.trace, windows: Uint32Array.of(0, 50) };
  await view.show({ ...demo, trace }, { layer: 3, tint, routed: 56 });
  await view.reveal(53, true);
  expect(await english()).toEqual([]);
  const painted = await view.page.evaluate(() => (window as unknown as { painted: string[] }).painted);
  expect(painted).toEqual(expect.arrayContaining(['文 文', '文 · 56']));
});

const finding: RouterFinding = {
  file: '/models/model.onnx',
  version: '1',
  producer: 'MoE',
  candidates: (['fused', 'topk', 'mixer', 'argmax'] as const).map((rule) => ({
    id: 'router.ts',
    rule,
    pattern: 'Softmax → TopK',
    scoring: 'softmax',
    layers: [{ layer: 0, experts: 8, k: 2, node: '/router/TopK' }],
  })) as unknown as RouterFinding['candidates'],
};

test('model', async () => {
  // Here and not above: it holds sentences as constants, and says them in the language that is set when it loads.
  config({ contents: translations });
  const { inspect } = await import('../../extension/inspector/inspect.ts');
  const model = await inspect(join(root, 'media/demo-models/balanced'));
  await open('model');
  await view.showModel({ model, wanted: { precision: 'auto', provider: 'auto' } }, 450);
  await openAll();
  expect(await english()).toEqual([]);
  await view.page.evaluate((found) => window.fakeHost.showForeign('balanced', found), finding);
  await view.settle();
  expect(await english()).toEqual([]);
});

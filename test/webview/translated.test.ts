/** Pages in another language: nothing that users read or hear is left in English. What sections say has tests of its own. */
import { config } from '@vscode/l10n';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { RouterCandidate, RouterFinding } from '../../extension/protocol/routers.ts';
import { TINTS } from '../../extension/protocol/webview.ts';
import { sentences, sourceFiles } from '../../extension/tools/l10n.mjs';
import { root } from '../../extension/tools/project.mjs';
import { inOtherLetters, plainWords } from '../support/otherLetters.ts';
import { launchBrowser } from '../support/browser.ts';
import { demoTrace } from './demoTrace.ts';
import { openView, type View } from './harness.ts';

const translations = Object.fromEntries(
  sentences(sourceFiles()).map((sentence) => [sentence, inOtherLetters(sentence)]),
);
/** What the host says in the language that it speaks itself. */
const told = inOtherLetters('Told');

/** Names and units are the same in every language. */
const NAMES = [
  ...['balanced', 'router', 'ts', 'samples', 'json', 'tokenizer', 'MixtralForCausalLM', 'Mixtral', 'arXiv'],
  ...[
    'float32',
    'float16',
    'int8',
    'int4',
    'F32',
    'BF16',
    'CPU',
    'cpu',
    'GPU',
    'MoE',
    'MaxVio',
    'CV',
    'top',
    'softmax',
  ],
  ...['kB', 'MB', 'GB', 'ms', 'CSV', 'JSON', 'SVG', 'PNG'],
];

const demo = demoTrace('balanced', 'router.ts');
let browser: Browser;
let view: View;
beforeAll(async () => {
  browser = await launchBrowser();
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

/** What the page shows or tells screen readers that has an English word, but for code: tokens, formulas, configs, tensors. */
async function english(): Promise<string[]> {
  const said = await view.page.evaluate(() => {
    const code = 'script, style, code, pre, .formula, [role=rowheader], tr:has([scope=row] + td + td + td + td)';
    const attributes = ['aria-label', 'aria-roledescription', 'aria-valuetext', 'title', 'placeholder'];
    const elements = [...document.body.querySelectorAll('*')].filter((element) => !element.closest(code));
    return elements.flatMap((element) => [
      ...attributes.map((name) => element.getAttribute(name) ?? ''),
      ...[...element.childNodes].map((node) => (node.nodeType === Node.TEXT_NODE ? (node.textContent ?? '') : '')),
    ]);
  });
  return said.filter((text) => plainWords(text, NAMES).length > 0);
}

test.each(['load', 'map', 'report'] as const)('%s, before there is anything to show', async (name) => {
  await open(name);
  await view.page.getByText(inOtherLetters('Analyze Routing')).waitFor();
  expect(await english()).toEqual([]);
});

test.each(TINTS)('load, tinted by %s', async (tint) => {
  await open('load');
  await view.show(demo, { layer: 3, tint, highlight: { layer: 3, expert: 10 }, staleFrom: 100, partial: told });
  await view.cursor(55);
  await view.written({
    tokens: [{ text: 'a', milliseconds: 1.5, logProb: -1, layers: [{ experts: [1], weights: [1] }] }],
    moeLayers: demo.trace.layers
      .slice(0, 1)
      .map(({ layer, experts, k, candidates }) => ({ layer, experts, k, candidates })),
    model: told,
    done: false,
  });
  await openAll();
  await view.page.locator('moe-heat-map').hover();
  expect(await english()).toEqual([]);
});

test('load, at work and without weights', async () => {
  await open('load');
  const layers = demo.trace.layers.map((layer) => ({ ...layer, weight: layer.weight.map(() => NaN) }));
  await view.show({ ...demo, trace: { ...demo.trace, layers } }, { running: { label: told, fraction: 0.5 } });
  await view.cursor(55);
  expect(await english()).toEqual([]);
});

test.each(TINTS)('map, tinted by %s', async (tint) => {
  await open('map');
  await view.page.evaluate(() => {
    const drawn: string[] = [];
    const { prototype } = CanvasRenderingContext2D;
    const { value } = Object.getOwnPropertyDescriptor(prototype, 'fillText') as { value: CanvasText['fillText'] };
    prototype.fillText = function (...text) {
      drawn.push(text[0]);
      value.apply(this, text);
    };
    Object.assign(window, { drawn });
  });
  const trace = { ...demo.trace, windows: Uint32Array.of(0, 50) };
  await view.show({ ...demo, trace }, { layer: 3, tint, routed: 56 });
  await view.reveal(53, true);
  expect(await english()).toEqual([]);
  const drawn = await view.page.evaluate(() => (window as unknown as { drawn: string[] }).drawn);
  expect(drawn).toEqual(expect.arrayContaining(['context restarts', 'pending · 56'].map(inOtherLetters)));
});

test('model', async () => {
  // Here and not above: it holds sentences as constants, in the language that is set when it loads.
  config({ contents: translations });
  const { inspect } = await import('../../extension/inspector/inspect.ts');
  const model = await inspect(join(root, 'media/demo-models/balanced'));
  await open('model');
  await view.showModel({ model, wanted: { precision: 'auto', provider: 'auto' } }, 450);
  await openAll();
  expect(await english()).toEqual([]);
  const skipped = [{ what: told, tensors: 1, bytes: 2 }];
  await view.showModel({
    model: { ...model, skipped, tokenizer: false },
    wanted: { precision: 'int4', provider: 'cpu' },
    ran: { precision: 'int8', provider: 'cpu' },
  });
  expect(await english()).toEqual([]);
});

test('model of an ONNX file', async () => {
  const candidate = (rule: RouterCandidate['rule']): RouterCandidate => ({
    ...{ id: 'router', rule, pattern: 'softmax', scoring: 'softmax' },
    layers: [{ layer: 0, experts: 8, k: 2, node: 'router' }],
  });
  const candidates: RouterFinding['candidates'] = [
    candidate('fused'),
    candidate('topk'),
    candidate('mixer'),
    candidate('argmax'),
  ];
  await open('model');
  await view.page.evaluate(
    (found) => {
      window.fakeHost.showForeign('balanced', found);
    },
    { file: 'balanced', version: '', producer: 'MoE', candidates },
  );
  await view.settle();
  expect(await english()).toEqual([]);
});

test('report', async () => {
  await open('report');
  await view.show(demo, { highlight: { layer: 0, expert: 3 } });
  await openAll();
  await view.page.getByRole('application').first().hover();
  expect(await english()).toEqual([]);
});

test('report that cannot be made', async () => {
  await open('report');
  await view.page.evaluate((message) => {
    window.fakeHost.holdSections = true;
    window.fakeHost.showReport();
    window.fakeHost.sendToReport({ type: 'failed', request: 1, message });
  }, told);
  await view.settle();
  expect(await english()).toEqual([]);
});

/**
 * Pictures of all views in all themes, widths and states, to be looked at: test/output/preview/*.png.
 * Run with the node of node_modules: node --experimental-transform-types test/webview/preview.ts [part of a name [language]]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { SECTIONS } from '../../extension/analysis/sections/all.ts';
import { inspect } from '../../extension/inspector/inspect.ts';
import type { Inspection } from '../../extension/protocol/model.ts';
import { bundlePath } from '../../extension/tools/l10n.mjs';
import { readJson } from '../../extension/tools/project.mjs';
import { launchBrowser } from '../support/browser.ts';
import { DEEPSEEK_V3, writeSparseCheckpoint } from '../support/sparseCheckpoint.ts';
import { charts } from './chartSamples.ts';
import { demoTrace } from './demoTrace.ts';
import { openView, type View, type ViewOptions } from './harness.ts';

const OUT = new URL('../output/preview/', import.meta.url);

interface Picture {
  readonly name: string;
  readonly view: 'load' | 'map' | 'model' | 'report';
  readonly options: ViewOptions;
  readonly prepare: (view: View) => Promise<void>;
}

const demo = demoTrace('balanced', 'router.ts');
const small = await inspect(fileURLToPath(new URL('../../media/demo-models/balanced', import.meta.url)));
const deepseek = await inspectSparse();
const auto = { precision: 'auto', provider: 'auto' } as const;

const huge = { tokens: 8000, layers: 58, experts: 256, k: 8 };

const pictures: readonly Picture[] = [
  ...(['dark', 'light', 'highContrast', 'highContrastLight'] as const).flatMap((theme): Picture[] => [
    {
      name: `load-300-${theme}`,
      view: 'load',
      options: { theme, width: 300, height: 860 },
      prepare: async (view) => {
        await view.show(demo, { layer: 3 });
        await view.cursor(55);
        await view.page.locator('.figures .ask').nth(4).click();
      },
    },
    {
      name: `map-720-${theme}`,
      view: 'map',
      options: { theme, width: 720, height: 860 },
      prepare: async (view) => {
        await view.show(demo, { layer: 3 });
        await view.reveal(53, true);
      },
    },
  ]),
  ...(['dark', 'light'] as const).flatMap((theme): Picture[] => [
    {
      name: `model-300-${theme}`,
      view: 'model',
      options: { theme, width: 300, height: 2300 },
      prepare: (view) => view.showModel({ model: deepseek, wanted: auto }, 90_428),
    },
    {
      name: `model-1200-${theme}`,
      view: 'model',
      options: { theme, width: 1200, height: 1900 },
      prepare: async (view) => {
        await view.showModel({ model: deepseek, wanted: auto }, 90_428);
        await view.page.locator('summary').click();
      },
    },
    {
      name: `model-720-${theme}-small`,
      view: 'model',
      options: { theme, width: 720, height: 1000 },
      prepare: (view) =>
        view.showModel({ model: small, wanted: auto, ran: { precision: 'float32', provider: 'cpu' } }, 332),
    },
  ]),
  {
    name: 'model-720-highContrast',
    view: 'model',
    options: { theme: 'highContrast', width: 720, height: 1000 },
    prepare: (view) => view.showModel({ model: deepseek, wanted: auto }, 90_428),
  },
  {
    name: 'load-1200-dark',
    view: 'load',
    options: { width: 1200, height: 640 },
    prepare: (view) => view.show(demo, { layer: 3, highlight: { layer: 3, expert: 10 } }),
  },
  {
    name: 'load-220-light-highlight',
    view: 'load',
    options: { theme: 'light', width: 220, height: 900 },
    prepare: (view) => view.show(demo, { layer: 3, tint: 'entropy', highlight: { layer: 3, expert: 10 } }),
  },
  { name: 'load-300-dark-empty', view: 'load', options: { height: 300 }, prepare: () => Promise.resolve() },
  {
    name: 'load-300-light-empty',
    view: 'load',
    options: { theme: 'light', height: 300 },
    prepare: () => Promise.resolve(),
  },
  {
    name: 'load-300-dark-running',
    view: 'load',
    options: { height: 400 },
    prepare: (view) => view.show(demo, { layer: 3, running: { label: 'Routing 64 of 194 tokens', fraction: 0.33 } }),
  },
  {
    name: 'load-300-dark-stale-partial',
    view: 'load',
    options: { height: 400 },
    prepare: (view) =>
      view.show(demo, {
        layer: 3,
        staleFrom: 120,
        partial: 'Stopped after 160 of 194 tokens. The figures cover those.',
      }),
  },
  ...(['dark', 'light'] as const).flatMap((theme): Picture[] => [
    {
      name: `load-300-${theme}-huge`,
      view: 'load',
      options: { theme, height: 900 },
      prepare: async (view) => {
        await view.showSynthetic(huge, { layer: 17, tint: 'load', highlight: { layer: 17, expert: 130 } });
        await view.cursor(3);
      },
    },
  ]),
  ...(['expert', 'entropy', 'surprise'] as const).map((tint): Picture => ({
    name: `map-1200-dark-huge-${tint}`,
    view: 'map',
    options: { width: 1200, height: 700 },
    prepare: async (view) => {
      await view.showSynthetic(huge, { layer: 17, tint });
      await view.reveal(4100, true);
      await view.settle();
    },
  })),
  {
    name: 'map-1200-light-highlight',
    view: 'map',
    options: { theme: 'light', width: 1200, height: 700 },
    prepare: async (view) => {
      await view.show(demo, { layer: 3, highlight: { layer: 3, expert: 10 } });
      await view.reveal(60, true);
      await view.page.mouse.move(500, 300);
    },
  },
  {
    name: 'map-720-light-highlight-stale',
    view: 'map',
    options: { theme: 'light', width: 720, height: 860 },
    prepare: async (view) => {
      await view.show(demo, { layer: 3, highlight: { layer: 3, expert: 10 }, staleFrom: 20, routed: 30 });
    },
  },
  {
    name: 'map-500-light-margin',
    view: 'map',
    options: { theme: 'light', width: 500, height: 700 },
    prepare: (view) => view.show(demo, { layer: 3, tint: 'margin' }),
  },
  ...(['dark', 'light', 'highContrast'] as const).flatMap((theme): Picture[] =>
    [300, 1200].flatMap((width): Picture[] => [
      {
        name: `report-${width}-${theme}`,
        view: 'report',
        options: { theme, width, height: width === 300 ? 1900 : 1300 },
        prepare: async (view) => {
          await view.show(demo, { highlight: { layer: 0, expert: 3 } });
          for (const part of [0, 1]) await view.page.locator('article').first().locator('.icon').nth(part).click();
        },
      },
      {
        name: `report-${width}-${theme}-charts`,
        view: 'report',
        options: { theme, width, height: width === 300 ? 3300 : 2500 },
        prepare: (view) => view.showReport([charts]),
      },
    ]),
  ),
  {
    name: 'report-1200-dark-huge',
    view: 'report',
    options: { width: 1200, height: 1300 },
    prepare: (view) => view.showSynthetic(huge, { highlight: { layer: 0, expert: 77 } }),
  },
  ...SECTIONS.flatMap(({ id: section }): Picture[] =>
    [300, 1200].map((width): Picture => ({
      name: `report-${width}-light-${section}`,
      view: 'report',
      options: { theme: 'light', width, height: 1900 },
      prepare: async (view) => {
        await view.show(demo);
        await view.page.evaluate((s) => {
          window.fakeHost.sendToReport({ type: 'reveal', section: s });
        }, section);
        await view.settle();
      },
    })),
  ),
  // At twice the size, a view has half its width; forced colours are a high contrast theme of the system's.
  ...(
    [
      [150, 'light'],
      [600, 'dark'],
      [300, 'forced'],
      [1200, 'forced'],
    ] as const
  ).flatMap(([width, look]): Picture[] => {
    const height = width < 600 ? 2200 : 1300;
    const drawn: ViewOptions =
      look === 'forced' ? { theme: 'highContrast', forcedColors: true } : { theme: look, scale: 2 };
    const options = { ...drawn, width, height };
    const marked = { layer: 3, highlight: { layer: 3, expert: 10 } };
    return [
      {
        name: `load-${width}-${look}-zoomed`,
        view: 'load',
        options,
        prepare: async (view) => {
          await view.show(demo, marked);
          await view.cursor(55);
          await view.page.getByRole('button', { name: 'What it means: MaxVio' }).click();
        },
      },
      {
        name: `map-${width}-${look}-zoomed`,
        view: 'map',
        options: { ...options, height: width < 600 ? 400 : 700 },
        prepare: async (view) => {
          await view.show(demo, marked);
          await view.reveal(53, true);
        },
      },
      {
        name: `model-${width}-${look}-zoomed`,
        view: 'model',
        options,
        prepare: (view) => view.showModel({ model: deepseek, wanted: auto }, 90_428),
      },
      {
        name: `report-${width}-${look}-zoomed`,
        view: 'report',
        options,
        prepare: (view) => view.showReport([charts]),
      },
    ];
  }),
  {
    name: 'report-1200-dark-empty',
    view: 'report',
    options: { width: 1200, height: 300 },
    prepare: () => Promise.resolve(),
  },
  {
    name: 'load-1200-dark-huge',
    view: 'load',
    options: { width: 1200, height: 700 },
    prepare: (view) => view.showSynthetic(huge, { layer: 17 }),
  },
];

/** A model of 671 billion parameters, of which there is nothing but headers. */
async function inspectSparse(): Promise<Inspection> {
  const folder = mkdtempSync(join(tmpdir(), 'moescope-preview-'));
  try {
    writeSparseCheckpoint(folder, DEEPSEEK_V3, 160, ['model.layers.61.shared_head.head.weight']);
    return { ...(await inspect(folder)), name: 'deepseek-ai/DeepSeek-V3', tokenizer: true };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function take(browser: Browser, picture: Picture): Promise<void> {
  const view = await openView(browser, picture.view, { ...picture.options, ...spoken });
  await picture.prepare(view);
  await view.settle();
  // Hiding the caret would add a style that the policy forbids.
  await view.page.screenshot({ path: new URL(`${picture.name}.png`, OUT).pathname, caret: 'initial' });
  for (const complaint of view.complaints) console.log(`${picture.name}: ${complaint}`);
  await view.page.close();
}

mkdirSync(OUT, { recursive: true });
const [wanted = '', language] = process.argv.slice(2);
const spoken = language === undefined ? {} : { translations: readJson(bundlePath(language)) as Record<string, string> };
const browser = await launchBrowser();
for (const picture of pictures.filter(({ name }) => name.includes(wanted))) {
  await take(browser, picture);
  console.log(picture.name);
}
await browser.close();

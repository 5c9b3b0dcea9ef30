/** The views keep nobody out: what axe-core checks, in every kind of theme. The report page's own tests do so in its states. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectionOf } from '../support/inspection.ts';
import { demoTrace } from './demoTrace.ts';
import { launch, openView, type View } from './harness.ts';

const demo = demoTrace('balanced', 'router.ts');
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const needed = { float32: 60e9, float16: 30e9, int8: 20e9, int4: 10e9 };
const model = inspectionOf({ needed, free: 24e9 });
const wanted = { precision: 'auto', provider: 'auto' } as const;

const show: Record<'load' | 'map' | 'model', (view: View) => Promise<void>> = {
  load: async (view) => {
    await view.show(demo, { layer: 3, highlight: { layer: 3, expert: 10 } });
    await view.cursor(55);
    for (const figure of ['MaxVio', 'All layers'])
      await view.page.getByRole('button', { name: `What it means: ${figure}` }).click();
  },
  map: async (view) => {
    await view.show(demo, { layer: 3 });
    await view.reveal(53, true);
  },
  model: (view) => view.showModel({ model, wanted }, 450),
};

const themes = ['dark', 'light', 'highContrast', 'highContrastLight'] as const;
test.each((['load', 'map', 'model'] as const).flatMap((name) => themes.map((theme) => [name, theme] as const)))(
  '%s, %s',
  async (name, theme) => {
    const view = await openView(browser, name, { theme, width: name === 'load' ? 300 : 900 });
    await show[name](view);
    expect(await view.violations()).toEqual([]);
    await view.page.close();
  },
);

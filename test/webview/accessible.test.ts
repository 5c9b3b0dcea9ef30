/** The views keep nobody out: what axe-core checks, in every kind of theme. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { openView } from './harness.ts';
import { SHOWN_PAGES } from './shownPages.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const themes = ['dark', 'light', 'highContrast', 'highContrastLight'] as const;
test.each(SHOWN_PAGES.flatMap((page) => themes.map((theme) => [page.name, theme, page] as const)))(
  '%s, %s',
  async (name, theme, { width, show }) => {
    const view = await openView(browser, name, { theme, width });
    await show(view);
    expect(await view.violations(theme === 'dark' ? undefined : 'colours')).toEqual([]);
    expect(view.complaints).toEqual([]);
    await view.page.close();
  },
);

/** Exported HTML as its readers open it: from a file, without a network, on screens of all widths and on paper. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportsHtml } from '../../extension/analysis/export/html.ts';
import { reportOf } from '../../extension/analysis/export/report.ts';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { launchBrowser } from '../support/browser.ts';
import { demoTrace } from './demoTrace.ts';
import { violationsOf } from './harness.ts';
import { syntheticTrace } from './syntheticTrace.ts';

const reports = ['router.ts', 'essay.md'].map((name) => {
  const { trace, text } = demoTrace('balanced', name);
  return reportOf(subjectOf(name, trace, text.join('')));
});
const { trace } = syntheticTrace({ tokens: 200, layers: 12, experts: 256, k: 8 });

const folder = mkdtempSync(join(tmpdir(), 'moescope-html-'));
const file = join(folder, 'reports.html');
const large = join(folder, 'large.html');
let browser: Browser;
beforeAll(async () => {
  writeFileSync(file, reportsHtml(reports, 'vivid'));
  writeFileSync(large, reportsHtml([reportOf(subjectOf('large', trace))], 'vivid'));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(
  path: string,
  width: number,
  colorScheme: 'light' | 'dark',
): Promise<{ page: Page; wrong: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const wrong: string[] = [];
  page.on('console', (message) => wrong.push(message.text()));
  page.on('request', (request) => {
    if (request.url() !== pathToFileURL(path).href) wrong.push(request.url());
  });
  await page.goto(pathToFileURL(path).href);
  return { page, wrong };
}

test.each([
  [360, 'dark', undefined],
  [1200, 'light', 'colours'],
] as const)('%i pixels wide, %s: opens without a complaint, and fits', async (width, scheme, of) => {
  const { page, wrong } = await open(file, width, scheme);
  expect(await page.getByRole('heading', { level: 1 }).allInnerTexts()).toEqual(['router.ts', 'essay.md']);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  // Text in charts is as large as it was drawn: nothing is shrunk until it cannot be read.
  const heights = await page
    .locator('figure svg:visible text')
    .evaluateAll((texts) => texts.map((t) => t.getBoundingClientRect().height));
  expect(Math.min(...heights)).toBeGreaterThan(10);
  const chart = page.getByRole('img', { name: /^Load by expert, L0/ }).first();
  expect(await chart.count()).toBe(1);
  await page.locator('summary:visible', { hasText: 'Table' }).first().click();
  expect(await page.getByRole('table').first().innerText()).toMatch(/^expert\s+slots\s+share/);
  expect(await violationsOf(page, of)).toEqual([]);
  expect(wrong).toEqual([]);
  await page.close();
});

test('paper is light and has what is on the page, without what only works on a screen', async () => {
  const { page } = await open(file, 700, 'dark');
  await page.emulateMedia({ media: 'print' });
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)');
  expect(await page.locator('summary:visible, nav:visible').count()).toBe(0);
  expect(await page.locator('figure:visible').count()).toBe(await page.locator('figure').count());
  await page.close();
});

test('a model of 256 experts opens', async () => {
  const { page, wrong } = await open(large, 1200, 'light');
  expect(await page.getByRole('img', { name: /^Load, all layers/ }).count()).toBe(1);
  expect(wrong).toEqual([]);
  await page.close();
});

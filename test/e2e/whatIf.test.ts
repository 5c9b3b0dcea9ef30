/** Changes in the model, measured from the load report. */
import type { Frame } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

let workbench: Workbench;
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({ settings: { 'moescope.precision': 'float32', 'moescope.provider': 'cpu' } }),
);

/** The report at a section, by its title. */
async function section(title: string): Promise<Frame> {
  return workbench.webview(`section[aria-label="${title}"]`);
}

test('a change is chosen and measured: its cost, what was counted beside it, and the tokens that lose', async () => {
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(() => workbench.statusText(), { timeout: 60_000 }).toContain('balanced');
  await workbench.runCommand('MoEScope: What If');
  const page = await section('What if');
  const lacking = page.locator('.lacking');
  await expect.poll(() => lacking.innerText(), { timeout: 60_000 }).toContain('Choose a change and measure');
  expect(await workbench.outlined()).toBe(0);
  await page.locator('vscode-button', { hasText: 'Measure' }).click();
  const verdict = page.locator('.verdict');
  await expect.poll(() => verdict.allInnerTexts(), { timeout: 60_000 }).not.toEqual([]);
  expect(await verdict.innerText()).toMatch(
    /^With capacity 1\.2, the latest dropped, a token of this text costs [+-]?\d\.\d{4} nats: .* slots are dropped in the run, where \d+ were counted/,
  );
  await expect.poll(() => workbench.outlined()).toBeGreaterThan(0);
  await workbench.screenshot('what-if');
});

test('the outlines say what they stand for, and go when they are cleared', async () => {
  const outlined = await workbench.outlined();
  expect(outlined).toBeGreaterThan(0);
  const page = await section('What if');
  await page.locator('vscode-button', { hasText: 'Clear Outlines' }).click();
  await expect.poll(() => workbench.outlined()).toBe(0);
  await page.locator('vscode-button', { hasText: 'Outline in the Editor' }).click();
  await expect.poll(() => workbench.outlined()).toBe(outlined);
  expect(await workbench.problems()).toEqual([]);
  expect(workbench.logErrors()).toEqual([]);
});

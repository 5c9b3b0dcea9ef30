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

/** Goes from one section to another by the page's list of sections. */
async function goTo(from: string, to: string): Promise<Frame> {
  const page = await section(from);
  const list = page.locator('vscode-dropdown[aria-label="Section"]');
  if (await list.isVisible()) {
    await list.click();
    await list.locator('vscode-option', { hasText: to }).click();
  } else {
    await page.locator('nav button', { hasText: to }).click();
  }
  return section(to);
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

test('outlines go when they are cleared, and come back', async () => {
  const outlined = await workbench.outlined();
  expect(outlined).toBeGreaterThan(0);
  const page = await section('What if');
  await page.locator('vscode-button', { hasText: 'Clear Outlines' }).click();
  await expect.poll(() => workbench.outlined()).toBe(0);
  await page.locator('vscode-button', { hasText: 'Outline in the Editor' }).click();
  await expect.poll(() => workbench.outlined()).toBe(outlined);
});

test('biases are fitted, and judged on the rest of the text', async () => {
  const page = await goTo('What if', 'Balance it');
  await page.locator('vscode-button', { hasText: 'Balance It' }).click();
  await expect.poll(() => page.locator('.verdict').allInnerTexts(), { timeout: 60_000 }).not.toEqual([]);
  expect(await page.locator('.verdict').innerText()).toMatch(
    /^Biases fitted on the first \d+ tokens bring MaxVio on the other \d+ from \d\.\d\d to \d\.\d\d, the mean of all layers\. The loss changes by /,
  );
  expect(await page.locator('vscode-button', { hasText: 'Save Biases' }).count()).toBe(1);
  await workbench.screenshot('balance-it');
});

test('each expert is taken away in turn, and ranked', async () => {
  const page = await goTo('Balance it', 'Which experts matter');
  await page.locator('vscode-button', { hasText: 'Take Each Away' }).click();
  await expect.poll(() => page.locator('.verdict').allInnerTexts(), { timeout: 90_000 }).not.toEqual([]);
  expect(await page.locator('.verdict').innerText()).toMatch(
    /^Without L\d E\d+ the text loses most: 0\.\d{4} nats a token\./,
  );
  await workbench.screenshot('which-experts-matter');
  expect(await workbench.problems()).toEqual([]);
  expect(workbench.logErrors()).toEqual([]);
});

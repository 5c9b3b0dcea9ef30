/** A window that is loaded anew: its tabs come back, whatever of the extension is loaded by then. */
import { expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

let workbench: Workbench;
withWorkbench((launched) => {
  workbench = launched;
});

test('the model page comes back with the window', async () => {
  await workbench.runCommand('MoEScope: Open Routing Map');
  await workbench.webview('body[data-entry="map"]');
  await workbench.runCommand('MoEScope: Open Load Report');
  await workbench.webview('body[data-entry="report"]');
  await workbench.runCommand('MoEScope: Show Model');
  await workbench.webview('.formula');
  await workbench.reload();
  const page = await workbench.webview('.formula');
  await expect.poll(() => page.locator('h1').innerText()).toBe('balanced');
  expect(await workbench.problems()).toEqual([]);
});

test('the report comes back, and is of what is routed then', async () => {
  await workbench.showTab('Load Report');
  const report = await workbench.webview('body[data-entry="report"]');
  await expect.poll(() => report.locator('body').innerText()).toContain('Analyze Routing');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await workbench.tinted();
  await workbench.webview('body[data-entry="map"]');
  // The one that came back, hidden by the report, is not doubled by the one that a first run opens.
  await expect.poll(() => workbench.page.locator('.tab[aria-label^="Routing Map"]').count()).toBe(1);
  await workbench.showTab('Load Report');
  const judged = await workbench.webview('.verdict');
  expect(await judged.locator('.verdict').innerText()).toContain('The hottest expert is E13 of L5');
  await workbench.screenshot('reloaded');
});

test('the map comes back', async () => {
  await workbench.showTab('Routing Map');
  const map = await workbench.webview('body[data-entry="map"]');
  await expect.poll(() => map.locator('body').innerText()).toContain('L5');
  expect(await workbench.problems()).toEqual([]);
  expect(workbench.logErrors()).toEqual([]);
});

/** The load report in a real VS Code: what it says, what pointing at it does, and the report as a file. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

let workbench: Workbench;
withWorkbench((launched) => {
  workbench = launched;
});

test('the report judges the load of the text; a click on a bar highlights the expert’s tokens', async () => {
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(async () => (await workbench.decorations()).length).toBeGreaterThan(10);
  const all = (await workbench.decorations()).length;
  await workbench.runCommand('MoEScope: Open Load Report');
  const report = await workbench.webview('.verdict');
  expect(await report.locator('.verdict').innerText()).toContain('The hottest expert is E13 of L5');
  const bars = report.getByRole('application', { name: /^Load by expert, L3/ });
  await bars.locator('svg').waitFor();
  await bars.focus();
  await bars.press('ArrowDown');
  await bars.press('ArrowDown');
  await bars.press('Enter');
  // Of 194 tokens those stand out that go to one expert of sixteen.
  await expect.poll(async () => (await workbench.decorations()).length).not.toBe(all);
  await workbench.screenshot('report');
  expect(await workbench.problems()).toEqual([]);
});

test('the report goes into an HTML file', async () => {
  await workbench.runCommand('MoEScope: Export Report');
  await expect.poll(() => workbench.offered()).toContain('HTML');
  await workbench.pick('HTML');
  await workbench.accept('router.ts-report.html');
  const file = join(workbench.folder, 'router.ts-report.html');
  await expect.poll(() => existsSync(file)).toBe(true);
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('</html>');
  expect(readFileSync(file, 'utf8')).toContain('The hottest expert is E13 of L5');
  expect(await workbench.notification('The report is in')).toContain('router.ts-report.html');
  expect(workbench.logErrors()).toEqual([]);
});

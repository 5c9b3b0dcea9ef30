/** The same text under both bundled models, by one command. */
import { expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

let workbench: Workbench;
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({ file: 'essay.md' }),
);

test('one command routes the text through both, and opens the report at the comparison', async () => {
  await workbench.runCommand('MoEScope: Compare Bundled Models');
  const report = await workbench.webview('#compare-test-title');
  const text = await report.locator('body').innerText();
  expect(text).toMatch(
    /takes \d\.\d× the even share with balanced, \d\.\d× with collapsed \(mean of layers\)\. Of the experts, [\d.]+.% are cold with balanced/u,
  );
  expect(text).toMatch(/more than chance \(p = 0\.0\d+\)/u);
  await workbench.screenshot('compare-bundled');
  expect(await workbench.problems()).toEqual([]);
  expect(workbench.logErrors()).toEqual([]);
});

test('an earlier version of a text is offered, and what an edit changes is compared with it', async () => {
  await workbench.runCommand('View: Focus First Editor Group');
  await workbench.runCommand('MoEScope: Keep Routing to Compare');
  await workbench.runCommand('View: Focus First Editor Group');
  await workbench.cursorTo(1, 1);
  await workbench.typeText('Experts, once more. ');
  await expect.poll(() => workbench.statusText()).toContain('edited since');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(() => workbench.statusText()).toMatch(/at L3(?!.*edited since)/u);
  await workbench.runCommand('MoEScope: Compare With');
  await expect.poll(() => workbench.offered()).toContain('essay.md, kept at');
  await workbench.pick('essay.md, kept at');
  const report = await workbench.webview('#compare-flips-title');
  expect(await report.locator('body').innerText()).toContain('Choices that stay, by layer');
  expect(await workbench.problems()).toEqual([]);
  expect(workbench.logErrors()).toEqual([]);
});

test('the recorded load of larger models is a sample, and can be compared', async () => {
  await workbench.runCommand('MoEScope: Open Sample');
  await workbench.pick('OLMoE-1B-7B and Mixtral-8x7B');
  const report = await workbench.webview('#load-by-expert-title');
  await expect.poll(() => report.locator('body').innerText()).toContain('OLMoE-1B-7B, 5 kinds of text');
  await workbench.screenshot('recorded-counts');
  await workbench.runCommand('MoEScope: Compare With');
  await workbench.pick('Mixtral-8x7B, 5 kinds of text');
  await expect.poll(() => report.locator('body').innerText()).toContain('× the even share with OLMoE-1B-7B, ');
  expect(await workbench.problems()).toEqual([]);
  expect(workbench.logErrors()).toEqual([]);
});

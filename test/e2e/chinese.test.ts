/** A window in Chinese: the extension speaks it wherever it says something, its child processes and pages included. */
import { expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

const MISSING = '/no/such/model';

let workbench: Workbench;
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({ locale: 'zh-cn', settings: { 'moescope.model': MISSING } }),
);

test('what the engine fails of is told in Chinese, with what to do', async () => {
  await workbench.runCommand('MoEScope: 分析路由');
  expect(await workbench.notification(MISSING)).toMatch(/不存在/u);
  await workbench.screenshot('chinese-error');
  await workbench.dismissNotifications();
});

test('a model is chosen in Chinese', async () => {
  await workbench.runCommand('MoEScope: 选择模型…');
  await expect.poll(() => workbench.offered()).toMatch(/balanced\s*内置；/u);
  await workbench.pick('balanced');
  await expect.poll(() => workbench.statusText()).toContain('balanced');
  await workbench.runCommand('MoEScope: 分析路由');
  await expect.poll(async () => (await workbench.decorations()).length).toBeGreaterThan(0);
});

test('the hover is Chinese', async () => {
  const text = await workbench.hoverText('route');
  await workbench.screenshot('chinese-hover');
  expect(text).toMatch(/词元 \d+ · id \d+ · 意外度 [\d.]+ nats · 概率/u);
  expect(text).toMatch(/权重\s+专家\s+熵\s+裕度/u);
  await workbench.pointAway();
});

test('the views are Chinese', async () => {
  const view = await workbench.webview('moe-load-bars li');
  expect(await view.locator('html').getAttribute('lang')).toBe('zh-cn');
  await workbench.screenshot('chinese');
  expect(await view.locator('body').innerText()).toMatch(/负载/u);
});

test('the extension host has logged no error but that of the model', () => {
  // VS Code's own extensions miss their translations, which its language packs would bring.
  const expected = [MISSING, 'No bundle location found for extension vscode.'];
  expect(workbench.logErrors().filter((line) => !expected.some((part) => line.includes(part)))).toEqual([]);
});

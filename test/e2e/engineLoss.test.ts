/** An engine that dies takes its run along and nothing else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

let workbench: Workbench;
withWorkbench((launched) => {
  workbench = launched;
});

test('a run whose engine is killed ends with a sentence', async () => {
  // Long enough to be under way for many seconds.
  const line = 'The router decides which expert sees a token, and both are trained together.\n';
  writeFileSync(join(workbench.folder, 'long.txt'), line.repeat(5000));
  await workbench.open('long.txt');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(() => workbench.statusText()).toMatch(/Routing .*\([1-9]\d* %\)/);
  workbench.killEngine();
  expect(await workbench.notification('The engine')).toMatch(/^The engine process ended unexpectedly.*\.$/);
  expect(await workbench.problems()).toHaveLength(1);
  await workbench.screenshot('engine-killed');
});

test('the next run works', async () => {
  await workbench.dismissNotifications();
  await workbench.open('router.ts');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(async () => (await workbench.decorations()).length).toBeGreaterThan(100);
  expect(await workbench.hoverText('const')).toContain('token');
  expect(await workbench.problems()).toEqual([]);
});

/** A folder that nobody trusts, with settings and a text that mean no good. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

const LINE = 'The router sends every token to two experts.\n';

const folder = mkdtempSync(join(tmpdir(), 'moescope-untrusted-'));
mkdirSync(join(folder, '.vscode'));
writeFileSync(
  join(folder, '.vscode/settings.json'),
  JSON.stringify({ 'moescope.model': '/no/such/model', 'moescope.precision': 'int4', 'moescope.live': true }),
);
writeFileSync(join(folder, 'short.txt'), LINE);
// Six million characters: more than is routed without a question.
writeFileSync(join(folder, 'huge.txt'), LINE.repeat(6e6 / LINE.length));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let workbench: Workbench;
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({
    folder,
    file: 'short.txt',
    trusted: false,
    settings: { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.untrustedFiles': 'open' },
  }),
);

test('the model of an untrusted folder’s settings is not looked at: the bundled one routes', async () => {
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(async () => (await workbench.decorations()).map((d) => d.text).join('')).toContain('router');
  await expect.poll(() => workbench.statusText()).toContain('balanced · float32');
  expect(await workbench.problems()).toEqual([]);
  await workbench.screenshot('restricted');
});

test('a very long text is asked about, and its visible part can be routed instead', async () => {
  await workbench.open('huge.txt');
  await workbench.runCommand('MoEScope: Analyze Routing');
  expect(await workbench.notification('million characters')).toContain('6 million characters');
  await workbench.screenshot('huge-question');
  await workbench.page.getByRole('button', { name: 'Analyze Visible Part' }).click();
  await expect.poll(async () => (await workbench.decorations()).map((d) => d.text).join('')).toContain('router');
  await workbench.screenshot('huge-visible');
  expect(workbench.logErrors()).toEqual([]);
});

/** Recorded routing opened in the editor, and in the load report. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FIXTURES } from '../support/reference.ts';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

let workbench: Workbench;
let folder: string;
withWorkbench((launched) => {
  workbench = launched;
});
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-traces-'));
  for (const name of ['vllm-0.27.1.json', 'sglang-stat.pt', 'harm.pt']) {
    cpSync(join(FIXTURES, 'recordings', name), join(folder, name));
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function openTrace(name: string): Promise<void> {
  await workbench.runCommand('MoEScope: Open Trace');
  const input = workbench.page.locator('.quick-input-widget input').first();
  await expect.poll(() => input.inputValue()).toContain('/');
  // While the dialog still looks its folder up, it forgets what is typed.
  await expect.poll(() => workbench.offered()).toContain('router.ts');
  await input.fill(join(folder, name));
  await expect.poll(() => workbench.offered()).toContain(name);
  await input.press('Enter');
}

test('an answer of vLLM opens as its text, with its routing', async () => {
  await openTrace('vllm-0.27.1.json');
  await expect.poll(() => workbench.statusText(), { timeout: 20_000 }).toContain('demo · unknown precision');
  const view = await workbench.webview('moe-load-bars li');
  // 15 of layer 3's slots are E10's: 16.3 %, as numpy counts them.
  await expect.poll(() => view.locator('moe-load-bars li .number').nth(10).innerText()).toMatch(/16\.3/);
  await workbench.screenshot('trace-text');
});

test('counts of SGLang open in the load report', async () => {
  await openTrace('sglang-stat.pt');
  const report = await workbench.webview('.verdict');
  // Layer 1 took 4, 8, 1 and 1 slots.
  await expect
    .poll(() => report.locator('.verdict').first().innerText())
    .toMatch(/E1 of L1, with 57\.1\s% of the load/);
  await workbench.screenshot('trace-counts');
});

test('a pickle that would run something is refused in one sentence', async () => {
  await openTrace('harm.pt');
  await expect.poll(() => workbench.problems()).toEqual([expect.stringContaining('nothing is run')]);
});

/** Which experts do which kind of text, over the files of a folder: from the command to the place in a file. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../support/reference.ts';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

const texts = mkdtempSync(join(tmpdir(), 'moescope-texts-'));
const sample = (name: string): string => readFileSync(join(ROOT, 'media/samples', name), 'utf8').repeat(3);
const [code, prose] = [sample('capacity.py'), sample('essay.md')];
mkdirSync(join(texts, 'left-out'));
for (let i = 0; i < 6; i++) {
  writeFileSync(join(texts, `code${i}.py`), code.slice(150 * i, 150 * i + 1_500));
  writeFileSync(join(texts, `prose${i}.md`), prose.slice(150 * i, 150 * i + 1_500));
  writeFileSync(join(texts, `left-out/${i}.py`), 'x = 1\n');
}
writeFileSync(join(texts, 'other.rs'), 'fn main() {}\n');

let workbench: Workbench;
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({
    folder: texts,
    file: 'code0.py',
    settings: { 'moescope.precision': 'float32', 'moescope.provider': 'cpu', 'search.exclude': { 'left-out': true } },
  }),
);
afterAll(() => {
  rmSync(texts, { recursive: true, force: true });
});

test('a folder is routed by language, and the report says which experts do which', async () => {
  await workbench.runCommand('MoEScope: Analyze Folder');
  await expect.poll(() => workbench.offered()).toContain('By language');
  await workbench.pick('By language');
  const report = await workbench.webview('section.section');
  const section = report.locator('section.section');
  await expect
    .poll(() => section.innerText(), { timeout: 120_000 })
    .toMatch(/E\d+ of L\d is chosen for .* of the tokens of (python|markdown)/);
  expect(await section.innerText()).toContain('13 files routed');
  expect(await section.innerText()).toContain('Nothing is said of rust');
  await workbench.screenshot('folder-specialisation');
});

test('a typical token of an expert opens its place in a file', async () => {
  const report = await workbench.webview('section.section');
  await report.locator('nav vscode-dropdown').click();
  await report.locator('nav vscode-option', { hasText: /^\s*Expert\s*$/ }).click();
  const place = report.locator('#typical-tokens-table tbody button').first();
  await place.waitFor();
  await workbench.screenshot('folder-expert');
  await place.click();
  await expect.poll(() => workbench.page.locator('.monaco-editor .selected-text').count()).toBeGreaterThan(0);
  // The report stays as it was, and with the focus.
  expect(await report.locator('section.section').innerText()).toContain('Typical tokens');
  expect(await workbench.problems()).toEqual([]);
  expect(workbench.logErrors()).toEqual([]);
});

test('the same once more is there at once, and rules of one’s own are offered by settings', async () => {
  await workbench.runCommand('MoEScope: Analyze Folder');
  await expect.poll(() => workbench.offered()).toContain('By rules of my own');
  await workbench.pick('By language');
  const report = await workbench.webview('section.section');
  await expect
    .poll(() => report.locator('section.section').innerText(), { timeout: 60_000 })
    .toContain('13 of them in an earlier run');
});

/** A model and a text whose words are commands, pages and pictures: all of it is text, and no page lets anything in. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ScratchCheckpoint } from '../support/checkpoint.ts';
import type { Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

const LINK = '[Click](command:workbench.action.closeAllEditors)';
const folder = mkdtempSync(join(tmpdir(), 'moescope-hostile-'));
const LINES = ['word', LINK, '<img src=x onerror=alert(1)>', '`code`', '\u202eabc\u202c', '\u200b', '=1+1'];
writeFileSync(join(folder, 'hostile.txt'), LINES.map((line) => `${line}\n`).join(''));
const checkpoint = new ScratchCheckpoint().config({ hidden_act: LINK });
afterAll(() => {
  rmSync(folder, { recursive: true });
  checkpoint.dispose();
});

let workbench: Workbench;
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({ folder, file: 'hostile.txt', settings: { 'moescope.model': checkpoint.folder } }),
);

test('what a model’s config says is no link in a notification', async () => {
  await workbench.runCommand('MoEScope: Analyze Routing');
  const said = await workbench.notification('command:');
  expect(said).toContain('command:workbench.action.closeAllEditors');
  expect(await workbench.page.locator('.notification-list-item-message a').count()).toBe(0);
  await workbench.screenshot('hostile-notification');
  await workbench.dismissNotifications();
});

test('what a text says is text in the hover: its links are MoEScope’s own', async () => {
  await workbench.runCommand('MoEScope: Choose Model');
  await workbench.pick('balanced');
  await expect.poll(() => workbench.statusText()).toContain('balanced');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(async () => (await workbench.decorations()).length).toBeGreaterThan(5);
  for (const word of ['Click', 'command', 'img', 'onerror', 'code']) {
    await workbench.hoverText(word);
    const hover = workbench.page.locator('.monaco-hover:not(.hidden) .hover-contents');
    expect(await hover.locator('img').count()).toBe(0);
    const links = await hover.locator('a').evaluateAll((all) => all.map((a) => a.getAttribute('data-href') ?? ''));
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(link).toMatch(/^command:moescope\.(?:highlightExpert|showInMap)\?/);
    await workbench.pointAway();
  }
});

test('in each page no script is made from text, and nothing is fetched', async () => {
  // Both have opened beside the text.
  const map = await workbench.webview('body[data-entry=map]');
  const load = await workbench.webview('body[data-entry=load]');
  for (const page of [map, load]) {
    const tried = await page.evaluate(async () => {
      const blocked: string[] = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
        blocked.push(effectiveDirective),
      );
      const script = document.createElement('script');
      script.textContent = 'window.made = true';
      document.body.append(script);
      const image = new Image();
      image.src = 'https://example.com/x.png';
      document.body.append(image);
      await fetch('https://example.com/').catch(() => undefined);
      // Each is reported once it is refused, in its own time.
      const end = Date.now() + 10_000;
      while (new Set(blocked).size < 3 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
      script.remove();
      image.remove();
      return { blocked: [...new Set(blocked)].sort(), made: 'made' in window };
    });
    expect(tried).toEqual({ blocked: ['connect-src', 'img-src', 'script-src-elem'], made: false });
  }
});

/** Live, as its user sees it: what is typed is tinted as an analysis of the whole text would, and undoing brings it back. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Decoration, Workbench } from './driver.ts';
import { withWorkbench } from './withWorkbench.ts';

const TRANSPARENT = 'rgba(0, 0, 0, 0)';

let workbench: Workbench;
withWorkbench((launched) => {
  workbench = launched;
});

/** The decorations once they are all current, stay so, and are of a text that has, or has not, a piece. */
async function settled(piece: string, has = true): Promise<Decoration[]> {
  let drawn: Decoration[] = [];
  let same = 0;
  await expect
    .poll(async () => {
      const last = JSON.stringify(drawn);
      drawn = await workbench.decorations();
      const current = drawn.length > 0 && drawn.every(({ background }) => background !== TRANSPARENT);
      const wanted =
        drawn
          .map(({ text }) => text)
          .join('')
          .includes(piece) === has;
      same = current && wanted && JSON.stringify(drawn) === last ? same + 1 : 0;
      return same;
    })
    .toBeGreaterThan(3);
  return drawn;
}

/** Letters of the text that is offered: what stands between them is drawn in many ways. */
async function ghostText(): Promise<string> {
  const parts = '.ghost-text, .ghost-text-decoration';
  const texts = await workbench.page
    .locator(parts)
    .evaluateAll(
      (all, parts) => all.filter((part) => !part.parentElement?.closest(parts)).map(({ textContent }) => textContent),
      parts,
    );
  return lettersOf(texts.join(''));
}

function lettersOf(text: string): string {
  return text.replaceAll(/\W/gu, '');
}

let first: Decoration[];
let typed: Decoration[];

test('starting it routes the text that is looked at', async () => {
  await workbench.runCommand('MoEScope: Start Live Routing');
  first = await settled('Picks');
  expect(await workbench.statusText()).toContain('Live');
});

test('what is typed is tinted, and so is all that it changes', async () => {
  await workbench.cursorTo(1, 1);
  await workbench.typeText('// two experts of sixteen 😀\n');
  typed = await settled('sixteen');
  await workbench.screenshot('live-dark');
});

test('undoing brings the routing of before back', async () => {
  for (let i = 0; i < 10; i++) await workbench.page.keyboard.press('ControlOrMeta+Z');
  expect(await settled('two', false)).toEqual(first);
  for (let i = 0; i < 10; i++) await workbench.page.keyboard.press('ControlOrMeta+Y');
  expect(await settled('sixteen')).toEqual(typed);
});

test('another file is routed when it is opened', async () => {
  await workbench.open('poem.txt');
  await settled('秋');
});

test('it is what an analysis afresh gives', async () => {
  await workbench.open('router.ts');
  await expect.poll(() => workbench.decorations()).toEqual(typed);
  await workbench.runCommand('MoEScope: Stop Live Routing');
  await workbench.runCommand('MoEScope: Clear Routing');
  await expect.poll(() => workbench.decorations()).toEqual([]);
  await workbench.runCommand('MoEScope: Analyze Routing');
  expect(await settled('sixteen')).toEqual(typed);
});

test('without it, what is typed stays without a tint, and what follows is dimmed', async () => {
  await workbench.cursorTo(1, 1);
  await workbench.typeText('x');
  await expect
    .poll(async () => (await workbench.decorations()).map(({ background }) => background))
    .toContain(TRANSPARENT);
});

test('the model writes on from the cursor, and Tab takes it', async () => {
  await workbench.open('capacity.py');
  await workbench.cursorTo(13, 1);
  await workbench.runCommand('MoEScope: Continue with Routing');
  const view = await workbench.webview('.written li');
  const tokens = view.locator('.written li');
  await expect.poll(() => tokens.count()).toBe(40);
  expect(await tokens.first().innerText()).toMatch(/ms\s+E\d+\s+0\.\d\d\s+E\d+\s+0\.\d\d/);
  // All of them are there to be taken, not only those that came first.
  const written = (await tokens.locator('code').allInnerTexts()).join('');
  await expect.poll(() => ghostText()).toBe(lettersOf(written));
  await workbench.screenshot('continue-dark');
  // The ghost text begins with an indent: by itself VS Code would take the key for another one.
  await workbench.page.keyboard.press('Tab');
  await expect.poll(() => ghostText()).toBe('');
  const text = (await workbench.page.locator('.view-line').allInnerTexts()).join('\n').replaceAll('\u00a0', ' ');
  expect(text.split('return sum(max(').length).toBe(3);
});

test('Escape ends what the model writes, and takes back what is offered of it', async () => {
  const settings = { 'moescope.continueTokens': 1000, 'editor.lineNumbers': 'off' };
  mkdirSync(join(workbench.folder, '.vscode'));
  writeFileSync(join(workbench.folder, '.vscode/settings.json'), JSON.stringify(settings));
  // Lines without numbers: the settings have arrived.
  await expect.poll(() => workbench.page.locator('.line-numbers').count()).toBe(0);
  await workbench.cursorTo(9, 1);
  await workbench.runCommand('MoEScope: Continue with Routing');
  const view = await workbench.webview('.written li');
  // It grows while it is written.
  const lengths = new Set<number>();
  const grown = async (): Promise<number> => {
    const { length } = await ghostText();
    if (length > 0) lengths.add(length);
    return lengths.size;
  };
  await expect.poll(grown).toBeGreaterThan(1);
  await workbench.page.keyboard.press('Escape');
  await expect.poll(() => ghostText()).toBe('');
  const summary = view.locator('summary', { hasText: 'Continuation' });
  await expect.poll(() => summary.innerText()).not.toContain('writing');
  expect(await view.locator('.written li').count()).toBeLessThan(1000);
});

test('where a text is read-only, it is said where to find what the model writes', async () => {
  await workbench.runCommand('File: Set Active Editor Read-only in Session');
  await workbench.runCommand('MoEScope: Continue with Routing');
  expect(await workbench.notification('shows no suggestions')).toContain('listed in Routing Load');
  expect(await ghostText()).toBe('');
});

test('the extension host has logged no error', () => {
  expect(workbench.logErrors()).toEqual([]);
});

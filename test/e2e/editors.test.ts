/** Wherever VS Code shows a text, its tints, hovers and status are that text's: every number is the reference implementation's. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../support/reference.ts';
import type { Decoration, Workbench } from './driver.ts';
import { Expected } from './expected.ts';
import { withWorkbench } from './withWorkbench.ts';

/** Tinted at first: the middle one of six. */
const LAYER = 3;
const TRANSPARENT = 'rgba(0, 0, 0, 0)';
const SAMPLES = join(ROOT, 'media/samples');
const WORDS = 'every token of a long line goes to two experts, ';

const folder = mkdtempSync(join(tmpdir(), 'moescope-editors-'));
cpSync(SAMPLES, folder, { recursive: true });
writeFileSync(join(folder, 'long.txt'), WORDS.repeat(5000).slice(0, 200_000));
writeFileSync(join(folder, 'shared.txt'), 'before another process came\n');
mkdirSync(join(folder, 'old'));
cpSync(join(SAMPLES, 'capacity.py'), join(folder, 'old/first.txt'));
cpSync(join(SAMPLES, 'router.ts'), join(folder, 'old/second.txt'));
writeFileSync(join(folder, 'cells.ipynb'), notebook(['router.ts', 'capacity.py']));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let workbench: Workbench;
let router: Expected;
let capacity: Expected;
withWorkbench(
  (launched) => {
    workbench = launched;
  },
  () => ({ folder }),
);
beforeAll(async () => {
  router = await Expected.of('router.ts');
  capacity = await Expected.of('capacity.py');
});

test('one document in two editors is tinted in both, and so is an edit in one of them', async () => {
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expectTints(group(0), router);
  await workbench.runCommand('View: Close Editors in Other Groups');
  await workbench.runCommand('View: Close Primary Side Bar');
  await workbench.runCommand('View: Split Editor Right');
  const [left, right] = [group(0), group(1)];
  await expectTints(right, router);
  await expectTints(left, router);
  await expectHover(right, router, 'const');

  await workbench.cursorTo(4, 1);
  await workbench.typeText('x');
  await expect.poll(() => stale(left)).toBeGreaterThan(0);
  expect(await workbench.decorations(left)).toEqual(await workbench.decorations(right));
  await expect.poll(() => workbench.statusText()).toContain('edited since');
  await workbench.page.keyboard.press('ControlOrMeta+Z');
  await expectTints(left, router);
  await expectTints(right, router);
});

test('of two documents side by side, Live routes both, and the status is that of the one in use', async () => {
  await workbench.open('capacity.py');
  expect(await workbench.decorations()).toEqual([]);
  await workbench.runCommand('View: Focus First Editor Group');
  await workbench.runCommand('MoEScope: Start Live Routing');
  await expectTints(group(1), capacity);
  await expectTints(group(0), router);
  await expectHover(group(1), capacity, 'Counter');
  await expectStatus(router);
  await group(1).click();
  await expectStatus(capacity);
  await workbench.runCommand('View: Close All Editors');
});

test('both sides of a diff are tinted, each as its own text', async () => {
  await workbench.open('router.ts');
  await workbench.cursorTo(1, 1);
  await workbench.typeText('changed ');
  await workbench.runCommand('File: Compare Active File with Saved');
  const [original, modified] = ['original', 'modified'].map((side) =>
    workbench.editorIn(`.monaco-diff-editor .${side}`),
  );
  await expectTints(original!, router);
  await expectCurrent(modified!, 'changed /**');
  await expectHover(original!, router, 'const');
  await expect.poll(() => workbench.page.locator('.editor-actions [aria-label*="Analyze Routing"]').count()).toBe(1);
  await workbench.screenshot('diff-dark');
  await workbench.runCommand('View: Revert and Close Editor');
  await expectTints(group(0), router);
});

test('between two files, each keeps its routing and its undoing', async () => {
  await workbench.cursorTo(1, 1);
  await workbench.typeText('x');
  await expectCurrent(group(0), 'x/**');
  await workbench.open('capacity.py');
  await expectTints(group(0), capacity);
  await workbench.cursorTo(1, 1);
  await workbench.typeText('x');
  await expectCurrent(group(0), 'xfrom');
  await workbench.open('router.ts');
  await workbench.page.keyboard.press('ControlOrMeta+Z');
  await expectTints(group(0), router);
  await workbench.page.keyboard.press('ControlOrMeta+Y');
  await expectCurrent(group(0), 'x/**');
  await workbench.page.keyboard.press('ControlOrMeta+Z');
  await workbench.open('capacity.py');
  await workbench.page.keyboard.press('ControlOrMeta+Z');
  await expectTints(group(0), capacity);
});

test('cells of a notebook are texts of their own', async () => {
  await workbench.choose('cells.ipynb');
  await cell(0).click();
  await expectTints(cell(0), router);
  await expectTints(cell(1), capacity);
  await expectHover(cell(1), capacity, 'Counter');
  await expectStatus(router);
  await cell(1).click();
  await expectStatus(capacity);
  await workbench.typeText('# ');
  await expect.poll(async () => textOf(await workbench.decorations(cell(1)))).toContain('# ');
  await workbench.screenshot('notebook-dark');
  await workbench.runCommand('View: Revert and Close Editor');
});

test('a document without a file is routed as soon as something stands there', async () => {
  await workbench.runCommand('File: New Untitled Text File');
  const editor = workbench.page.locator('.monaco-editor[data-uri^="untitled:"]');
  await workbench.typeText('two experts of sixteen');
  await expectCurrent(editor, 'two experts of sixteen');
  expect(await workbench.hoverText('sixteen', 0, editor)).toContain('token');
  await workbench.runCommand('MoEScope: Stop Live Routing');
  await workbench.runCommand('View: Revert and Close Editor');
});

test('a text keeps its routing when it is saved for the first time, and when its file is renamed', async () => {
  await workbench.open('router.ts');
  await workbench.page.keyboard.press('ControlOrMeta+A');
  await workbench.page.keyboard.press('ControlOrMeta+C');
  await workbench.runCommand('File: New Untitled Text File');
  await workbench.page.keyboard.press('ControlOrMeta+V');
  const untitled = workbench.page.locator('.monaco-editor[data-uri^="untitled:"]');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expectTints(untitled, router);
  await workbench.runCommand('File: Save As...');
  await workbench.accept('Untitled-1', join(workbench.folder, 'saved.txt'));
  const saved = workbench.page.locator('.monaco-editor[data-uri$="/saved.txt"]');
  await expectTints(saved, router);
  await expectHover(saved, router, 'const');
  await expectStatus(router);

  await workbench.runCommand('File: Reveal Active File in Explorer View');
  await workbench.page.locator('.explorer-folders-view .monaco-list-row.focused', { hasText: 'saved.txt' }).waitFor();
  await workbench.page.keyboard.press('F2');
  await workbench.page.locator('.explorer-item-edited input').fill('renamed.txt');
  await workbench.page.keyboard.press('Enter');
  const renamed = workbench.page.locator('.monaco-editor[data-uri$="/renamed.txt"]');
  await expectTints(renamed, router);
  await expectStatus(router);
  await workbench.runCommand('View: Close Primary Side Bar');

  await workbench.runCommand('File: Save As...');
  await workbench.accept('renamed.txt', join(workbench.folder, 'copied.txt'));
  await expectTints(workbench.page.locator('.monaco-editor[data-uri$="/copied.txt"]'), router);
  await expectStatus(router);
});

test('all files of a folder keep their routing when it is renamed, and all cells of a notebook when it is saved as another', async () => {
  for (const [file, expected] of [
    ['first.txt', capacity],
    ['second.txt', router],
  ] as const) {
    await workbench.open(`old/${file}`);
    await workbench.runCommand('View: Keep Editor');
    await workbench.runCommand('MoEScope: Analyze Routing');
    await expectTints(group(0), expected);
  }
  await workbench.runCommand('File: Reveal Active File in Explorer View');
  await workbench.page.locator('.explorer-folders-view .monaco-list-row', { hasText: /^old$/u }).click();
  await workbench.page.keyboard.press('F2');
  await workbench.page.locator('.explorer-item-edited input').fill('new');
  await workbench.page.keyboard.press('Enter');
  await expectTints(workbench.page.locator('.monaco-editor[data-uri$="/new/second.txt"]'), router);
  await expectStatus(router);
  await workbench.showTab('first.txt');
  await expectTints(group(0), capacity);
  await workbench.runCommand('View: Close Primary Side Bar');

  await workbench.choose('cells.ipynb');
  for (const [n, expected] of [router, capacity].entries()) {
    await cell(n).click();
    await workbench.runCommand('MoEScope: Analyze Routing');
    await expectTints(cell(n), expected);
  }
  await workbench.runCommand('File: Save As...');
  await workbench.accept('cells.ipynb', join(workbench.folder, 'more.ipynb'));
  await workbench.page.locator('.tab.active', { hasText: 'more.ipynb' }).waitFor();
  await expectTints(cell(0), router);
  await expectTints(cell(1), capacity);
});

test('the map leads to a cell though its notebook is behind another tab', async () => {
  await cell(0).click();
  await workbench.runCommand('MoEScope: Open Routing Map');
  await workbench.runCommand('View: Focus First Editor Group');
  await workbench.open('poem.txt');
  const map = await workbench.webview('moe-routing-grid');
  const grid = (await map.locator('moe-routing-grid .scroller').boundingBox())!;
  await workbench.page.mouse.click(grid.x + grid.width / 2, grid.y + 9);
  await workbench.page.locator('.tab.active', { hasText: 'more.ipynb' }).waitFor();
  await expectTints(cell(0), router);
  await workbench.runCommand('View: Close All Editors');
});

test('a read-only document is routed like any other', async () => {
  await workbench.open('router.ts');
  await workbench.runCommand('File: Set Active Editor Read-only in Session');
  await workbench.runCommand('MoEScope: Clear Routing');
  await expect.poll(() => workbench.decorations()).toEqual([]);
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expectTints(group(0), router);
  await expectHover(group(0), router, 'const');
});

test('what another process writes into a file is routed', async () => {
  await workbench.open('shared.txt');
  await workbench.runCommand('MoEScope: Start Live Routing');
  await expectCurrent(group(0), 'before another process came');
  writeFileSync(join(workbench.folder, 'shared.txt'), 'another process was here\n');
  await expectCurrent(group(0), 'another process was here');
  await workbench.runCommand('MoEScope: Stop Live Routing');
});

test('a line of 200,000 characters is tinted where it is drawn', async () => {
  await workbench.open('long.txt');
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expect.poll(async () => textOf(await workbench.decorations()).length).toBeGreaterThan(100);
  expect(WORDS.repeat(210)).toContain(textOf(await workbench.decorations()));
  // VS Code has something of its own to say about such lines, and says it first.
  await expect.poll(() => workbench.hoverText('token')).toMatch(/token \d+ · id/u);

  // An edit while the run goes on makes what is shown stale, until it is undone.
  await workbench.cursorTo(1, 1);
  await workbench.typeText('x');
  await workbench.runCommand('MoEScope: Cancel');
  await expect.poll(() => workbench.statusText()).toContain('edited since');
  await workbench.page.keyboard.press('ControlOrMeta+Z');
  await expect.poll(() => workbench.statusText()).not.toContain('edited since');

  // Wrapped, all of it is drawn.
  await workbench.runCommand('View: Toggle Word Wrap');
  await workbench.cursorTo(1, 100_000);
  await workbench.runCommand('MoEScope: Analyze Routing of the Visible Part');
  await expect.poll(() => stale(group(0))).toBe(0);
  const shown = await group(0).locator('.view-lines').innerText();
  const visible = shown.replaceAll('\u00a0', ' ').replaceAll('\n', '');
  await expect.poll(async () => textOf(await workbench.decorations())).toBe(visible);
  await workbench.screenshot('long-line-dark');
});

test('the extension host has logged no error', () => {
  expect(workbench.logErrors()).toEqual([]);
});

/** The text editor of the n-th group. */
function group(n: number): Locator {
  return workbench.editorIn(`.editor-group-container >> nth=${n}`);
}

/** The text editor of the n-th code cell of a notebook. */
function cell(n: number): Locator {
  return workbench.editorIn(`.notebookOverlay .code-cell-row >> nth=${n}`);
}

/** Waits until an editor has the tints of a sample, one colour an expert. */
async function expectTints(editor: Locator, expected: Expected): Promise<void> {
  const wanted = expected.stretches((token) => expected.experts(token, LAYER)[0]);
  await expect
    .poll(async () =>
      paired(
        await workbench.decorations(editor),
        wanted.map(({ key }) => key),
      ),
    )
    .toEqual({
      texts: wanted.map(({ text }) => text),
      experts: new Set(wanted.map(({ key }) => key)).size,
      pairs: new Set(wanted.map(({ key }) => key)).size,
      stale: 0,
    });
}

function paired(drawn: readonly Decoration[], experts: readonly (number | undefined)[]): unknown {
  return {
    texts: drawn.map(({ text }) => text),
    experts: new Set(drawn.map(({ background }) => background)).size,
    pairs: new Set(drawn.map(({ background }, i) => `${experts[i]} ${background}`)).size,
    stale: drawn.filter(({ background }) => background === TRANSPARENT).length,
  };
}

/** Waits until an editor has tints of a text that begins so, and all are current. */
async function expectCurrent(editor: Locator, beginning: string): Promise<void> {
  await expect
    .poll(async () => {
      const drawn = await workbench.decorations(editor);
      return drawn.every(({ background }) => background !== TRANSPARENT) && textOf(drawn).startsWith(beginning);
    })
    .toBe(true);
}

async function expectHover(editor: Locator, expected: Expected, word: string): Promise<void> {
  const token = expected.tokenIn(word);
  const [expert] = expected.experts(token, LAYER);
  const text = await workbench.hoverText(word, 0, editor);
  expect(text).toContain(`token ${token} · id ${expected.id(token)}`);
  expect(text).toMatch(new RegExp(`L${LAYER}[^E]*E${expert} `, 'u'));
  await workbench.pointAway();
}

/** Waits until the status bar tells the hottest expert of a sample. */
async function expectStatus(expected: Expected): Promise<void> {
  const shares = expected.shares(LAYER);
  const most = Math.max(...shares);
  const hottest = `E${shares.indexOf(most)} ${(100 * most).toFixed(1)} % at L${LAYER}`;
  await expect.poll(() => workbench.statusText()).toContain(hottest);
}

async function stale(editor: Locator): Promise<number> {
  return (await workbench.decorations(editor)).filter(({ background }) => background === TRANSPARENT).length;
}

function textOf(drawn: readonly Decoration[]): string {
  return drawn.map(({ text }) => text).join('');
}

/** A notebook of a code cell for each sample, and a heading. */
function notebook(samples: readonly string[]): string {
  const cells = samples.map((sample) => ({
    ...{ cell_type: 'code', execution_count: null, metadata: {}, outputs: [] },
    source: readFileSync(join(SAMPLES, sample), 'utf8'),
  }));
  const heading = { cell_type: 'markdown', metadata: {}, source: '# Cells' };
  return JSON.stringify({ cells: [heading, ...cells], metadata: {}, nbformat: 4, nbformat_minor: 5 });
}

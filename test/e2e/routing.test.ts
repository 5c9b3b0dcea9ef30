/** The way of a user through the extension, every number checked against the reference implementation's. */
import { beforeAll, expect, test } from 'vitest';
import type { Workbench } from './driver.ts';
import { Expected } from './expected.ts';
import { withWorkbench } from './withWorkbench.ts';

/** Tinted at first: the middle one of six. */
const LAYER = 3;
const OTHER_LAYER = 5;
/** Colours that tell how much. */
const STEPS = 12;
const TRANSPARENT = 'rgba(0, 0, 0, 0)';

let workbench: Workbench;
let expected: Expected;
withWorkbench((launched) => {
  workbench = launched;
});
beforeAll(async () => {
  expected = await Expected.of('router.ts');
});

test('the palette offers the analysis', async () => {
  expect(await workbench.commandsLike('MoEScope: Analyze')).toContain('MoEScope: Analyze Routing');
});

/** Waits until the editor has these stretches, each key with a colour of its own. */
async function expectTints(wanted: readonly { readonly text: string; readonly key: number | undefined }[]) {
  await expect
    .poll(async () => (await workbench.decorations()).map((d) => d.text))
    .toEqual(wanted.map((stretch) => stretch.text));
  const drawn = await workbench.decorations();
  const pairs = new Set(drawn.map(({ background }, i) => `${wanted[i]!.key} ${background}`));
  const colors = new Set(drawn.map(({ background }) => background));
  const keys = new Set(wanted.map(({ key }) => key));
  expect([pairs.size, colors.size]).toEqual([keys.size, keys.size]);
  expect(colors).not.toContain(TRANSPARENT);
}

test('the analysis tints every token by its top expert', async () => {
  await workbench.runCommand('MoEScope: Analyze Routing');
  await expectTints(expected.stretches((token) => expected.experts(token, LAYER)[0]));
});

test.each(['route', 'const', 'Array'])('the hover over “%s” has the numbers of its token', async (word) => {
  const token = expected.tokenIn(word);
  const text = await workbench.hoverText(word);
  await workbench.screenshot(`hover-${word}`);
  expect(text).toContain(`token ${token} · id ${expected.id(token)}`);
  const [, surprise] = /surprise ([\d.]+) nats/.exec(text)!;
  expect(Number(surprise)).toBeCloseTo(expected.surprise(token), 1);
  const rows = [...text.matchAll(/L(\d+)[^E]*E(\d+) ([\d.]+)\s+E(\d+) ([\d.]+)\s+([\d.]+)\s+([\d.]+)/g)];
  expect(rows.map(([, layer]) => Number(layer))).toEqual([0, 1, 2, 3, 4, 5]);
  rows.forEach(([, , first, firstWeight, second, secondWeight, entropy, margin], layer) => {
    const weights = expected.weights(token, layer);
    expect([Number(first), Number(second)]).toEqual(expected.experts(token, layer));
    // The hover has two decimals.
    expect(Math.abs(Number(firstWeight) - weights[0]!)).toBeLessThan(0.0051);
    expect(Math.abs(Number(secondWeight) - weights[1]!)).toBeLessThan(0.0051);
    expect(Math.abs(Number(entropy) - expected.entropy(token, layer))).toBeLessThan(0.0051);
    expect(Math.abs(Number(margin) - expected.margin(token, layer))).toBeLessThan(0.0051);
  });
});

test('the side panel has the load of every expert', async () => {
  const view = await workbench.webview('moe-load-bars li');
  const bars = view.locator('moe-load-bars li');
  const numbers = await bars.locator('.number').allInnerTexts();
  expect(numbers.map((text) => parseFloat(text))).toEqual(
    expected.shares(LAYER).map((share) => Number((100 * share).toFixed(1))),
  );
  await workbench.pointAway();
  await workbench.screenshot('routing-dark');
});

test('a cell of the map leads to its token, and its expert lights the tokens that it got', async () => {
  const map = await workbench.webview('moe-routing-grid');
  const token = 4;
  const column = (await map.locator('.head .track [role="columnheader"]', { hasText: `L${LAYER}` }).boundingBox())!;
  const body = (await map.locator('moe-routing-grid .scroller').boundingBox())!;
  await workbench.page.mouse.click(column.x + column.width / 2, body.y + 18 * token + 9);

  // The editor's cursor has gone there: the side panel tells of its token.
  const [expert] = expected.experts(token, LAYER);
  const cursor = (await workbench.webview('moe-load-bars')).locator('p.cursor');
  await expect.poll(() => cursor.innerText()).toContain(`E${expert} ${expected.weights(token, LAYER)[0]!.toFixed(2)}`);

  const buttons = map.locator('.choices-of-cell button');
  expect(await buttons.first().innerText()).toContain(`E${expert}`);
  await buttons.first().click();
  const has = (other: number): boolean | undefined => expected.experts(other, LAYER).includes(expert!) || undefined;
  await expect
    .poll(async () => (await workbench.decorations()).filter((d) => d.background !== TRANSPARENT).map((d) => d.text))
    .toEqual(expected.stretches(has).map((stretch) => stretch.text));
  await workbench.screenshot('highlight-dark');
});

test('it looks right in a light theme', async () => {
  await workbench.runCommand('MoEScope: Clear Highlight');
  await workbench.setTheme('light');
  await expect.poll(async () => (await workbench.decorations()).every((d) => d.background !== TRANSPARENT)).toBe(true);
  await workbench.screenshot('routing-light');
});

test('a layer that is chosen in the side panel is the one of the editor, the map and the status bar', async () => {
  const view = await workbench.webview('moe-load-bars li');
  await view.locator('.chips button', { hasText: `L${OTHER_LAYER}` }).click();
  await expectTints(expected.stretches((token) => expected.experts(token, OTHER_LAYER)[0]));
  const shares = expected.shares(OTHER_LAYER).map((share) => Number((100 * share).toFixed(1)));
  const numbers = view.locator('moe-load-bars li .number');
  await expect.poll(async () => (await numbers.allInnerTexts()).map((text) => parseFloat(text))).toEqual(shares);
  const most = Math.max(...shares);
  const hottest = `E${shares.indexOf(most)} ${most.toFixed(1)} % at L${OTHER_LAYER}`;
  await expect.poll(() => workbench.statusText()).toContain(hottest);
  const map = await workbench.webview('moe-routing-grid');
  await expect.poll(() => map.locator('.head [aria-selected=true]').innerText()).toContain(`L${OTHER_LAYER}`);
});

test('a tint that is chosen by the command shows each token’s entropy, in as many steps as are told apart', async () => {
  await workbench.runCommand('MoEScope: Choose Layer and Tint');
  await workbench.pick('Entropy');
  // The most that 16 experts have.
  const share = (token: number): number => expected.entropy(token, OTHER_LAYER) / Math.log(16);
  await expectTints(expected.stretches((token) => Math.floor(share(token) * STEPS)));
  await workbench.screenshot('entropy-light');
});

test('an expert that is pointed at stands out no longer than the page is there in which it is', async () => {
  const faint = async () => (await workbench.decorations()).some((d) => d.background === TRANSPARENT);
  await workbench.runCommand('View: Focus First Editor Group');
  const map = await workbench.webview('moe-routing-grid');
  await map.locator('.choices-of-cell button').first().hover();
  await expect.poll(faint).toBe(true);
  await workbench.runCommand('View: Close Editors in Other Groups');
  await expect.poll(faint).toBe(false);
});

test('the extension host has logged no error', () => {
  expect(workbench.logErrors()).toEqual([]);
});

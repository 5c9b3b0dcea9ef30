/** What a user of the routing map relies on, in Chromium, with the reference routing of router.ts. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expertColor, magnitudeColor } from '../../extension/analysis/palette.ts';
import { NO_EXPERT, type RoutingTrace } from '../../extension/protocol/trace.ts';
import { launchBrowser } from '../support/browser.ts';
import { demoTrace } from './demoTrace.ts';
import { afterLoss, openView, toDensity, type View, type ViewOptions } from './harness.ts';
import { syntheticTrace } from './syntheticTrace.ts';

const demo = demoTrace('balanced', 'router.ts');
const ROW = 18;
let browser: Browser;
let view: View;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function open(options: ViewOptions = {}): Promise<void> {
  view = await openView(browser, 'map', { width: 720, height: 700, ...options });
}

afterEach(async () => {
  expect(view.complaints).toEqual([]);
  await view.page.close();
});

const grid = () => view.page.getByRole('grid');
const details = () => view.page.locator('.details').innerText();
const sent = async (type: string) => (await view.received()).filter((message) => message.type === type);

/** What a screen reader would say of the focused cell. */
async function focusedCell(): Promise<string> {
  const id = await grid().getAttribute('aria-activedescendant');
  return (await view.page.locator(`#${id}`).textContent()) ?? '';
}

/** Centre of the first segment of a cell that is in sight, in page coordinates. */
async function cellPoint(row: number, layer: number): Promise<{ x: number; y: number }> {
  const label = await view.page
    .getByRole('columnheader')
    .nth(layer + 1)
    .boundingBox();
  const body = await view.page.locator('.body').boundingBox();
  return { x: label!.x + 12, y: body!.y + row * ROW + 3 };
}

/** Colour of the canvas at a point of the page as #rrggbb. */
async function colorAt({ x, y }: { x: number; y: number }): Promise<string> {
  const rgb = await view.page.evaluate(
    ([px, py]) => {
      const canvas = document.querySelector<HTMLCanvasElement>('.body canvas')!;
      const { left, top } = canvas.getBoundingClientRect();
      const copy = new OffscreenCanvas(1, 1).getContext('2d')!;
      copy.drawImage(canvas, left - px, top - py);
      return Array.from(copy.getImageData(0, 0, 1, 1).data.slice(0, 3));
    },
    [x, y] as const,
  );
  return '#' + rgb.map((channel) => channel.toString(16).padStart(2, '0')).join('');
}

/** The demo with one layer changed. */
function withLayer(change: Partial<RoutingTrace['layers'][number]>): typeof demo {
  const [first, ...rest] = demo.trace.layers;
  return { ...demo, trace: { ...demo.trace, layers: [{ ...first!, ...change }, ...rest] } };
}

describe('theme', () => {
  test('a translucent selection colour is seen on the background', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.page.evaluate(() => {
      document.documentElement.style.setProperty('--vscode-list-activeSelectionBackground', '#ffffff33');
    });
    await view.reveal(0, true);
    await view.settle();
    const { x, y } = await cellPoint(0, 0);
    // A fifth of the way from the editor's #1f1f1f to white.
    expect(await colorAt({ x: x - 14, y })).toMatch(/^#(4[bc]){3}$/);
  });
});

describe('cells', () => {
  test('have the colour of their top expert', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    for (const [row, layer] of [
      [0, 0],
      [1, 3],
      [7, 5],
    ] as const) {
      const { chosen, candidates } = demo.trace.layers[layer]!;
      const expected = expertColor(chosen[row * candidates]!, 'vivid', 'dark');
      expect(await colorAt(await cellPoint(row, layer))).toBe(expected);
    }
  });

  test('come back when the system has lost what was on the canvas', async () => {
    await open({ scale: 2 });
    await view.show(demo, { layer: 3 });
    const { before, after } = await afterLoss(view, 'moe-routing-grid canvas');
    expect(after === before).toBe(true);
  });

  test('of a text of another model are drawn as ever after a frame in which only the model was known', async () => {
    const deeper = syntheticTrace({ tokens: 50, layers: 16, experts: 32, k: 4 });
    const picture = () => view.page.locator('.body canvas').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
    await open();
    await view.show(deeper, { layer: 3 });
    const alone = await picture();
    await view.page.close();
    await open();
    await view.show(demo, { layer: 3 });
    await view.update({ model: deeper.trace.origin.model });
    await view.show(deeper, { layer: 3 });
    expect((await picture()) === alone).toBe(true);
  });

  test('of the highlighted expert stay strong while the rest step back', async () => {
    await open();
    const { chosen, candidates } = demo.trace.layers[3]!;
    const expert = chosen[0]!;
    const other = [1, 2, 3, 4, 5].find((t) => !chosen.subarray(t * candidates, t * candidates + 2).includes(expert))!;
    await view.show(demo, { layer: 3, highlight: { layer: 3, expert } });
    expect(await colorAt(await cellPoint(0, 3))).toBe(expertColor(expert, 'vivid', 'dark'));
    expect(await colorAt(await cellPoint(other, 3))).not.toBe(
      expertColor(chosen[other * candidates]!, 'vivid', 'dark'),
    );
  });

  test('are told in full in the details when pointed at', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const { x, y } = await cellPoint(7, 3);
    await view.page.mouse.move(x, y);
    await view.settle();
    const text = await details();
    // Token 7 is " ex"; the numbers are those of the reference.
    expect(text).toContain('·ex');
    expect(text).toContain('token 7');
    expect(text).toContain(`id ${demo.trace.tokens.ids[7]}`);
    expect(text).toContain(`surprise ${(-demo.trace.tokens.logProb[7]!).toFixed(2)} nats`);
    const { weight, candidates, chosen } = demo.trace.layers[3]!;
    expect(text).toMatch(
      new RegExp(`E${chosen[7 * candidates]}\\s*${weight[7 * candidates]!.toFixed(2).replace('.', '\\.')}`),
    );
  });

  test('with unknown weights and dropped slots say so', async () => {
    await open();
    const { chosen, weight } = demo.trace.layers[0]!;
    const dropped = chosen.slice();
    dropped[1] = NO_EXPERT;
    const unknown = weight.slice().fill(NaN, 0, 2);
    await view.show(withLayer({ chosen: dropped, weight: unknown }), { layer: 0 });
    const { x, y } = await cellPoint(0, 0);
    await view.page.mouse.move(x, y);
    await view.settle();
    expect(await details()).toMatch(/^(?!.*weights unknown[^]*weights unknown)[^]*E\d+\s+dropped\s+weights unknown$/);
  });

  test('of a source that tells no weights say so once, as do entropy and margin', async () => {
    await open();
    const unknown = new Float32Array(demo.trace.layers[0]!.weight.length).fill(NaN);
    const layers = demo.trace.layers.map((layer) => ({ ...layer, weight: unknown, entropy: unknown, margin: unknown }));
    const { origin } = demo.trace;
    const trace = {
      ...demo.trace,
      layers,
      origin: { ...origin, model: { ...origin.model, weightless: true as const } },
    };
    await view.show({ ...demo, trace }, { layer: 0, tint: 'margin' });
    await view.reveal(7, true);
    expect(await view.page.locator('.legend').innerText()).toContain('came without entropy and margin');
    expect((await details()).match(/unknown/gu)).toHaveLength(1);
    expect((await focusedCell()).match(/unknown/gu)).toHaveLength(1);
  });

  test('without any data are not called dropped', async () => {
    await open();
    const { chosen, weight, entropy } = demo.trace.layers[0]!;
    const none = {
      chosen: chosen.slice().fill(NO_EXPERT, 0, 2),
      weight: weight.slice().fill(NaN, 0, 2),
      entropy: entropy.slice().fill(NaN, 0, 1),
    };
    await view.show(withLayer(none), { layer: 0 });
    const { x, y } = await cellPoint(0, 0);
    await view.page.mouse.move(x, y);
    await view.settle();
    expect(await details()).toContain('no data');
    expect(await details()).not.toContain('dropped');
  });

  test('show hostile text by its signs', async () => {
    await open();
    const text = ['\u202e\u0000<img src=x onerror=alert(1)>', ...demo.text.slice(1)];
    await view.show({ ...demo, text }, { layer: 0 });
    const { x, y } = await cellPoint(0, 0);
    await view.page.mouse.move(x, y);
    await view.settle();
    expect(await details()).toContain('⟨U+202E⟩␀<img·src=x·onerror=alert(1)>');
  });
});

describe('surprise, where the vocabulary’s size is not known', () => {
  const { origin } = demo.trace;
  const logProb = demo.trace.tokens.logProb.slice();
  logProb.set([-3, -9], 1);
  const tokens = { ...demo.trace.tokens, logProb };
  const unknown = { ...demo.trace, tokens, origin: { ...origin, model: { ...origin.model, vocabulary: 0 } } };

  test('has colours and a legend of up to 12 nats, which no blind guess is said to be', async () => {
    await open();
    await view.show({ ...demo, trace: unknown }, { layer: 3, tint: 'surprise' });
    expect(await view.page.locator('.legend').innerText()).toMatch(/0 expected\s+12\.0 nats or more/);
    expect(await view.page.locator('.head .surprise').getAttribute('title')).not.toContain('guess');
    expect(await colorAt(await cellPoint(1, 3))).toBe(magnitudeColor(3 / 12, 'dark'));
    expect(await colorAt(await cellPoint(2, 3))).toBe(magnitudeColor(9 / 12, 'dark'));
  });

  test('has bars as long as it', async () => {
    await open();
    await view.show({ ...demo, trace: unknown }, { layer: 3 });
    const head = await view.page.locator('.head .surprise').boundingBox();
    const body = await view.page.locator('.body').boundingBox();
    // 50 pixels are 12 nats: 3 nats are 13 from the sixth on, 9 are 38.
    const at = (row: number, x: number) => colorAt({ x: head!.x + 6 + x, y: body!.y + row * ROW + 9 });
    const nothing = '#000000';
    expect([await at(1, 10), await at(1, 16)].map((color) => color === nothing)).toEqual([false, true]);
    expect([await at(2, 35), await at(2, 42)].map((color) => color === nothing)).toEqual([false, true]);
  });
});

describe('keyboard and screen reader', () => {
  test('arrows move a cell that is a real grid cell', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await grid().focus();
    await view.page.keyboard.press('ArrowDown');
    await view.page.keyboard.press('ArrowRight');
    await view.settle();
    const { chosen, weight, entropy } = demo.trace.layers[4]!;
    expect(await focusedCell()).toBe(
      `L4: expert ${chosen[2]} ${weight[2]!.toFixed(2)}, expert ${chosen[3]} ${weight[3]!.toFixed(2)}; entropy ${entropy[1]!.toFixed(2)}`,
    );
    expect(await grid().getAttribute('aria-rowcount')).toBe('195');
    expect(await grid().getAttribute('aria-colcount')).toBe('8');
    expect(await view.page.locator('[aria-rowindex="3"] [role=rowheader]').textContent()).toBe('**');
  });

  test('control-end goes to the last token, home to its first layer, page up a page back', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await grid().focus();
    await view.page.keyboard.press('Control+End');
    await view.settle();
    expect(await view.page.locator('[aria-rowindex="195"] [role=rowheader]').count()).toBe(1);
    expect(await focusedCell()).toMatch(/^L5: expert/);
    await view.page.keyboard.press('Home');
    await view.settle();
    expect(await focusedCell()).toMatch(/^L0: expert/);
    await view.page.keyboard.press('PageUp');
    await view.settle();
    expect(await view.page.locator('[aria-rowindex="195"]').count()).toBe(0);
  });

  test('enter goes to the token, h highlights the top expert, escape clears, l chooses the layer', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await grid().focus();
    await view.page.keyboard.press('ArrowLeft');
    await view.page.keyboard.press('Enter');
    await view.page.keyboard.press('h');
    await view.page.keyboard.press('Escape');
    await view.page.keyboard.press('l');
    const expert = demo.trace.layers[2]!.chosen[0];
    expect((await view.received()).slice(-4)).toEqual([
      { type: 'goto', token: 0, select: true },
      { type: 'highlight', expert: { layer: 2, expert }, preview: false },
      { type: 'highlight', preview: false },
      { type: 'chooseLayer', layer: 2 },
    ]);
  });

  test('controls and headers have names', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const snapshot = await view.page.locator('body').ariaSnapshot();
    expect(snapshot).toContain('grid "Routing of router.ts, 6 layers of 194 tokens"');
    expect(snapshot).toContain('columnheader "L3" [selected]');
    expect(snapshot).toContain('columnheader "surprise"');
  });
});

describe('link with the editor', () => {
  test('a click goes to the token', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const { x, y } = await cellPoint(9, 1);
    await view.page.mouse.click(x, y);
    expect(await sent('goto')).toEqual([{ type: 'goto', token: 9, select: true }]);
  });

  test('a click with control highlights the expert under the pointer', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const { x, y } = await cellPoint(9, 1);
    await view.page.keyboard.down('Control');
    await view.page.mouse.click(x, y);
    await view.page.keyboard.up('Control');
    const { chosen, candidates } = demo.trace.layers[1]!;
    expect(await sent('highlight')).toEqual([
      { type: 'highlight', expert: { layer: 1, expert: chosen[9 * candidates] }, preview: false },
    ]);
    expect(await sent('goto')).toEqual([]);
  });

  test('a click with control between two cells highlights the last expert of the first', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const { y } = await cellPoint(9, 1);
    const next = await view.page.getByRole('columnheader').nth(3).boundingBox();
    await view.page.keyboard.down('Control');
    await view.page.mouse.click(next!.x - 2, y);
    await view.page.keyboard.up('Control');
    const { chosen, candidates } = demo.trace.layers[1]!;
    expect(await sent('highlight')).toMatchObject([{ expert: { layer: 1, expert: chosen[9 * candidates + 1] } }]);
  });

  test('what is right of the surprise is no row', async () => {
    await open({ width: 1400 });
    await view.show(demo, { layer: 3 });
    const { y } = await cellPoint(9, 1);
    const surprise = await view.page.locator('.head .surprise').boundingBox();
    const end = surprise!.x + surprise!.width;
    await view.page.mouse.click(end + 3, y);
    expect(await sent('goto')).toEqual([]);
    await view.page.mouse.click(end - 3, y);
    expect(await sent('goto')).toMatchObject([{ token: 9 }]);
  });

  test('scrolling is followed by the editor, but not when the editor itself has caused it', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.reveal(150, true);
    await view.reveal(20, false);
    await view.page.waitForTimeout(200);
    expect(await sent('goto')).toEqual([]);
    const { x, y } = await cellPoint(9, 1);
    await view.page.mouse.move(x, y);
    await view.page.mouse.wheel(0, 900);
    await view.page.waitForTimeout(400);
    const gone = await sent('goto');
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.every((message) => 'select' in message && !message.select)).toBe(true);
  });

  test('what is told of is the cell under the pointer, also when the rows move and the pointer rests', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const { x, y } = await cellPoint(9, 1);
    await view.page.mouse.move(x, y);
    await view.settle();
    const told = () => view.page.locator('.details').innerText();
    expect(await told()).toContain('token 9 ');
    await view.page.mouse.wheel(0, 50 * ROW);
    await expect.poll(told).toContain('token 59 ');
    await view.page.mouse.move(x, 2);
    await view.settle();
    expect(await told()).toContain('Point at a cell');
  });

  test('while the user scrolls, the editor’s echo does not pull the map back', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const scroller = view.page.locator('.scroller');
    // In the page, where the echo comes as soon after the scrolling as from the editor, however slow the machine.
    await scroller.evaluate(async (element) => {
      const scrolled = new Promise((resolve) => {
        element.addEventListener('scroll', resolve, { once: true });
      });
      element.scrollTop = 900;
      await scrolled;
      window.fakeHost.reveal(0, false);
    });
    await view.settle();
    expect(await scroller.evaluate((element) => element.scrollTop)).toBe(900);
  });

  test('the editor’s cursor moves the cell and brings it into sight', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.reveal(150, true);
    expect(await details()).toContain('token 150');
    expect(await view.page.locator('[aria-rowindex="152"]').count()).toBe(1);
  });

  test('the editor’s cursor in what was typed at the end is gone to once that is there', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.reveal(150, true);
    await view.reveal(299, true);
    expect(await details()).toContain('token 150');
    await view.showSynthetic({ tokens: 300, layers: 6, experts: 16, k: 2 }, { layer: 3 });
    expect(await details()).toContain('token 299');
    expect(await view.page.locator('[aria-rowindex="301"]').count()).toBe(1);
    const { scrollTop, clientHeight } = await view.page
      .locator('.scroller')
      .evaluate(({ scrollTop, clientHeight }) => ({ scrollTop, clientHeight }));
    expect(scrollTop).toBe(300 * ROW - clientHeight);
  });

  test('a layer is chosen by its header', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.page.getByRole('columnheader', { name: 'L1' }).click();
    expect(await sent('chooseLayer')).toEqual([{ type: 'chooseLayer', layer: 1 }]);
  });
});

describe('scrolling', () => {
  /** Largest difference of any pixel's channel from the picture taken the last time. */
  const change = () =>
    view.page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('.body canvas')!;
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d')!;
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      const store = window as unknown as { last?: typeof data };
      const last = store.last ?? data;
      store.last = data;
      return data.reduce((most, value, i) => Math.max(most, Math.abs(value - last[i]!)), 0);
    });

  const scroll = async (by: number): Promise<void> => {
    await view.page.locator('.scroller').evaluate((element, pixels) => {
      element.scrollTop += pixels;
    }, by);
    await view.settle();
  };

  test.each([1, 1.25, 2])('keeps on the canvas what drawing it anew would give, at %f device pixels', async (scale) => {
    await open({ scale });
    const windows = Uint32Array.of(0, 60, 120);
    await view.show({ ...demo, trace: { ...demo.trace, windows } }, { layer: 3 });
    await view.reveal(70, true);
    await change();
    for (const by of [7, 33, 200, -90, -13]) await scroll(by);
    expect(await change()).toBeGreaterThan(100);
    await view.update({});
    // Edges between two pixels of the screen may round differently by one step of 256 where strips meet.
    expect(await change()).toBeLessThanOrEqual(2);
  });

  test('does so, too, once the window has moved to a screen of another pixel density', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await toDensity(view, 2);
    for (const by of [40, 40]) await scroll(by);
    await change();
    await view.update({});
    expect(await change()).toBeLessThanOrEqual(2);
  });
});

describe('rows', () => {
  test('are asked for as far as they are routed, and again when more is', async () => {
    await open();
    await view.show(demo, { layer: 3, routed: 10, running: { label: 'Routing' } });
    expect(await sent('rows')).toEqual([{ type: 'rows', generation: 1, from: 0, to: 10 }]);
    await grid().focus();
    await view.page.keyboard.press('End');
    for (let i = 0; i < 12; i++) await view.page.keyboard.press('ArrowDown');
    await view.settle();
    expect(await focusedCell()).toBe('L5: not routed yet');
    await view.page.evaluate(() => {
      window.fakeHost.continueFrom(10, { routed: 194 });
    });
    await view.settle();
    await view.settle();
    expect(await focusedCell()).toMatch(/^L5: expert/);
  });

  test('three million scroll, from one end to the other', async () => {
    await open();
    await view.showSynthetic({ tokens: 3_000_000, layers: 1, experts: 8, k: 1 }, { layer: 0 });
    await grid().focus();
    await view.page.keyboard.press('Control+End');
    await view.settle();
    await view.settle();
    const scroller = view.page.locator('.scroller');
    const { height, end } = await scroller.evaluate((e) => ({
      height: e.scrollHeight,
      end: e.scrollTop + e.clientHeight,
    }));
    expect(height).toBeLessThanOrEqual(8_000_000);
    expect(end).toBeCloseTo(height, 0);
    expect(await focusedCell()).toMatch(/^L3: expert \d/);
    expect(await view.page.locator('[aria-rowindex="3000001"]').count()).toBe(1);
    expect(await sent('rows')).toContainEqual(expect.objectContaining({ to: 3_000_000 }));
    await view.page.keyboard.press('Control+Home');
    await view.settle();
    expect(await scroller.evaluate((e) => e.scrollTop)).toBe(0);
  });

  test('begin where the user was before the page was hidden', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.reveal(150, true);
    await view.page.waitForTimeout(700);
    const saved = await view.page.evaluate(() => window.fakeHost.api.getState());
    expect(saved).toMatchObject({ key: 'file:///a/router.ts' });
    expect((saved as { topToken: number }).topToken).toBeGreaterThan(100);
  });
});

describe('another text', () => {
  test('of the same file name begins at its own top, with no cell of the last', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await view.reveal(150, true);
    await view.show(demo, { layer: 3, key: 'file:///b/router.ts' });
    expect(await view.page.locator('.scroller').evaluate((element) => element.scrollTop)).toBe(0);
    expect(await grid().getAttribute('aria-activedescendant')).toBeNull();
    expect(await details()).toContain('Point at a cell');
  });

  test('in the same file, shorter and of fewer layers, has the focused cell at its end', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    await grid().focus();
    await view.page.keyboard.press('Control+End');
    await view.settle();
    await view.showSynthetic({ tokens: 20, layers: 2, experts: 8, k: 2 }, { layer: 1 });
    await view.settle();
    expect(await grid().getAttribute('aria-rowcount')).toBe('21');
    expect(await view.page.locator('[aria-rowindex="21"] [role=rowheader]').count()).toBe(1);
    // The second layer is L4.
    expect(await focusedCell()).toMatch(/^L4: expert/);
    expect(await details()).toContain('token 19');
    const body = await view.page.locator('.body').boundingBox();
    await view.page.keyboard.down('Control');
    await view.page.mouse.click(body!.x + 20, body!.y + 3);
    await view.page.keyboard.up('Control');
    expect(await sent('highlight')).toMatchObject([{ expert: { layer: 1 }, preview: false }]);
  });

  test('has nothing pointed at that it does not have', async () => {
    await open();
    await view.show(demo, { layer: 3 });
    const { x, y } = await cellPoint(7, 0);
    await view.page.mouse.move(x, y);
    await view.settle();
    expect(await details()).toContain('token 7');
    await view.showSynthetic({ tokens: 5, layers: 2, experts: 8, k: 2 }, { layer: 1 });
    expect(await details()).not.toContain('token 7');
  });
});

describe('what is not current', () => {
  test('is drawn fainter', async () => {
    await open();
    await view.show(demo, { layer: 3, staleFrom: 3 });
    const { chosen, candidates } = demo.trace.layers[3]!;
    expect(await colorAt(await cellPoint(1, 3))).toBe(expertColor(chosen[candidates]!, 'vivid', 'dark'));
    expect(await view.page.getByRole('status').innerText()).toContain('Stale from token 3 on.');
  });
});

test('the chosen layer is in sight from the beginning, and where it is chosen elsewhere, its name whole over its column', async () => {
  await open({ width: 480 });
  await view.showSynthetic({ tokens: 100, layers: 58, experts: 256, k: 8 }, { layer: 29, tint: 'entropy' });
  for (const layer of [29, 57, 30, 0]) {
    await view.update({ layer });
    const { name, column, shown } = await view.page.getByRole('columnheader', { selected: true }).evaluate((header) => {
      const range = document.createRange();
      range.selectNodeContents(header);
      const edges = ({ left, right }: DOMRect): [number, number] => [left, right];
      const [corner, surprise] = ['.corner', '.surprise'].map((at) => document.querySelector(at)!);
      return {
        name: edges(range.getBoundingClientRect()),
        column: edges(header.getBoundingClientRect()),
        shown: [corner!.getBoundingClientRect().right, surprise!.getBoundingClientRect().left] as const,
      };
    });
    // Columns have a gap of three pixels at their right.
    expect(Math.abs((name[0] + name[1]) / 2 - (column[0] + column[1] - 3) / 2)).toBeLessThan(1);
    expect(name[0]).toBeGreaterThanOrEqual(shown[0] - 6);
    expect(name[1]).toBeLessThanOrEqual(shown[1] + 6);
  }
});

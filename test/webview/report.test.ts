/** What a user of the report page relies on, in Chromium: the sections are the real ones, of a real trace. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Section } from '../../extension/protocol/report.ts';
import { launchBrowser } from '../support/browser.ts';
import { charts } from './chartSamples.ts';
import { demoTrace } from './demoTrace.ts';
import { openView, type View, type ViewOptions } from './harness.ts';

const demo = demoTrace('balanced', 'router.ts');
let browser: Browser;
let view: View;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());
afterEach(async () => {
  expect(view.complaints).toEqual([]);
  await view.page.close();
});

async function open(options: ViewOptions = { width: 1000 }): Promise<void> {
  view = await openView(browser, 'report', options);
  await view.show(demo);
}

const sent = async (type: string) => (await view.received()).filter((message) => message.type === type);

const chart = (title: string) => view.page.getByRole('application', { name: title });
const button = (name: string) => view.page.getByRole('button', { name });

test('without anything to report on it says what there is to do', async () => {
  view = await openView(browser, 'report', { width: 1000 });
  await view.page.evaluate(() => {
    window.fakeHost.sendToReport({ type: 'subjects', subjects: [] });
  });
  await view.settle();
  await view.page.getByText('Analyze Routing').click();
  expect(await sent('command')).toEqual([{ type: 'command', command: 'analyze' }]);
});

test('shows a section: its verdict, its controls, its figures with their basis', async () => {
  await open();
  expect(await view.page.locator('.verdict').innerText()).toContain('The hottest expert is E13 of L5');
  const figure = view.page.getByRole('article', { name: 'Load by expert, L0' });
  // Of the slots of 194 tokens E3 took 50, E5 one.
  expect(await figure.locator('svg').textContent()).toContain('12.9\u202f%');
  expect(await figure.innerText()).toContain('recorded');
  expect(await view.page.getByRole('article', { name: 'Balance by layer' }).getByRole('table').innerText()).toContain(
    'MaxVio',
  );
});

describe('controls', () => {
  test('a choice asks for the section as it is set, and the answer shows', async () => {
    await open();
    await view.page.getByRole('combobox', { name: 'Layer' }).click();
    await view.page.getByRole('option', { name: 'L5' }).click();
    await view.settle();
    expect((await sent('section')).at(-1)).toMatchObject({ id: 'balance', set: { shownLayer: '5' } });
    await view.page.getByRole('article', { name: 'Load by expert, L5' }).waitFor();
  });

  test('the layer is that of the editor, until another is chosen for all sections, or in the editor', async () => {
    view = await openView(browser, 'report', { width: 1000 });
    await view.show(demo, { layer: 3 });
    const layer = view.page.getByRole('combobox', { name: 'Layer' });
    const said = async () => (await layer.getAttribute('current-value')) ?? '';
    expect(await said()).toBe('3');
    await view.page.getByRole('article', { name: 'Load by expert, L3' }).waitFor();
    await layer.click();
    await view.page.getByRole('option', { name: 'L5' }).click();
    await view.settle();
    await view.page.getByRole('button', { name: 'Co-activation', exact: true }).click();
    await view.settle();
    expect(await said()).toBe('5');
    // A cursor moves, say.
    await view.update({ cursor: 7 });
    expect(await said()).toBe('5');
    await view.update({ layer: 1 });
    expect(await said()).toBe('1');
    await button('Export…').click();
    const [message] = await sent('export');
    expect(message).toMatchObject({ set: { balance: { shownLayer: '1' }, regions: { shownLayer: '1' } } });
  });

  test('a slider that moves faster than answers come ends with what was set last, and shows it meanwhile', async () => {
    await open();
    await view.forgetReceived();
    await view.page.evaluate(() => {
      window.fakeHost.holdSections = true;
    });
    await view.page.getByRole('slider', { name: 'Cold under' }).focus();
    for (let i = 0; i < 6; i++) await view.page.keyboard.press('ArrowRight');
    expect(await sent('section')).toHaveLength(1);
    expect(await view.page.locator('output').innerText()).toBe('8.0\u202f%');
    await view.page.evaluate(() => {
      window.fakeHost.answerSections();
    });
    await view.settle();
    expect((await sent('section')).map((m) => ('set' in m ? m.set : {}))).toMatchObject([
      { cold: 0.055 },
      { cold: 0.08 },
    ]);
    expect(await view.page.locator('output').innerText()).toBe('8.0\u202f%');
    // Under 8 % of L0's load are all but E3, E7, E10, E11 and E12.
    const row = view.page.getByRole('row', { name: /^L0/ });
    expect(await row.innerText()).toContain('68.8\u202f%');
  });

  test('of all kinds say what is set, within bounds', async () => {
    await open();
    await view.showReport([charts]);
    await view.page.getByRole('spinbutton', { name: 'Bandwidth' }).fill('5000');
    await view.page.keyboard.press('Enter');
    await view.page.getByRole('checkbox', { name: 'Each layer' }).click();
    await view.settle();
    expect((await sent('section')).at(-1)).toMatchObject({ set: { bandwidth: 1000, faint: false } });
    await button('Measure').click();
    await button('Export Biases…').click();
    await button('Export…').click();
    const set = { bandwidth: 1000, faint: false, shownLayer: '0' };
    expect(await sent('act')).toEqual([
      { type: 'act', section: 'charts', action: 'run', set },
      { type: 'act', section: 'charts', action: 'biases', set },
    ]);
    expect(await sent('export')).toEqual([{ type: 'export', set: { charts: set } }]);
  });
});

describe('charts', () => {
  test('pointing at a bar highlights its expert in the editor, a click pins it', async () => {
    await open();
    const bars = chart('Load by expert');
    const box = (await bars.boundingBox())!;
    await view.page.mouse.move(box.x + 60, box.y + 16 + 3.5 * 18);
    await view.settle();
    expect((await sent('highlight')).at(-1)).toEqual({
      type: 'highlight',
      expert: { layer: 0, expert: 3 },
      preview: true,
    });
    expect(await bars.locator('.tip').innerText()).toBe('E3: 12.9\u202f%');
    await view.page.mouse.down();
    await view.page.mouse.up();
    await view.page.mouse.move(0, 0);
    await view.settle();
    expect((await sent('highlight')).slice(-2)).toEqual([
      { type: 'highlight', expert: { layer: 0, expert: 3 }, preview: false },
      { type: 'highlight', preview: true },
    ]);
    // The pinned expert stands out in the other chart, too.
    expect(await chart('Load, all layers').locator('.pinned').count()).toBe(1);
  });

  test('where no text is open whose tokens could stand out, nothing looks as if it led there', async () => {
    await open();
    await view.page.evaluate(() => {
      window.fakeHost.update({ leadsNowhere: true });
    });
    const bars = chart('Load by expert');
    const box = (await bars.boundingBox())!;
    await view.page.mouse.move(box.x + 60, box.y + 16 + 3.5 * 18);
    await view.settle();
    expect(await bars.locator('.tip').innerText()).toBe('E3: 12.9\u202f%');
    await view.page.mouse.down();
    await view.page.mouse.up();
    await view.page.getByRole('button', { name: 'Table: Load by expert' }).click();
    await view.settle();
    const table = view.page.getByRole('article', { name: 'Load by expert' }).getByRole('table');
    expect(await table.getByRole('rowheader', { name: 'E3', exact: true }).getByRole('button').count()).toBe(0);
    expect(await sent('highlight')).toEqual([]);
  });

  test('arrow keys read the values of a heat map and Enter pins its expert', async () => {
    await open();
    await chart('Load, all layers').focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowDown']) {
      await view.page.keyboard.press(key);
    }
    await view.settle();
    expect(await chart('Load, all layers').getByRole('status').innerText()).toMatch(/^L2, E3: [\d.]+×$/);
    await view.page.keyboard.press('Enter');
    expect((await sent('highlight')).at(-1)).toEqual({
      type: 'highlight',
      expert: { layer: 2, expert: 3 },
      preview: false,
    });
    await view.page.keyboard.press('Escape');
    expect((await sent('highlight')).at(-1)).toEqual({ type: 'highlight', preview: false });
  });

  test('a heat map of 58 layers of 256 experts is a few elements', async () => {
    await open({ width: 1200 });
    await view.showReport([charts]);
    const heat = chart('Load of 256 experts at 58 layers');
    expect(await heat.locator('path').count()).toBeLessThan(40);
    await heat.scrollIntoViewIfNeeded();
    const box = (await heat.boundingBox())!;
    await view.page.mouse.move(box.x + box.width - 3, box.y + 34);
    await view.settle();
    expect(await heat.locator('.tip').innerText()).toMatch(/^L3, E255: /);
  });

  test.each([300, 480, 1200])('%i pixels wide, nothing is wider than the page', async (width) => {
    await open({ width });
    await view.showReport([charts]);
    const over = await view.page.evaluate(() => {
      const right = document.documentElement.clientWidth;
      const texts = Array.from(document.querySelectorAll('svg text'));
      return texts.filter((t) => t.getBoundingClientRect().right > right + 1).map((t) => t.textContent);
    });
    expect(over).toEqual([]);
    const wide = await view.page.evaluate(() => {
      const all = Array.from(document.querySelectorAll('main *:not(svg *)'));
      const right = document.documentElement.clientWidth;
      return all.filter((e) => e.getBoundingClientRect().right > right + 1).map((e) => e.outerHTML.slice(0, 80));
    });
    expect(wide).toEqual([]);
  });
});

describe('what opens on demand', () => {
  test('"?" tells meaning, formula, source and how to judge', async () => {
    await open();
    await button('What it means: Balance by layer').click();
    const text = await view.page.getByRole('article', { name: 'Balance by layer' }).innerText();
    expect(text).toContain('MaxVio = max c / mean c − 1');
    expect(text).toContain('arXiv 2408.15664');
    expect(text).toContain('Recorded: read from a file.');
  });

  test('a table sorts by any column', async () => {
    await open();
    await button('Table: Load by expert, L0').click();
    const figure = view.page.getByRole('article', { name: 'Load by expert, L0' });
    const first = () => figure.locator('tbody tr').first().innerText();
    expect(await first()).toMatch(/^E0\s+26\s/);
    await figure.getByRole('button', { name: 'slots' }).click();
    expect(await first()).toMatch(/^E3\s+50\s/);
    await figure.getByRole('button', { name: 'slots' }).click();
    expect(await first()).toMatch(/^E5\s+1\s/);
    expect(await figure.getByRole('columnheader', { name: 'slots' }).getAttribute('aria-sort')).toBe('ascending');
    await figure.getByRole('button', { name: 'expert', exact: true }).click();
    expect(await first()).toMatch(/^E0\s/);
    await figure.getByRole('button', { name: 'E7' }).click();
    expect((await sent('highlight')).at(-1)).toEqual({
      type: 'highlight',
      expert: { layer: 0, expert: 7 },
      preview: false,
    });
  });

  test('of a long table the first rows show, and all on demand; rows lead to their places', async () => {
    await open();
    const rows = Array.from({ length: 450 }, (_, i) => [`token ${i}`, i]);
    const places = rows.map((_, i) => ({ start: i, end: i + 1 }));
    const columns = [
      { label: 'token', unit: 'text' },
      { label: 'loss', unit: 'nats' },
    ] as const;
    const { id, title, basis, help, text } = charts.figures[0]!;
    const long: Section = { ...charts, figures: [{ id, title, basis, help, text, table: { columns, rows, places } }] };
    await view.showReport([long]);
    expect(await view.page.locator('tbody tr').count()).toBe(200);
    await button('Show All').click();
    expect(await view.page.locator('tbody tr').count()).toBe(450);
    expect(await view.page.evaluate(() => document.activeElement?.className)).toBe('scroll');
    await button('token 449').click();
    expect(await sent('goto')).toEqual([{ type: 'goto', place: { start: 449, end: 450 } }]);
  });

  test('saves a figure as CSV, JSON, SVG and PNG, and copies its table', async () => {
    await open();
    await view.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button('Copy or save: Load by expert, L0').click();
    for (const kind of ['CSV', 'JSON', 'SVG', 'PNG']) await button(kind).click();
    // The host has the data made, in English.
    expect(await sent('saveData')).toEqual(
      ['csv', 'json'].map((format) => {
        return { type: 'saveData', section: 'balance', figure: 'load-by-expert', format, set: { shownLayer: '0' } };
      }),
    );
    await expect.poll(() => sent('save')).toHaveLength(2);
    const files = (await sent('save')).flatMap((m) => (m.type === 'save' ? [m] : []));
    expect(files.map(({ name }) => name)).toEqual(['load-by-expert.svg', 'load-by-expert.png']);
    expect(files[0]!.content).toMatch(/^<svg xmlns=.*<title id="load-by-expert-title">Load by expert, L0<\/title>/);
    // A PNG of the same size as the SVG at double density begins with its signature and its width.
    const png = Buffer.from(files[1]!.content, 'base64');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBe(2 * Number(/width="(\d+)"/.exec(files[0]!.content)![1]));
    await button('Copy table').click();
    await expect.poll(() => view.page.evaluate(() => navigator.clipboard.readText())).toMatch(/^expert\tslots\t/);
  });
});

test('a section that fails says so and is asked for again', async () => {
  await open();
  await view.page.evaluate(() => {
    window.fakeHost.holdSections = true;
    window.fakeHost.sendToReport({ type: 'changed' });
  });
  await view.settle();
  const request = (await sent('section')).flatMap((m) => ('request' in m ? [m.request] : [])).at(-1)!;
  await view.page.evaluate((r) => {
    // An answer to what was asked before is void.
    window.fakeHost.sendToReport({ type: 'failed', request: r - 1, message: 'Old.' });
    window.fakeHost.sendToReport({ type: 'failed', request: r, message: 'The folder is gone.' });
  }, request);
  await view.settle();
  expect(await view.page.getByRole('alert').innerText()).toContain('The folder is gone.');
  await view.page.evaluate(() => {
    window.fakeHost.answerSections();
  });
  await button('Try Again').click();
  await view.settle();
  expect(await view.page.evaluate(() => document.activeElement?.tagName)).toBe('H2');
  expect(await view.page.getByRole('alert').count()).toBe(0);
});

test('another subject and another section are asked for; the page comes back as it was', async () => {
  await open();
  const other: Section = { ...charts, id: 'other', title: 'Other' };
  await view.showReport([charts, other]);
  await button('Other').click();
  await button('Table: Entropy by layer').click();
  await view.settle();
  expect((await sent('section')).at(-1)).toMatchObject({ id: 'other', set: {} });
  expect(await button('Other').getAttribute('aria-current')).toBe('page');
  await view.page.getByRole('combobox', { name: 'Report on' }).click();
  await view.page.getByRole('option', { name: 'samples' }).click();
  expect(await sent('chooseSubject')).toEqual([{ type: 'chooseSubject', id: 'folder' }]);
  const saved = await view.page.evaluate(() => window.fakeHost.api.getState());
  expect(saved).toMatchObject({ section: 'other', open: ['depth:table'] });
});

test.each(['other', 'charts'])(
  'a section that the host wants to be seen begins at its beginning: %s',
  async (section) => {
    view = await openView(browser, 'report', { width: 1000, height: 300 });
    await view.page.evaluate(() => {
      window.fakeHost.api.setState({ section: 'charts', scrollTop: 400 });
    });
    const other: Section = { ...charts, id: 'other', title: 'Other' };
    await view.page.evaluate(() => {
      window.fakeHost.holdSections = true;
    });
    await view.showReport([charts, other]);
    await view.page.evaluate((id) => {
      window.fakeHost.sendToReport({ type: 'reveal', section: id });
      window.fakeHost.answerSections();
    }, section);
    await view.settle();
    await view.page.getByText('Loss without an expert').first().waitFor();
    expect(await view.page.evaluate(() => document.scrollingElement!.scrollTop)).toBe(0);
  },
);

test.each([
  [300, 'dark', undefined],
  [1200, 'dark', undefined],
  [1200, 'light', 'colours'],
  [300, 'highContrast', 'colours'],
] as const)('%i pixels wide, %s: nothing keeps anybody out', async (width, theme, of) => {
  await open({ width, theme });
  for (const tool of ['What it means', 'Table', 'Copy or save']) await button(`${tool}: Load by expert, L0`).click();
  expect(await view.violations(of)).toEqual([]);
  await view.showReport([charts]);
  await chart('Loss without an expert').focus();
  await view.page.keyboard.press('ArrowDown');
  expect(await view.violations(of)).toEqual([]);
});

test('text from anywhere is text', async () => {
  await open();
  const hostile = '<img src=x onerror=alert(1)>\u202e"&';
  const section: Section = {
    ...charts,
    verdict: hostile,
    figures: charts.figures.map((figure) => ({
      ...figure,
      title: hostile,
      text: hostile,
      ...(figure.chart?.kind === 'bars'
        ? { chart: { ...figure.chart, labels: figure.chart.labels.map(() => hostile) } }
        : {}),
    })),
  };
  await view.showReport([section]);
  expect(await view.page.locator('img').count()).toBe(0);
  expect(await view.page.locator('.verdict').innerText()).toBe(hostile);
});

test('in a low window every section can be come to', async () => {
  await open({ width: 800, height: 400 });
  const last = view.page.locator('nav button').last();
  await last.focus();
  const { bottom, height } = await last.evaluate((e) => ({
    bottom: e.getBoundingClientRect().bottom,
    height: window.innerHeight,
  }));
  expect(bottom).toBeLessThanOrEqual(height);
  const nav = await view.page.locator('nav').evaluate((e) => e.getBoundingClientRect().height);
  expect(nav).toBeLessThanOrEqual(400);
});

test('a control never shows what it cannot be set to', async () => {
  view = await openView(browser, 'report', { width: 1000 });
  await view.page.evaluate(() => {
    window.fakeHost.api.setState({ section: 'balance' });
  });
  await view.show(demo);
  await view.showReport([charts]);
  await view.page.evaluate(() => {
    window.fakeHost.holdSections = true;
  });
  const wide = charts.controls.map((control) =>
    control.kind === 'number' ? { ...control, min: 0, max: 10, value: 5 } : control,
  );
  await view.page.getByRole('spinbutton', { name: 'Bandwidth' }).fill('900');
  await view.page.keyboard.press('Enter');
  await view.page.evaluate(() => {
    window.fakeHost.answerSections();
  });
  await view.showReport([{ ...charts, controls: wide }]);
  await view.page.evaluate(() => {
    window.fakeHost.sendToReport({ type: 'changed' });
  });
  await view.settle();
  await view.page.evaluate(() => {
    window.fakeHost.holdSections = true;
    window.fakeHost.sendToReport({ type: 'changed' });
  });
  await view.settle();
  expect(await view.page.getByRole('spinbutton', { name: 'Bandwidth' }).inputValue()).toBe('5');
});

test('of two subjects, what is said of the chosen one stands centred beside the list, or well below it', async () => {
  await open({ width: 1000 });
  const chosen = async () => (await view.page.locator('.subject vscode-dropdown').boundingBox())!;
  const said = async () => (await view.page.locator('.subject p').boundingBox())!;
  const beside = { list: await chosen(), text: await said() };
  const off = beside.text.y + beside.text.height / 2 - (beside.list.y + beside.list.height / 2);
  expect(Math.abs(off)).toBeLessThanOrEqual(0.5);
  await view.page.setViewportSize({ width: 300, height: 900 });
  const list = await chosen();
  expect((await said()).y - (list.y + list.height)).toBe(6);
});

describe('a table that is wider than its box', () => {
  const table = {
    columns: Array.from({ length: 12 }, (_, c) => ({ label: `column ${c}`, unit: 'text' as const })),
    rows: Array.from({ length: 4 }, (_, r) => Array<string>(12).fill(`cell of row ${r}`)),
  };

  /** Whether hardly a pixel at the box's left and right edges has the page's own colour. */
  async function shaded(): Promise<string[]> {
    const box = view.page.locator('.scroll').first();
    const head = (await box.locator('thead').boundingBox())!.height;
    const picture = (await box.screenshot({ caret: 'initial' })).toString('base64');
    return view.page.evaluate(
      async ([data, from]) => {
        const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const context = new OffscreenCanvas(image.width, image.height).getContext('2d', { willReadFrequently: true })!;
        const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/gu)!.map(Number);
        context.drawImage(image, 0, 0);
        const plain = (x: number): number => {
          const { data: pixels } = context.getImageData(x, from, 1, image.height - from);
          let same = 0;
          for (let i = 0; i < pixels.length; i += 4) {
            if (pixels[i] === red && pixels[i + 1] === green && pixels[i + 2] === blue) same += 4 / pixels.length;
          }
          return same;
        };
        const edges = { left: plain(0), right: plain(image.width - 1) };
        return Object.entries(edges).flatMap(([edge, share]) => (share < 0.1 ? [edge] : []));
      },
      [picture, Math.ceil(head)] as const,
    );
  }

  async function show(options: ViewOptions): Promise<void> {
    await open({ width: 300, ...options });
    await view.showReport([{ ...charts, figures: [{ ...charts.figures[0]!, table }] }]);
    const asked = view.page.getByRole('button', { name: 'Table' });
    if (!(await view.page.locator('.scroll').count())) await asked.first().click();
    await view.settle();
  }

  const scrollTo = (left: number) =>
    view.page
      .locator('.scroll')
      .first()
      .evaluate((box, x) => {
        box.scrollLeft = x;
      }, left);

  test.each(['dark', 'light', 'highContrast', 'highContrastLight'] as const)(
    'is shaded at the edge where it goes on, %s',
    async (theme) => {
      await show({ theme });
      expect(await shaded()).toEqual(['right']);
      await scrollTo(100);
      expect(await shaded()).toEqual(['left', 'right']);
      await scrollTo(10_000);
      expect(await shaded()).toEqual(['left']);
    },
  );

  test('is not shaded where it fits, nor in forced colours', async () => {
    await show({ width: 1400 });
    expect(await shaded()).toEqual([]);
    await view.page.close();
    await show({ theme: 'highContrast', forcedColors: true });
    expect(await shaded()).toEqual([]);
  });
});

test('subjects of one name are told apart', async () => {
  await open();
  await view.page.evaluate(() => {
    const subjects = ['float32', 'int8'].map((detail) => ({ id: detail, name: 'a.ts', detail }));
    window.fakeHost.sendToReport({ type: 'subjects', subjects, current: 'int8' });
  });
  await view.settle();
  await view.page.getByRole('combobox', { name: 'Report on' }).click();
  await view.page.getByRole('option', { name: 'a.ts: float32' }).waitFor();
});

test('a chart that goes while something is pointed at takes that along', async () => {
  await open();
  const box = (await chart('Load by expert').boundingBox())!;
  await view.page.mouse.move(box.x + 60, box.y + 16 + 3.5 * 18);
  await view.settle();
  await view.showReport([{ ...charts, figures: [] }]);
  await view.page.evaluate(() => {
    window.fakeHost.sendToReport({ type: 'changed' });
  });
  await view.settle();
  expect((await sent('highlight')).at(-1)).toEqual({ type: 'highlight', preview: true });
});

test('a row of a table that is pointed at stays so in an update, until it is of another expert', async () => {
  await open();
  const figure = view.page.getByRole('article', { name: 'Load by expert, L0' });
  await figure.getByRole('button', { name: 'Table' }).click();
  await figure.locator('moe-table button.link').nth(2).hover();
  const pointed = await sent('highlight');
  const update = async () => {
    await view.page.evaluate(() => {
      window.fakeHost.sendToReport({ type: 'changed' });
    });
    await view.settle();
  };
  await update();
  expect(await sent('highlight')).toEqual(pointed);
  // All rows are of the next layer.
  await view.update({ layer: 1 });
  await update();
  expect(await sent('highlight')).toEqual([...pointed, { type: 'highlight', preview: true }]);
});

test.each(['pointed at', 'focused'])('a row of a table that goes while it is %s takes that along', async (how) => {
  await open();
  const figure = view.page.getByRole('article', { name: 'Load by expert, L0' });
  await figure.getByRole('button', { name: 'Table' }).click();
  const row = figure.locator('moe-table button.link').nth(2);
  if (how === 'focused') await row.focus();
  else await row.hover();
  expect((await sent('highlight')).at(-1)).toMatchObject({ expert: { layer: 0 }, preview: true });
  await view.page.evaluate(() => {
    document.querySelector<HTMLElement>('[aria-controls$="-table"]')!.click();
  });
  await view.settle();
  expect(await view.page.locator('moe-table button.link').count()).toBe(0);
  expect((await sent('highlight')).at(-1)).toEqual({ type: 'highlight', preview: true });
});

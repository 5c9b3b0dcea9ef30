/** Whoever does not point, does not see colours, sees little or is made sick by motion gets all that the pages have. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { WebviewEntry } from '../../extension/host/webviewHtml.ts';
import { launchBrowser } from '../support/browser.ts';
import { demoTrace } from './demoTrace.ts';
import { openView, type View, type ViewOptions } from './harness.ts';
import { SHOWN_PAGES } from './shownPages.ts';

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

async function open(name: WebviewEntry, options: ViewOptions = {}): Promise<void> {
  const page = SHOWN_PAGES.find((one) => one.name === name)!;
  view = await openView(browser, name, { width: page.width, ...options });
  await page.show(view);
  await view.page.mouse.move(0, 0);
  await view.forgetReceived();
}

/** Leaves what the pointer has touched, so that the next Tab enters the page as it does from the editor. */
async function leave(): Promise<void> {
  await tabStops('Tab');
}

/** As fast as a person at most: the page has drawn what a key did before the next one comes. */
async function press(...keys: string[]): Promise<void> {
  for (const key of keys) {
    await view.page.keyboard.press(key);
    await view.settle();
  }
}

type Sent = Awaited<ReturnType<View['received']>>[number];
const meanEntropy = (layer: number): string => {
  const { entropy } = demo.trace.layers[layer]!;
  return (entropy.reduce((sum, nats) => sum + nats) / entropy.length).toFixed(3);
};
const sent = async <T extends Sent['type']>(type: T): Promise<Extract<Sent, { type: T }>[]> =>
  (await view.received()).filter((message): message is Extract<Sent, { type: T }> => message.type === type);
const focusOn = (name: string) => view.page.getByRole('button', { name, exact: true }).focus();

/** What has the focus, as it is called; undefined when nothing of the page has. */
function focused(): Promise<string | undefined> {
  return view.page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    if (!element || element === document.body) return undefined;
    const named = element.closest<HTMLElement>('label') ?? element;
    const content = named.cloneNode(true) as HTMLElement;
    for (const hidden of content.querySelectorAll('[aria-hidden=true]')) hidden.remove();
    return (element.ariaLabel ?? content.textContent).trim().replace(/\s+/gu, ' ');
  });
}

/** All that Tab stops at, until it leaves the page. */
async function tabStops(
  key: 'Tab' | 'Shift+Tab',
  at: (stop: string) => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const stops: string[] = [];
  while (stops.length < 100) {
    await view.page.keyboard.press(key);
    const name = await focused();
    if (name === undefined) return stops;
    await at(name);
    stops.push(name);
  }
  throw new Error(`The focus does not leave the page: ${stops.join(', ')}`);
}

/** What is on the screen at the focused element, or where one was, and right around it. */
async function seenAround(at?: DOMRect): Promise<Buffer> {
  await view.frame();
  const clip = await view.page.evaluate((rectangle) => {
    const { left, top, right, bottom } = rectangle ?? document.activeElement!.getBoundingClientRect();
    const x = Math.max(0, left - 5);
    const y = Math.max(0, top - 5);
    return { x, y, width: Math.min(innerWidth, right + 5) - x, height: Math.min(innerHeight, bottom + 5) - y };
  }, at);
  // Hiding the caret would add a style that the policy forbids.
  return view.page.screenshot({ clip, caret: 'initial' });
}

const STOPS: Readonly<Record<WebviewEntry, readonly string[]>> = {
  load: [
    ...['balanced', 'Analyze Routing', 'L3', 'Tint', 'Map', 'Report', 'Compare Bundled Models', 'What it means: Load'],
    ...['Hottest', 'Coldest', 'Under 5 %', 'Effective experts', 'MaxVio', 'Mean entropy'].map(
      (figure) => `What it means: ${figure}`,
    ),
    ...['Load by expert L3 · even 6.3 %', 'What it means: Load by expert'],
    'E0, 2.6 % of load, 0.41× the even share',
    ...['All layers 0 3× even', 'What it means: All layers'],
    'Load of every expert at 6 layers, as a multiple of the even share',
    ...['Depth mean router entropy, nats', 'What it means: Depth', `L3: ${meanEntropy(3)} nats`],
  ],
  map: ['Tint', 'Routing of router.ts, 6 layers of 194 tokens', 'E7 0.76', 'E6 0.24'],
  model: [
    ...['Choose Model…', 'arXiv 2405.04434', 'In numbers', 'Change in the settings'],
    ...['Search tensors by name or type', 'Tensors', 'Show More', 'config.json'],
  ],
  report: [
    ...['Report on', 'Export…', 'Charts'],
    ...['Capacity factor 1.25', 'Bandwidth GB/s', 'Policy', 'Each layer', 'Measure', 'Export Placement…'],
    ...['What it means', 'Table', 'Copy or save'].map((part) => `${part}: Loss without an expert`),
    ...['Copy table', 'CSV', 'JSON', 'SVG', 'PNG'],
    'Loss without an expert. Loss without an expert, in a sentence. Arrow keys read the values.',
    ...['Loss without an expert, table', 'layer', 'Export Biases…'],
    ...['What it means', 'Table', 'Copy or save'].map((part) => `${part}: Agreement of layers`),
    'Agreement of layers. Agreement of layers, in a sentence. Arrow keys read the values.',
  ],
};

describe.each(SHOWN_PAGES)('$name', ({ name, width }) => {
  test('Tab goes through everything in the order in which one reads it, and out again; and back', async () => {
    await open(name);
    await leave();
    const there = await tabStops('Tab');
    expect(there).toEqual(STOPS[name]);
    const back = await tabStops('Shift+Tab');
    expect(back.reverse()).toEqual(there);
  });

  test.each([
    ['dark', {}],
    ['highContrastLight', {}],
    ['highContrast', { forcedColors: true }],
  ] as const)('the focus is seen wherever it is, %s %o', async (theme, options) => {
    await open(name, { theme, ...options, height: 2000 });
    await leave();
    const unseen: string[] = [];
    await tabStops('Tab', async (stop) => {
      const with_ = await seenAround();
      // What goes with the focus is a part of how one sees it.
      const without = await view.page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        element.blur();
        return element.getBoundingClientRect().toJSON() as DOMRect;
      });
      if (with_.equals(await seenAround(without))) unseen.push(stop);
    });
    expect(unseen).toEqual([]);
  });

  // Half the width is twice the size; a side panel, too, is made narrow.
  test('where it is narrow nothing is cut off and nothing sticks out', async () => {
    await open(name, { width: width / 2, height: 400 });
    for (const narrow of new Set([width / 2, 150])) {
      await view.page.setViewportSize({ width: narrow, height: 400 });
      await view.settle();
      expect(await cutOff(), `at ${narrow} pixels`).toEqual([]);
      expect(await view.page.evaluate(() => document.scrollingElement!.scrollWidth)).toBeLessThanOrEqual(narrow);
    }
  });

  test.each([
    ['highContrast', 'dark'],
    ['highContrastLight', 'light'],
    ['dark', 'light'],
  ] as const)('forced colours: %s in a system of %s ones passes', async (theme, colorScheme) => {
    await open(name, { theme, forcedColors: true, colorScheme });
    expect(await view.violations('colours')).toEqual([]);
  });

  test('nothing moves where motion is unwanted, by the system or by VS Code', async () => {
    await open(name, { reducedMotion: true });
    expect(await moving()).toEqual([]);
    await view.page.emulateMedia({ reducedMotion: 'no-preference' });
    await view.page.evaluate(() => {
      document.body.classList.add('vscode-reduce-motion');
    });
    expect(await moving()).toEqual([]);
  });
});

/** What is animated, or would be when it changes. */
function moving(): Promise<string[]> {
  return view.page.evaluate(() => {
    const all = [...document.querySelectorAll('*')];
    const changing = all.filter((element) => {
      const { transitionDuration, scrollBehavior } = getComputedStyle(element);
      return transitionDuration !== '0s' || scrollBehavior === 'smooth';
    });
    return [
      ...document.getAnimations().map(() => 'an animation'),
      ...changing.map((element) => `<${element.localName} class="${element.className}">`),
    ];
  });
}

/** Text that cannot be read in full, and elements beyond the page's right edge, but for grids of data, which scroll. */
function cutOff(): Promise<string[]> {
  return view.page.evaluate(() => {
    const grids = '.scroll, pre, moe-routing-grid, .screen-reader, canvas';
    const found: string[] = [];
    const look = (root: Document | ShadowRoot): void => {
      for (const element of root.querySelectorAll<HTMLElement>('*')) {
        if (element.shadowRoot) look(element.shadowRoot);
        const { right, width } = element.getBoundingClientRect();
        if (width === 0 || element.closest(grids)) continue;
        const { overflowX } = getComputedStyle(element);
        const cut = overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
        if (cut || right > innerWidth + 0.5) {
          found.push(
            `<${element.localName} class="${element.getAttribute('class') ?? ''}"> ${element.textContent.trim()}`,
          );
        }
      }
    };
    look(document);
    return found;
  });
}

describe('what a pointer does in the load view, keys do', () => {
  beforeEach(() => open('load'));

  test('the layer: arrows, Home and End', async () => {
    await view.page.getByRole('radio', { checked: true }).focus();
    await press('ArrowRight', 'Home', 'End', 'ArrowLeft', 'ArrowRight', 'ArrowRight');
    expect(await sent('chooseLayer')).toEqual([4, 0, 5, 4, 5, 0].map((layer) => ({ type: 'chooseLayer', layer })));
  });

  test('the tint: a list that opens, is gone through and can be left as it was', async () => {
    const tint = view.page.getByRole('combobox', { name: 'Tint' });
    await tint.focus();
    await press('Space', 'Home', 'ArrowDown', 'Escape');
    expect(await sent('chooseTint')).toEqual([]);
    await press('Space', 'Home', 'ArrowDown', 'Enter');
    expect(await sent('chooseTint')).toEqual([{ type: 'chooseTint', tint: 'entropy' }]);
  });

  test('commands: Enter and Space', async () => {
    await focusOn('balanced');
    await press('Enter', 'Tab', 'Space', 'Tab', 'Tab', 'Tab', 'Enter', 'Tab', 'Space', 'Tab', 'Enter');
    const commands = ['chooseModel', 'analyze', 'openMap', 'openReport', 'compareBundled'];
    expect(await sent('command')).toEqual(commands.map((command) => ({ type: 'command', command })));
  });

  test('explanations and sections open and close', async () => {
    const definition = view.page.getByText('as a multiple of the even share 1/E');
    await focusOn('What it means: Load');
    await press('Enter');
    expect(await definition.count()).toBe(0);
    await press('Space');
    expect(await definition.count()).toBe(1);
    await view.page.locator('summary', { hasText: 'Depth' }).focus();
    await press('Enter');
    expect(await view.page.getByRole('listbox', { name: 'Mean router entropy' }).isVisible()).toBe(false);
    await press('Space');
    expect(await view.page.getByRole('listbox', { name: 'Mean router entropy' }).isVisible()).toBe(true);
    await view.page.locator('summary', { hasText: 'All layers' }).focus();
    await press('Space');
    expect(await view.page.getByRole('grid').isVisible()).toBe(false);
  });

  test('bars: each is gone to, told, previewed and pinned', async () => {
    await view.page.locator('[data-expert="0"]').focus();
    await press('End', 'ArrowUp', 'ArrowUp');
    expect(await focused()).toBe('E13, 16.5 % of load, 2.6× the even share, chosen for the cursor’s token');
    await press('Enter');
    expect((await sent('highlight')).slice(-2)).toEqual([
      { type: 'highlight', expert: { layer: 3, expert: 13 }, preview: true },
      { type: 'highlight', expert: { layer: 3, expert: 13 }, preview: false },
    ]);
    await press('Home');
    expect(await focused()).toBe('E0, 2.6 % of load, 0.41× the even share');
  });

  test('the heat map: each cell is gone to and told, its layer chosen', async () => {
    await view.page.getByRole('grid').focus();
    await press('ArrowDown', 'ArrowDown', 'End');
    expect(await view.page.locator('#heat-cell').textContent()).toMatch(/^L2, expert 15: \d/);
    await press('l');
    expect(await sent('chooseLayer')).toEqual([{ type: 'chooseLayer', layer: 2 }]);
    expect(await view.page.getByRole('grid').ariaSnapshot()).toContain('L2, expert 15');
  });

  test('points of the depth chart: each is told, and chooses its layer', async () => {
    await view.page.locator('.depth [tabindex="0"]').focus();
    await press('ArrowRight');
    expect(await focused()).toBe(`L4: ${meanEntropy(4)} nats`);
    await press('End', 'ArrowRight');
    expect(await focused()).toBe(`L5: ${meanEntropy(5)} nats`);
    expect(await sent('chooseLayer')).toEqual([]);
    await press('Enter');
    expect(await sent('chooseLayer')).toEqual([{ type: 'chooseLayer', layer: 5 }]);
    await press('Home', 'ArrowLeft');
    expect(await focused()).toMatch(/^L0: /);
  });
});

describe('what a pointer does in the map, keys do', () => {
  beforeEach(() => open('map'));

  test('experts after the first of a cell are previewed and pinned from below the grid', async () => {
    await view.page.getByRole('grid').focus();
    await press('Tab', 'Tab', 'Enter', 'Shift+Tab', 'Shift+Tab');
    expect((await sent('highlight')).map(({ preview, expert }) => [preview, expert?.expert])).toEqual([
      ...[
        [true, 7],
        [true, undefined],
        [true, 6],
        [false, 6],
      ],
      ...[
        [true, undefined],
        [true, 7],
        [true, undefined],
      ],
    ]);
  });

  test('what a tint means is told on demand', async () => {
    await view.update({ tint: 'margin' });
    await focusOn('What it means: Margin');
    await press('Enter');
    expect(await view.page.locator('.legend').innerText()).toContain('minus that of the first not chosen at L3');
  });

  test('in a low and narrow window the grid has rows and layers, and the page scrolls', async () => {
    await view.page.setViewportSize({ width: 150, height: 200 });
    await view.settle();
    const grid = (await view.page.locator('.body').boundingBox())!;
    expect(grid.height).toBeGreaterThanOrEqual(54);
    await view.page.getByRole('grid').focus();
    await press('End');
    expect(await view.page.locator('#grid-cell').textContent()).toMatch(/^L5: expert/);
    const [scrollWidth, scrollHeight] = await view.page.evaluate(() => {
      const page = document.scrollingElement!;
      return [page.scrollWidth, page.scrollHeight];
    });
    expect(scrollHeight).toBeGreaterThan(200);
    expect(scrollWidth).toBe(150);
  });
});

describe('what a pointer does on the model page, keys do', () => {
  beforeEach(() => open('model', { width: 300 }));

  test('tables scroll in both directions, and go on', async () => {
    const table = view.page.getByRole('group', { name: 'Tensors' });
    await table.focus();
    await press('ArrowDown', 'ArrowRight', 'ArrowRight');
    await expect.poll(() => table.evaluate(({ scrollTop, scrollLeft }) => scrollTop * scrollLeft)).toBeGreaterThan(0);
    await press('Tab', 'Enter');
    expect((await sent('tensors')).at(-1)).toMatchObject({ from: 200 });
  });

  test('search, settings and another model', async () => {
    await focusOn('Choose Model…');
    await press('Enter');
    await focusOn('Change in the settings');
    await press('Space', 'Tab');
    await view.page.keyboard.type('F8');
    expect(await sent('command')).toEqual([
      { type: 'command', command: 'chooseModel' },
      { type: 'command', command: 'openSettings' },
    ]);
    expect((await sent('tensors')).at(-1)).toMatchObject({ search: 'F8', from: 0 });
  });
});

describe('what a pointer does on the report page, keys do', () => {
  beforeEach(() => open('report'));

  test('controls: slider, number, choice, toggle and action', async () => {
    await view.page.getByRole('slider').focus();
    await press('ArrowRight', 'Tab');
    await press('Control+a', '8', '0', 'Tab', 'Space', 'ArrowUp', 'Enter', 'Tab', 'Space', 'Tab', 'Enter');
    expect(await sent('act')).toEqual([expect.objectContaining({ action: 'run' })]);
    const set = (await sent('section')).at(-1);
    expect(set).toMatchObject({ set: { factor: 1.3, bandwidth: 80, policy: 'position', faint: false } });
  });

  test('charts: each mark is told, pinned and let go', async () => {
    const chart = view.page.getByRole('application', { name: 'Loss without an expert' });
    const said = () => chart.getByRole('status').textContent();
    await chart.focus();
    await press('ArrowDown');
    expect(await said()).toContain('E1');
    await press('End');
    expect(await said()).toContain('E3');
    await press('Enter', 'Home');
    expect(await said()).toContain('E1');
    await press('Escape');
    expect((await sent('highlight')).map(({ preview, expert }) => [preview, expert?.expert])).toEqual([
      ...[
        [true, 1],
        [true, 3],
        [false, 3],
        [true, 1],
        [true, undefined],
      ],
      [false, undefined],
    ]);
  });

  test('sections and subjects are chosen where there is no room for a list of them', async () => {
    await view.page.setViewportSize({ width: 300, height: 800 });
    await view.show(demo);
    await view.page.getByRole('combobox', { name: 'Section' }).focus();
    await press('Space', 'End', 'Enter');
    await expect.poll(() => view.page.getByRole('heading', { level: 2 }).innerText()).toBe('Compare');
    await view.page.getByRole('combobox', { name: 'Report on' }).focus();
    await press('Space', 'End', 'Enter');
    expect(await sent('chooseSubject')).toHaveLength(1);
  });
});

/** The views without a pointer, without motion, in forced colours, and at twice the size. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectionOf } from '../support/inspection.ts';
import { demoTrace } from './demoTrace.ts';
import { launch, openView, type View, type ViewOptions } from './harness.ts';

const demo = demoTrace('balanced', 'router.ts');
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const model = inspectionOf({ needed: { float32: 60e9, float16: 30e9, int8: 20e9, int4: 10e9 }, free: 24e9 });
const VIEWS = ['load', 'map', 'model', 'report'] as const;
type Name = (typeof VIEWS)[number];

async function open(name: Name, options: ViewOptions): Promise<View> {
  const view = await openView(browser, name, options);
  if (name === 'model') await view.showModel({ model, wanted: { precision: 'auto', provider: 'auto' } }, 450);
  else await view.show(demo, { layer: 3, highlight: { layer: 3, expert: 10 } });
  return view;
}

interface Stop {
  readonly what: string;
  /** Says how it looks where that can show focus: of itself and, in the toolkit's controls, of what it is drawn with. */
  readonly look: string;
}

/** What holds the focus, through shadow roots. */
function focused(view: View): Promise<Stop | undefined> {
  return view.page.evaluate(() => {
    const chain: Element[] = [];
    let element = document.activeElement;
    while (element && element !== document.body) {
      chain.push(element);
      element = element.shadowRoot?.activeElement ?? null;
    }
    const [outer] = chain;
    if (!outer) return undefined;
    // Numbers its elements, so that two that look alike are told apart.
    const all = [...document.querySelectorAll('*')];
    const looks = chain
      .flatMap((one) => [one, ...(one.shadowRoot?.querySelectorAll('*') ?? []), ...one.querySelectorAll('*')])
      .slice(0, 50)
      .map((one) => {
        const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor } =
          getComputedStyle(one);
        return [outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor].join(' ');
      });
    const name = outer.getAttribute('aria-label') ?? outer.textContent.trim().slice(0, 40);
    return { what: `${all.indexOf(outer)} ${outer.localName} ${name}`, look: looks.join('|') };
  });
}

/** Tabs through a view until it comes round. */
async function walk(view: View, most = 400): Promise<Stop[]> {
  const stops: Stop[] = [];
  for (let i = 0; i < most; i++) {
    await view.page.keyboard.press('Tab');
    const stop = await focused(view);
    if (!stop || stop.what === stops[0]?.what) break;
    stops.push(stop);
  }
  return stops;
}

describe.each(VIEWS)('%s', (name) => {
  test('Tab comes to something, leaves everything again, and shows where it is', async () => {
    const view = await open(name, { width: name === 'load' ? 300 : 900 });
    const stops = await walk(view);
    expect(stops.length).toBeGreaterThan(name === 'map' ? 0 : 2);
    // No trap: each is come to once.
    expect(new Set(stops.map(({ what }) => what)).size).toBe(stops.length);
    await view.page.evaluate(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    for (const { what, look } of stops.slice(0, 40)) {
      const without = await view.page.evaluate((wanted) => {
        const outer = [...document.querySelectorAll('*')][Number(wanted.split(' ')[0])]!;
        return [outer, ...(outer.shadowRoot?.querySelectorAll('*') ?? []), ...outer.querySelectorAll('*')]
          .slice(0, 50)
          .map((one) => {
            const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor } =
              getComputedStyle(one);
            return [outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor].join(' ');
          })
          .join('|');
      }, what);
      expect(look, `focus on ${what}`).not.toBe(without);
    }
    await view.page.close();
  });

  test('at twice the size nothing is cut off or reached by scrolling sideways, and axe finds nothing', async () => {
    // A window of 300 px (the side bar) or 640 px (an editor beside another) at 200 %.
    const view = await open(name, { width: name === 'load' ? 150 : 320, height: 450, scale: 2 });
    const cut = await view.page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const canScroll = (element: Element | null): boolean =>
        element !== null &&
        (/auto|scroll/.test(getComputedStyle(element).overflowX) || canScroll(element.parentElement));
      return [...document.body.querySelectorAll('*')]
        .filter((element) =>
          [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== ''),
        )
        .filter((element) => {
          const { right, width: own } = element.getBoundingClientRect();
          return own > 1 && right > width + 0.5 && !canScroll(element.parentElement) && element.checkVisibility();
        })
        .map((element) => `${element.localName} ${element.textContent.trim().slice(0, 40)}`);
    });
    await view.page.screenshot({ path: `test/output/zoom-${name}.png` });
    expect(cut).toEqual([]);
    expect(await view.violations()).toEqual([]);
    await view.page.close();
  });

  test('in forced colours axe finds nothing, and no complaint is made', async () => {
    const view = await open(name, { width: name === 'load' ? 300 : 900, forcedColors: true });
    await view.page.screenshot({ path: `test/output/forced-${name}.png` });
    // The system chooses colours then; axe reckons with those of the page.
    const found = (await view.violations()).filter((violation) => !violation.startsWith('color-contrast'));
    expect(found).toEqual([]);
    expect(view.complaints).toEqual([]);
    await view.page.close();
  });

  test.each(['media', 'class'])('nothing moves where no motion is wanted (%s)', async (how) => {
    const view = await open(name, { width: 300 });
    if (how === 'media') await view.page.emulateMedia({ reducedMotion: 'reduce' });
    else await view.page.evaluate(() => document.body.classList.add('vscode-reduce-motion'));
    if (name !== 'model') await view.update({ running: { label: 'Loading' } });
    const moving = await view.page.evaluate(() =>
      document.getAnimations().map((animation) => (animation as CSSAnimation).animationName),
    );
    expect(moving).toEqual([]);
    await view.page.close();
  });
});

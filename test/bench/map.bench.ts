/** The routing map at 8,000 tokens × 58 layers × 256 experts, in Chromium without a GPU. */
import type { Page } from 'playwright-core';
import { openView } from '../webview/harness.ts';
import { launchBrowser } from '../support/browser.ts';
import { report } from './report.ts';

const SIZE = { tokens: 8000, layers: 58, experts: 256, k: 8 };
const FRAMES = 240;

const browser = await launchBrowser();
for (const [size, width, height] of [
  ['1200 × 800', 1200, 800],
  ['1920 × 1080', 1920, 1080],
] as const) {
  for (const tint of ['expert', 'entropy'] as const) {
    const view = await openView(browser, 'map', { width, height });
    const where = `${size}, ${tint}`;
    report({ what: `first paint, ${where}`, value: await firstPaint(view.page, tint), unit: 'ms', budget: 1000 });
    // Wheel, then thumb: small steps keep what is on the canvas, leaps draw all of it anew.
    for (const [how, pixels] of [
      ['scrolling', 40],
      ['dragging', 4000],
    ] as const) {
      const { framesPerSecond, script } = await scroll(view.page, pixels);
      report({ what: `${how}, ${where}, at least 55`, value: framesPerSecond, unit: 'fps' });
      report({ what: `${how}, ${where}, script a frame`, value: script, unit: 'ms', budget: 16 });
    }
    await view.page.close();
  }
}
await browser.close();

/** From the messages with a trace to the frame in which its cells stand on the canvas. */
async function firstPaint(page: Page, tint: 'expert' | 'entropy'): Promise<number> {
  return page.evaluate(
    ([size, t]) => {
      window.fakeHost.holdMessages = true;
      window.fakeHost.showSynthetic(size, { layer: 17, tint: t });
      window.fakeHost.holdMessages = false;
      return new Promise<number>((resolve) => {
        const start = performance.now();
        window.fakeHost.continueFrom(0, {});
        const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
        const look = (): void => {
          const canvas = document.querySelector<HTMLCanvasElement>('.body canvas');
          if (canvas && canvas.width > 0) copy.drawImage(canvas, -canvas.width / 2, -30);
          const [red, green, blue] = copy.getImageData(0, 0, 1, 1).data;
          // A cell has a hue; what stands in for one that has not come yet is grey.
          if (Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!) > 30) resolve(performance.now() - start);
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
    },
    [SIZE, tint] as const,
  );
}

/** Scrolls by so much a frame, to and fro. `script` is all JavaScript of the page, in milliseconds a frame. */
async function scroll(page: Page, pixels: number): Promise<{ framesPerSecond: number; script: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const scriptSeconds = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'ScriptDuration')!.value;
  };
  const before = await scriptSeconds();
  const milliseconds = await page.evaluate(
    ([frames, by]) =>
      new Promise<number>((resolve) => {
        const scroller = document.querySelector('.scroller')!;
        let frame = 0;
        let start = 0;
        const step = (now: number): void => {
          if (frame === 0) start = now;
          scroller.scrollTop += frame < frames / 2 ? by : -by;
          if (frame++ < frames) requestAnimationFrame(step);
          else resolve(now - start);
        };
        requestAnimationFrame(step);
      }),
    [FRAMES, pixels] as const,
  );
  const script = ((await scriptSeconds()) - before) * 1000;
  await session.detach();
  return { framesPerSecond: (1000 * FRAMES) / milliseconds, script: script / FRAMES };
}

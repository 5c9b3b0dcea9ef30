/** Whether the views of a window show what they have to show: a picture that is taken sooner says nothing. */
import type { Frame, Page } from 'playwright-core';
import type { ViewState } from '../../extension/protocol/webview.ts';

/** As much of the map's element as is looked at. */
type Grid = HTMLElement & { readonly view: ViewState };

/** What of a window's views is still to come, one a line; of those that are in sight. */
export async function undrawnViews(page: Page): Promise<string[]> {
  const views = await page.locator('iframe.webview:visible').elementHandles();
  const left = await Promise.all(
    views.map(async (view) => {
      const outer = await view.contentFrame();
      const inner = await (await outer?.$('iframe#active-frame'))?.contentFrame();
      return inner ? undrawn(inner) : 'a page that has not come up';
    }),
  );
  return left.filter((what) => what !== undefined);
}

/** Undefined where all is drawn. */
function undrawn(frame: Frame): Promise<string | undefined> {
  return frame.evaluate(() => {
    // Others' pages are theirs.
    const { entry } = document.body.dataset;
    if (entry !== undefined && !document.querySelector('main > *')) return `the page ${entry}, which is empty`;
    const grid = document.querySelector<Grid>('moe-routing-grid');
    const canvas = grid?.querySelector('canvas');
    if (!grid || !canvas) return undefined;
    const ROW = 18;
    // Below the last token that is routed there are no cells to wait for.
    const top = grid.querySelector('.scroller')!.scrollTop;
    if (top >= grid.view.routed * ROW) return undefined;
    const { width, height } = canvas;
    if (width === 0 || height === 0) return 'the map, which has no room';
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, width, height);
    // Experts and magnitudes have colours; texts, placeholders and the surface are grey.
    for (let i = 0; i < data.length; i += 4) {
      const [red, green, blue, alpha] = data.subarray(i, i + 4);
      if (alpha! > 100 && Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!) > 40) return undefined;
    }
    return `the map of ${grid.view.routed} tokens, which has no cells`;
  });
}

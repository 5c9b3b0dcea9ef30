/**
 * A long day of the views: 10,000 updates as edits and analyses send them, in rounds that are all alike. What a page holds at the end
 * of a round must not grow once it has warmed up.
 */
import { launchBrowser } from '../support/browser.ts';
import { demoTrace } from '../webview/demoTrace.ts';
import { openView } from '../webview/harness.ts';
import { reportGrowth } from './growth.ts';

const ROUNDS = Number(process.argv[2] ?? 20);
const UPDATES = 500;
/** All of them, or the one that is named after the rounds. */
const VIEWS = (['map', 'load', 'report'] as const).filter((name) => (process.argv[3] ?? name) === name);
const TINTS = ['expert', 'entropy', 'load', 'surprise'] as const;
const TRACES = (['balanced', 'collapsed'] as const).flatMap((name) =>
  ['router.ts', 'essay.md', 'capacity.py'].map((file) => demoTrace(name, file)),
);

const METRICS = { JSHeapUsedSize: 'heap', Nodes: 'nodes', JSEventListeners: 'listeners' } as const;
type Held = Record<(typeof METRICS)[keyof typeof METRICS], number>;

const browser = await launchBrowser();
for (const name of VIEWS) {
  const view = await openView(browser, name, { width: name === 'load' ? 300 : 720, height: 700 });
  const { page } = view;
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const rounds: Held[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const { trace, text } of TRACES) {
      await view.show({ trace, text }, { layer: round % 6, tint: TINTS[round % TINTS.length]! });
      await page.evaluate(
        async ([updates, tokens, tints, view_]) => {
          const frame = (): Promise<unknown> => new Promise((resolve) => requestAnimationFrame(resolve));
          for (let i = 0; i < updates; i++) {
            const from = (i * 37) % tokens;
            switch (i % 5) {
              case 0:
                if (view_ === 'report') window.fakeHost.sendToReport({ type: 'changed' });
                else window.fakeHost.continueFrom(from, { staleFrom: from });
                break;
              case 1:
                window.fakeHost.update({ tint: tints[i % tints.length]!, layer: i % 6 });
                break;
              case 2:
                window.fakeHost.update({ highlight: { layer: i % 6, expert: i % 16 } });
                break;
              case 3:
                if (view_ === 'map') window.fakeHost.reveal(from, true);
                if (view_ === 'load') window.fakeHost.cursor(from);
                break;
              case 4:
                window.fakeHost.update({ running: { label: 'Routing', fraction: i / updates } });
                break;
            }
            await frame();
          }
          // What the host of this test keeps of what it was sent is not the page's.
          window.fakeHost.received.length = 0;
        },
        [Math.ceil(UPDATES / TRACES.length), trace.tokens.ids.length, TINTS, name] as const,
      );
    }
    await view.settle();
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    const held: Held = { heap: 0, nodes: 0, listeners: 0 };
    for (const metric of metrics) {
      if (metric.name in METRICS) held[METRICS[metric.name as keyof typeof METRICS]] = metric.value;
    }
    rounds.push({ ...held, heap: held.heap / 2 ** 20 });
    if (process.env['VERBOSE']) console.log(name, round, rounds.at(-1));
  }
  for (const [held, unit] of [
    ['heap', 'MB'],
    ['nodes', ''],
    ['listeners', ''],
  ] as const) {
    reportGrowth({ what: `${name}, ${held}`, unit, values: rounds.map((round) => round[held]) });
  }
  await page.close();
}
await browser.close();

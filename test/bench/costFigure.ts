/** The picture of what an MoE layer costs, which the README shows. */
import { launchBrowser } from '../support/browser.ts';

/** One of the three charts: how the time grows with one number while the others stay. */
export interface Growth {
  readonly title: string;
  /** What it would be if each cost the same, or if none cost anything. */
  readonly expected: 'proportional' | 'constant';
  /** By what grows, ascending; ms. */
  readonly times: readonly (readonly [number, number])[];
}

const CHART = { width: 290, height: 230, left: 38, right: 18, top: 46, bottom: 34 };

/** Draws the charts side by side, at twice the size, and returns the PNG. */
export async function costFigure(growths: readonly Growth[]): Promise<Buffer> {
  const browser = await launchBrowser();
  try {
    const size = { width: CHART.width * growths.length, height: CHART.height };
    const page = await browser.newPage({ viewport: size, deviceScaleFactor: 2 });
    await page.setContent(
      `<style>body { margin: 0; background: #fff } text { font: 12px system-ui, 'DejaVu Sans', sans-serif; fill: #3b3b3b }
        .title { font-weight: 600; fill: #1f1f1f }</style>
      <svg width="${size.width}" height="${size.height}">${growths.map(chart).join('')}</svg>`,
    );
    return await page.screenshot();
  } finally {
    await browser.close();
  }
}

function chart({ title, expected, times }: Growth, at: number): string {
  const { width, height, left, right, top, bottom } = CHART;
  const [first, last] = [times[0]!, times.at(-1)!];
  const rise = (n: number): number => first[1] * (expected === 'constant' ? 1 : n / first[0]);
  const step = niceStep(Math.max(...times.map(([, ms]) => ms), rise(last[0])));
  const most = step * Math.ceil(Math.max(...times.map(([, ms]) => ms), rise(last[0])) / step);
  const x = (n: number): number => left + ((width - left - right) * n) / last[0];
  const y = (ms: number): number => height - bottom - ((height - bottom - top) * ms) / most;
  const path = (points: readonly (readonly [number, number])[]): string =>
    points.map(([n, ms], i) => `${i === 0 ? 'M' : 'L'}${x(n).toFixed(1)} ${y(ms).toFixed(1)}`).join('');
  const lines = Array.from({ length: most / step + 1 }, (_, i) => i * step).map(
    (ms) =>
      `<path d="M${left} ${y(ms)}H${width - right}" stroke="#e4e4e4"/><text x="${left - 6}" y="${y(ms) + 4}" text-anchor="end">${ms}</text>`,
  );
  // The lower ones would touch one another.
  const ticks = times
    .filter(([n]) => n >= last[0] / 8)
    .map(
      ([n]) => `<text x="${x(n)}" y="${height - bottom + 18}" text-anchor="middle">${n.toLocaleString('en')}</text>`,
    );
  return `<g transform="translate(${at * width})">
    <text class="title" x="${left - 28}" y="18">${title}</text><text x="${left - 28}" y="35">ms; dashed: ${expected}</text>
    ${lines.join('')}${ticks.join('')}
    <path d="${path([first, [last[0], rise(last[0])]])}" stroke="#8a8a8a" stroke-dasharray="4 4" fill="none"/>
    <path d="${path(times)}" stroke="#0065b3" stroke-width="2" fill="none"/>
    ${times.map(([n, ms]) => `<circle cx="${x(n)}" cy="${y(ms)}" r="3.5" fill="#0065b3"/>`).join('')}
  </g>`;
}

/** 1, 2 or 5 times a power of ten, so that four or so of them reach a number. */
function niceStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => most / step <= 5)!;
}

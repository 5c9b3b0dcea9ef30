import type { Chart, Figure } from '../../protocol/report.ts';
import type { PaletteName } from '../../protocol/webview.ts';
import { CHART_SHEET, colorSheet, FILE_COLORS } from '../charts/colors.ts';
import { draw } from '../charts/draw.ts';
import { svgElement } from '../charts/drawing.ts';

/** Light, dark, or as whoever opens the file has it. */
export type FileTheme = 'light' | 'dark' | 'both';

const FONT = `system-ui,-apple-system,'Segoe UI','Noto Sans',sans-serif`;

/** A figure's chart as a file of its own: its sheet within, nothing fetched. Undefined where the figure has no chart. */
export function chartSvg(
  { id, title, text, chart }: Figure,
  options: { readonly width: number; readonly palette: PaletteName; readonly theme: FileTheme },
): string | undefined {
  if (!chart) return undefined;
  const drawing = draw(chart, { width: options.width, id, titles: true });
  const sheet = `.chart{font-family:${FONT};background:var(--surface)}${CHART_SHEET}${fileSheet(expertsOf(chart), options.palette, options.theme)}`;
  const margin = 12;
  const framed = {
    ...drawing,
    width: drawing.width + 2 * margin,
    height: drawing.height + 2 * margin,
    body: `<style>${sheet}</style><g transform="translate(${margin} ${margin})">${drawing.body}</g>`,
  };
  return svgElement(framed, { id, title, desc: text });
}

/** All colours of a file's charts. */
export function fileSheet(experts: number, palette: PaletteName, theme: FileTheme): string {
  const of = (one: 'light' | 'dark'): string => `:root{${FILE_COLORS[one]}}${colorSheet(experts, palette, one)}`;
  if (theme !== 'both') return of(theme);
  // Paper is light.
  return `${of('light')}@media screen and (prefers-color-scheme:dark){${of('dark')}}`;
}

/** One more than the highest expert whose colour a chart shows. */
export function expertsOf(chart: Chart | undefined): number {
  if (chart?.kind !== 'bars') return 0;
  return (chart.experts ?? []).reduce((most, { expert }) => Math.max(most, expert + 1), 0);
}

/**
 * The sheets of charts: what their class names look like. Whoever shows charts sets five colours by name: `--ink` and `--dim`
 * for text, `--line` for axes, `--surface` for what lies behind, and `--s0` to `--s5` for series.
 */
import type { PaletteName } from '../../protocol/webview.ts';
import { divergingColor, expertColor, magnitudeColor, textOn, type ThemeKind } from '../palette.ts';

/** Steps of the colours of heat maps: as many as an eye tells apart, odd so that a diverging scale has a middle. */
export const HEAT_STEPS = 25;

const SERIES_RULES = Array.from(
  { length: 6 },
  (_, i) =>
    `.chart .s${i},.chart .c.l${i},.chart .p.l${i}{fill:var(--s${i})}.chart .l${i},.chart .p.l${i}{stroke:var(--s${i})}.chart .i.l${i}{fill:var(--s${i});stroke:none}`,
).join('');

/** Forms and text, the same everywhere. */
export const CHART_SHEET = `
.chart{display:block;max-width:100%;height:auto;overflow:visible;forced-color-adjust:none;font-variant-numeric:tabular-nums}
.chart text{font-size:11px;fill:var(--dim)}
.chart .name,.chart .value{fill:var(--ink)}
.chart .halo{paint-order:stroke;stroke:var(--surface);stroke-width:3px}
.chart .line{stroke:var(--dim);stroke-opacity:.6;fill:none}
.chart .grid{stroke:var(--line);fill:none}
.chart .yardstick{stroke:var(--dim);stroke-dasharray:3 3;fill:none}
.chart .at{stroke:var(--ink);stroke-width:1.5;fill:none}
.chart .band{fill:var(--ink);fill-opacity:.07}
.chart .over{stroke:var(--surface);stroke-width:1.6;fill:none}
.chart .dot{fill:var(--surface)}
.chart .l{fill:none;stroke-width:2;stroke-linejoin:round}
.chart .lf{stroke:var(--dim);stroke-opacity:.65;stroke-width:1.25}
.chart .c{stroke:var(--surface)}
.chart .p{stroke-width:1.5;fill-opacity:.6}
.chart .i{fill-opacity:.16}
.chart .i.lf{fill:var(--dim);fill-opacity:.08;stroke:none}
.chart .d1{stroke-dasharray:6 3}
.chart .d2{stroke-dasharray:2 2}
.chart .d3{stroke-dasharray:8 3 2 3}
.chart .d4{stroke-dasharray:12 4}
${SERIES_RULES}
`;

/** Colours of experts [0, E) and of magnitudes in one theme. */
export function colorSheet(experts: number, palette: PaletteName, theme: ThemeKind): string {
  let sheet = '';
  for (let e = 0; e < experts; e++) sheet += `.x${e}{fill:${expertColor(e, palette, theme)}}`;
  for (let i = 0; i < HEAT_STEPS; i++) {
    const x = i / (HEAT_STEPS - 1);
    for (const [kind, fill] of [
      ['h', magnitudeColor(x, theme)],
      ['v', divergingColor(2 * x - 1, theme)],
    ] as const) {
      sheet += `.${kind}${i}{fill:${fill}}.chart .${kind}t${i}{fill:${textOn(fill)}}`;
    }
  }
  return sheet;
}

/** The five colours and the series' of files, which no theme of an editor colours. */
export const FILE_COLORS = {
  light:
    '--ink:#1f2328;--dim:#59636e;--line:#e2e5e9;--surface:#fff;--s0:#0063d3;--s1:#c2410c;--s2:#2f7d32;--s3:#7b3fa0;--s4:#946200;--s5:#b3261e',
  dark: '--ink:#e6e8eb;--dim:#9aa4af;--line:#30363d;--surface:#16191d;--s0:#59a4f9;--s1:#f0883e;--s2:#7ccf7a;--s3:#bc8ff0;--s4:#d9b13b;--s5:#f47067',
} as const;

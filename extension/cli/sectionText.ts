/** A report's section in the terminal: its verdict, what is set, then each figure: bars, shades or the table. */
import type { Absent } from '../analysis/export/report.ts';
import { settingText } from '../analysis/export/settingText.ts';
import { ABLATION } from '../analysis/sections/ablationControls.ts';
import { WHAT_IF } from '../analysis/sections/changeControls.ts';
import { compareSection } from '../analysis/sections/compare.ts';
import { COST } from '../analysis/sections/cost.ts';
import { MEND } from '../analysis/sections/mendControls.ts';
import { overTimeSection } from '../analysis/sections/overTime.ts';
import { written } from '../analysis/numbers.ts';
import type { Chart, Figure, HeatChart, Section } from '../protocol/report.ts';
import { table, visible } from './table.ts';

/** Rows of a table that are printed; files have all of them. */
const MOST_ROWS = 64;
/** More columns than this are no table that anybody reads in a terminal: a heat map is shaded instead. */
const MOST_COLUMNS = 16;
/** More cells in a row than this do not fit into a terminal. */
const MOST_SHADES = 128;
/** Longest bar, in characters. */
const BAR = 30;
const SHADES = [' ', '░', '▒', '▓', '█'] as const;

export function sectionText({ title, verdict, lacking, controls, figures }: Section): string {
  const set = controls.flatMap(settingText).join(' · ');
  const said = [verdict, lacking, set].filter((sentence) => sentence !== undefined && sentence !== '');
  return [`${title.toUpperCase()}\n${said.map((s) => `${plain(s!)}\n`).join('')}`, ...figures.map(figureText)].join(
    '\n',
  );
}

/** How to have what a section without figures is about. */
const ADVICE: Readonly<Record<string, string>> = {
  [overTimeSection.id]:
    'moescope record start and stop --server URL have SGLang record its load in steps (modes stat and per_pass), which --trace opens.',
  [compareSection.id]:
    '--against PATH compares with the same text under another model, with another text or, of a --trace, with another recording.',
};

/** What measures the figures of one that was not asked for. */
const COMMANDS: Readonly<Record<string, string>> = {
  [WHAT_IF]: 'moescope whatif FILE with a change, --capacity 1.25 for one, measures what it costs.',
  [MEND]:
    'moescope balance FILE fits biases that even out the load on half of the text, and measures them on the rest.',
  [ABLATION]: 'moescope ablate FILE takes each expert away in turn, and measures what that costs.',
  [COST]: 'moescope profile FILE measures it.',
};

/** Sections that have nothing to show, and why, or what to type for it. */
export function absentText(absent: readonly Absent[]): string[] {
  if (absent.length === 0) return [];
  const lines = absent.map(({ id, title, why, unasked }) => {
    return `${plain(title)}: ${(unasked ? COMMANDS : ADVICE)[id] ?? plain(why)}\n`;
  });
  return [`NOT IN THIS REPORT\n${lines.join('')}`];
}

function figureText(figure: Figure): string {
  const { title, basis, chart } = figure;
  const head = `${plain(title)} (${basis})${notes(chart)}\n`;
  if (chart?.kind === 'heat' && chart.columns.names.length > MOST_COLUMNS) return head + shades(chart);
  return head + rowsText(figure);
}

function rowsText({ chart, table: { columns, rows } }: Figure): string {
  if (rows.length === 0) return 'Nothing to show.\n';
  const bars = barsOf(chart, rows);
  const cells = rows.slice(0, MOST_ROWS).map((row, r) => {
    const texts = row.map((cell, c) => plain(written(cell, columns[c]!.unit)));
    return bars ? [...texts, bars[r]!] : texts;
  });
  const left = columns.flatMap(({ unit }, c) => (unit === 'text' ? [c] : []));
  const header = [...columns.map(({ label }) => plain(label)), ...(bars ? [''] : [])];
  const more = rows.length > cells.length ? `… and ${rows.length - cells.length} more\n` : '';
  return table(header, cells, bars ? [...left, columns.length] : left) + more;
}

/** A bar for each row of a table that has the chart's only values; undefined where bars would not tell more. */
function barsOf(chart: Chart | undefined, rows: Figure['table']['rows']): string[] | undefined {
  const values = onlyValues(chart);
  if (values?.length !== rows.length) return undefined;
  const most = values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
  if (!(most > 0) || values.some((value) => (value ?? 0) < 0)) return undefined;
  return values.map((value) => '█'.repeat(Math.round((BAR * (value ?? 0)) / most)));
}

function onlyValues(chart: Chart | undefined): readonly (number | null)[] | undefined {
  if (chart?.kind === 'bars' && chart.series.length === 1 && chart.axis.log !== true) return chart.series[0]!.values;
  if (chart?.kind !== 'lines' || chart.y.log === true) return undefined;
  const strong = chart.series.filter(({ faint }) => faint !== true);
  return strong.length === 1 ? strong[0]!.y : undefined;
}

/** A character a cell, from blank to full. */
function shades({ rows, columns, values, unit, min, max }: HeatChart): string {
  const wide = columns.names.length;
  if (wide > MOST_SHADES) {
    return `${rows.names.length} × ${wide} values: --html draws them, --csv and --json hold them.\n`;
  }
  const lines = rows.names.map((name, r) => {
    const cells = values.slice(r * wide, (r + 1) * wide).map((value) => {
      if (value === null) return '·';
      const x = (value - min) / (max - min || 1);
      return SHADES[Math.min(SHADES.length - 1, Math.max(0, Math.floor(x * SHADES.length)))]!;
    });
    return [plain(name), cells.join('')];
  });
  const ends = `"${SHADES[0]}" ${plain(written(min, unit))}, "${SHADES[SHADES.length - 1]!}" ${plain(written(max, unit))}`;
  const across = `${plain(columns.names[0] ?? '')} to ${plain(columns.names.at(-1) ?? '')}`;
  return `${across}; ${ends}${values.includes(null) ? ', "·" no value' : ''}\n${table([], lines, [0, 1])}`;
}

/** What a chart says beside its values. */
function notes(chart: Chart | undefined): string {
  const told: string[] = [];
  if (chart?.kind === 'lines' && chart.band) told.push(`${chart.band.label}: ${chart.band.from} to ${chart.band.to}`);
  if ((chart?.kind === 'lines' || chart?.kind === 'bars') && chart.yardstick) {
    const unit = chart.kind === 'lines' ? chart.y.unit : chart.axis.unit;
    if (chart.yardstick.label !== '') told.push(`${chart.yardstick.label}: ${written(chart.yardstick.value, unit)}`);
  }
  return told.length === 0 ? '' : `; ${plain(told.join('; '))}`;
}

/** Terminals' fonts often lack the narrow space. */
function plain(text: string): string {
  return visible(text.replaceAll('\u202f', ' '), Infinity);
}

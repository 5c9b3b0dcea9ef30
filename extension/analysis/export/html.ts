/**
 * Reports as one HTML file: nothing is fetched and nothing runs, so that it opens from a disk and under any policy. Light, dark and
 * paper; what means what, and each table, on demand.
 */
import * as l10n from '@vscode/l10n';
import type { Cell, Chart, Column, Figure, Section } from '../../protocol/report.ts';
import type { PaletteName } from '../../protocol/webview.ts';
import { BASIS_NAMES, BASIS_TEXT } from '../basis.ts';
import { CHART_SHEET } from '../charts/colors.ts';
import { draw } from '../charts/draw.ts';
import { svgElement } from '../charts/drawing.ts';
import { inline } from '../charts/text.ts';
import { count, written } from '../numbers.ts';
import { PAGE_SHEET } from './pageSheet.ts';
import { aboutReport, partsOf, type Absent, type Report } from './report.ts';
import { settingText } from './settingText.ts';
import { expertsOf, fileSheet } from './svg.ts';

/** Width of charts as they are drawn, in pixels; they shrink with the window. */
const WIDTH = { usual: 680, wide: 960, narrow: 320 } as const;
/** Heat maps of more cells are in the file once; telephones scroll them. */
const MAX_TWICE = 2000;
/** Rows of a table that the file holds; CSV and JSON have all. */
const MAX_ROWS = 1000;

export function reportsHtml(reports: readonly Report[], palette: PaletteName): string {
  const [first] = reports;
  const title = reports.length === 1 ? (first?.subject.name ?? '') : l10n.t`${count(reports.length)} reports`;
  const figures = reports.flatMap(({ sections }) => sections.flatMap((section) => section.figures));
  const experts = figures.reduce((most, { chart }) => Math.max(most, expertsOf(chart)), 0);
  // The code of the language that the sentences are in stands among them.
  return `<!doctype html>
<html lang="${inline(l10n.t`en`)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${inline(title)} – MoEScope</title>
<style>${PAGE_SHEET}${CHART_SHEET}${fileSheet(experts, palette, 'both')}</style>
</head>
<body>
${contents(reports)}
<main>
${reports.map((report, i) => reportHtml(report, `r${i + 1}`)).join('\n')}
</main>
</body>
</html>
`;
}

function contents(reports: readonly Report[]): string {
  const several = reports.length > 1;
  const of = (report: Report, i: number): string => {
    const links = partsOf(report)
      .shown.map(({ id, title }) => `<li><a href="#r${i + 1}-${id}">${inline(title)}</a></li>`)
      .join('');
    const list = `<ul>${links}</ul>`;
    return several ? `<li><a href="#r${i + 1}">${inline(report.subject.name)}</a>${list}</li>` : links;
  };
  return `<nav aria-label="${inline(l10n.t`Contents`)}"><ul>${reports.map(of).join('')}</ul></nav>`;
}

function reportHtml(report: Report, id: string): string {
  const { shown, absent } = partsOf(report);
  return `<article id="${id}">
<header><h1>${inline(report.subject.name)}</h1><p class="dim">${inline(aboutReport(report))}</p></header>
${shown.map((section) => sectionHtml(section, id)).join('\n')}
${absentHtml(absent)}</article>`;
}

function absentHtml(absent: readonly Absent[]): string {
  if (absent.length === 0) return '';
  const items = absent.map(({ title, why }) => `<li>${inline(title)}: <span class="dim">${inline(why)}</span></li>`);
  return `<section><h2>${inline(l10n.t`Not in this report`)}</h2><ul class="absent">${items.join('\n')}</ul></section>\n`;
}

function sectionHtml({ id, title, verdict, lacking, controls, figures }: Section, report: string): string {
  const set = controls.flatMap(settingText).join(' · ');
  return `<section id="${report}-${inline(id)}">
<h2>${inline(title)}</h2>
${paragraph('verdict', verdict)}${paragraph('dim', lacking)}${paragraph('dim set', set === '' ? undefined : set)}
${figures.map((figure) => figureHtml(figure, `${report}-${id}`)).join('\n')}
</section>`;
}

function figureHtml({ id, title, basis, text, help, chart, table }: Figure, section: string): string {
  const of = `${section}-${id}`;
  const data = tableHtml(title, table.columns, table.rows);
  return `<figure id="${of}">
<figcaption><h3>${inline(title)}</h3> <span class="dim">${inline(BASIS_NAMES[basis])}</span></figcaption>
${chart ? chartHtml(chart, of, { title, desc: text }) : ''}
${chart ? `<details class="data"><summary>${inline(l10n.t`Table`)}</summary>${data}</details>` : data}
<details><summary>${inline(l10n.t`What it means`)}</summary>
${paragraph('', help.meaning)}${paragraph('formula', help.formula)}${paragraph('', help.judge)}
<p class="dim">${inline(BASIS_TEXT[basis])}${help.source === undefined ? '' : ` ${inline(l10n.t`Source: ${help.source}`)}`}</p></details>
</figure>`;
}

/** For windows and paper, and again for telephones: a drawing that shrinks cannot be read. */
function chartHtml(chart: Chart, id: string, text: { readonly title: string; readonly desc: string }): string {
  const drawn = (width: number, of: string): string => {
    return svgElement(draw(chart, { width, id: of, titles: true }), { id: of, ...text });
  };
  const large = chart.kind === 'heat' && chart.values.length > MAX_TWICE;
  const wide = chart.kind === 'heat' && chart.columns.names.length > 24;
  const usual = drawn(wide ? WIDTH.wide : WIDTH.usual, id);
  if (large) return `<div class="across">${usual}</div>`;
  return `<div class="usual">${usual}</div><div class="narrow">${drawn(WIDTH.narrow, `${id}-n`)}</div>`;
}

function tableHtml(title: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return `<p class="dim">${inline(l10n.t`Nothing to show.`)}</p>`;
  const kind = (c: number): string => (columns[c]?.unit === 'text' ? '' : ' class="n"');
  const head = columns.map(({ label }, c) => `<th scope="col"${kind(c)}>${inline(label)}</th>`).join('');
  const body = rows.slice(0, MAX_ROWS).map((row) => {
    const cells = row.map((cell, c) => {
      const text = inline(written(cell, columns[c]?.unit ?? 'text'));
      return c === 0 ? `<th scope="row"${kind(c)}>${text}</th>` : `<td${kind(c)}>${text}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  const rest = rows.length - body.length;
  return (
    `<div class="scroll" tabindex="0" role="group" aria-label="${inline(l10n.t`${title}, table`)}"><table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>` +
    (rest > 0
      ? `<p class="dim">${inline(l10n.t`${count(rest)} more rows are in the CSV and JSON of this report.`)}</p>`
      : '')
  );
}

function paragraph(classes: string, text: string | undefined): string {
  if (text === undefined) return '';
  return `<p${classes === '' ? '' : ` class="${classes}"`}>${inline(text)}</p>\n`;
}

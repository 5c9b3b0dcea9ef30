/** A report's section in the terminal: its verdict, then the table of each figure. */
import { written } from '../analysis/numbers.ts';
import type { Figure, Section } from '../protocol/report.ts';
import { table, visible } from './table.ts';

/** Rows of a table that are printed; JSON has all of them. */
const MOST_ROWS = 64;

export function sectionText({ title, verdict, lacking, figures }: Section): string {
  const said = [verdict, lacking].filter((sentence) => sentence !== undefined && sentence !== '');
  return [
    `${title.toUpperCase()}\n${said.map((sentence) => `${visible(sentence!, Infinity)}\n`).join('')}`,
    ...figures.map(figureText),
  ].join('\n');
}

function figureText({ title, basis, table: { columns, rows } }: Figure): string {
  const shown = rows.slice(0, MOST_ROWS);
  const cells = shown.map((row) => row.map((cell, c) => visible(written(cell, columns[c]!.unit), Infinity)));
  const left = columns.flatMap(({ unit }, c) => (unit === 'text' ? [c] : []));
  const more = rows.length > shown.length ? `… and ${rows.length - shown.length} more\n` : '';
  return `${visible(title, Infinity)} (${basis})\n${table(
    columns.map(({ label }) => visible(label, Infinity)),
    cells,
    left,
  )}${more}`;
}

import type { Cell, Column, Table } from '../../protocol/report.ts';

/** A table as CSV (RFC 4180, lines end in LF): numbers with all their digits, unknown ones empty, percentages as fractions. */
export function tableCsv({ columns, rows }: Table): string {
  const lines = [columns.map(heading), ...rows.map((row) => columns.map((_, c) => row[c] ?? null))];
  return lines.map((cells) => `${cells.map(field).join(',')}\n`).join('');
}

/** A table as it is pasted into spreadsheets. */
export function tableTsv({ columns, rows }: Table): string {
  const cell = (value: Cell): string => {
    const text = plainField(value).replace(/[\t\r\n]+/g, ' ');
    // A quote at its beginning would have the cell go on to the next quote, over the cells between.
    return text.startsWith('"') ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.map(heading), ...rows].map((row) => row.map(cell).join('\t')).join('\n');
}

const PLAIN = new Set<Column['unit']>(['count', 'number', 'text']);

/** Name and unit: numbers stand without theirs. */
function heading({ label, unit }: Column): string {
  if (PLAIN.has(unit)) return label;
  return `${label} (${unit === 'percent' ? 'fraction' : unit})`;
}

/** How a formula begins in a spreadsheet, also in the wide forms of East Asian ones, and after blanks that it drops. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

/** Text that a spreadsheet would take for a formula is marked as text, as it may come from anywhere. */
function plainField(value: Cell): string {
  if (value === null) return '';
  return typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
}

function field(value: Cell): string {
  const text = plainField(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

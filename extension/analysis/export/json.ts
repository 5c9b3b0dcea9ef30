import type { Figure } from '../../protocol/report.ts';

/** One figure's data: what the whole report's JSON has of it. */
export function figureJson({ id, title, basis, help, text, table }: Figure): string {
  const { columns, rows } = table;
  return `${JSON.stringify({ id, title, basis, help, text, columns, rows }, undefined, 1)}\n`;
}

/**
 * What a chart is drawn as: SVG as text, and where its marks stand. No document is needed to draw, so that the page, exported
 * files and tests draw alike. Colours are class names alone, which a sheet fills in (colors.ts); no style attributes, which a
 * strict content policy forbids.
 */
import type { ExpertRef } from '../../protocol/trace.ts';
import { inline } from './text.ts';

export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** What stands inside the svg element. */
  readonly body: string;
  readonly marks: Marks;
}

/** How a drawing is wanted. */
export interface Frame {
  /** In CSS pixels; from 200 on all is readable. */
  readonly width: number;
  /** Begins the ids in the drawing: unique in its document, letters, digits and dashes. */
  readonly id: string;
  /** Marks carry their text as titles, which a viewer shows on pointing: for files, which run no script. */
  readonly titles: boolean;
}

/** What can be pointed at: a bar, a point, a cell. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** What it is and its value. */
  readonly text: string;
  readonly expert?: ExpertRef;
}

export interface Place {
  readonly row: number;
  readonly column: number;
}

/** Marks in rows, as the arrow keys go through them. Rows may differ in length. */
export interface Marks {
  readonly rows: number;
  /** How many stand in a row. */
  readonly columns: (row: number) => number;
  /** Undefined where there is no value. */
  readonly mark: (place: Place) => Mark | undefined;
  /** The mark at a point, or near it where marks are small. */
  readonly at: (x: number, y: number) => Place | undefined;
  readonly of: (expert: ExpertRef) => Place | undefined;
}

/** A whole svg element. Its text alternative is in it unless whoever shows it says it in its own way. */
export function svgElement(
  { width, height, body }: Drawing,
  text?: { id: string; title: string; desc: string },
): string {
  const size = `viewBox="0 0 ${inline(width)} ${inline(height)}" width="${inline(width)}" height="${inline(height)}"`;
  const open = `<svg xmlns="http://www.w3.org/2000/svg" class="chart" ${size}`;
  if (!text) return `${open} aria-hidden="true">${body}</svg>`;
  const { id, title, desc } = text;
  return (
    `${open} role="img" aria-labelledby="${id}-title ${id}-desc">` +
    `<title id="${id}-title">${inline(title)}</title><desc id="${id}-desc">${inline(desc)}</desc>${body}</svg>`
  );
}

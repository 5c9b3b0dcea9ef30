/** Text and tags of SVG. */

/** Size of all text in charts, in pixels. */
const FONT_SIZE = 11;
/** Height of a line of it. */
export const LINE = 14;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text or a number for markup: escaped, short of digits, and without what XML forbids or what turns the text around it. */
export function inline(value: string | number): string {
  if (typeof value === 'number') return String(Math.round(value * 100) / 100);
  return value
    .replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu, (c) =>
      /\s/u.test(c) ? ' ' : '\ufffd',
    )
    .replace(/[&<>"']/g, (c) => ENTITIES[c]!);
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

export function tag(name: string, attributes: Attributes, children = ''): string {
  let open = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) open += ` ${key}="${inline(value)}"`;
  }
  return children === '' ? `${open}/>` : `${open}>${children}</${name}>`;
}

/** A text by its baseline; `anchor` says which of its points stands at x. */
export function label(
  x: number,
  y: number,
  text: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
  classes = 'dim',
): string {
  const attributes = { x, y, class: classes, 'text-anchor': anchor === 'start' ? undefined : anchor };
  return text === '' ? '' : tag('text', attributes, inline(text));
}

/** Width of a text in pixels, near enough to leave room for it: fonts differ, and there is no document to measure in. */
export function textWidth(text: string): number {
  let width = 0;
  for (const c of text) {
    if (c > '\u2e7f') width += FONT_SIZE;
    else if ("il.,:;|!·' \u202f".includes(c)) width += 3.4;
    else if (c >= '0' && c <= '9') width += 7;
    else width += c >= 'A' && c <= 'Z' ? 7.6 : 6.4;
  }
  return width;
}

export function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, textWidth(text)), 0);
}

/** The text, cut to what fits. */
export function fitted(text: string, room: number): string {
  if (textWidth(text) <= room) return text;
  const characters = Array.from(text);
  let width = textWidth('…');
  let kept = 0;
  while (kept < characters.length && (width += textWidth(characters[kept]!)) <= room) kept += 1;
  return `${characters.slice(0, kept).join('').trimEnd()}…`;
}

/** Which series is which, where lines have no room for labels of their own: rows of a key and a name. */
import { fitted, label, LINE, tag, textWidth } from './text.ts';

export interface Key {
  readonly name: string;
  /** The key's drawing, 16 pixels wide and 10 high, around a middle line at y. */
  readonly key: (x: number, y: number) => string;
}

/** Width of a key with the gap before its name. */
export const KEY = 22;
const GAP = 16;

export function legend(
  keys: readonly Key[],
  left: number,
  top: number,
  width: number,
): { body: string; height: number } {
  let x = left;
  let y = top;
  let body = '';
  for (const { name, key } of keys) {
    const text = fitted(name, width - KEY);
    const needed = KEY + textWidth(text);
    if (x > left && x + needed > left + width) {
      x = left;
      y += LINE + 2;
    }
    body += key(x, y + 6) + label(x + KEY, y + 10, text);
    x += needed + GAP;
  }
  return { body, height: y - top + LINE + 6 };
}

/** Fill of series i: its colour, and from the second on a pattern over it, so that colour does not tell it alone. */
export function seriesFill(frame: { readonly id: string }, i: number): { fill?: string; class: string } {
  return i % PATTERNS.length === 0 ? { class: `s${i % SERIES}` } : { class: 's', fill: `url(#${frame.id}-p${i})` };
}

/** How many colours there are for series. */
export const SERIES = 6;

const PATTERNS = [
  '',
  '<path class="over" d="M-1 1l2-2M0 6l6-6M5 7l2-2"/>',
  '<path class="over" d="M0 1.5h6"/>',
  '<path class="over" d="M1.5 0v6"/>',
  '<circle class="dot" cx="3" cy="3" r="1.4"/>',
] as const;

/** Patterns of so many series. */
export function patterns(frame: { readonly id: string }, series: number): string {
  let defs = '';
  for (let i = 0; i < series; i++) {
    const over = PATTERNS[i % PATTERNS.length]!;
    if (over === '') continue;
    const attributes = { id: `${frame.id}-p${i}`, width: 6, height: 6, patternUnits: 'userSpaceOnUse' };
    defs += tag('pattern', attributes, tag('rect', { class: `s${i % SERIES}`, width: 6, height: 6 }) + over);
  }
  return defs === '' ? '' : tag('defs', {}, defs);
}

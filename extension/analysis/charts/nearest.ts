/** The mark that a pointer means: the nearest one, near in x before near in y. */
import type { Mark, Place } from './drawing.ts';
import type { Plane } from './plane.ts';

/** Farther than this, in pixels, nothing is meant. */
const REACH = 40;

export function nearest(
  marks: readonly (readonly (Mark | undefined)[])[],
  x: number,
  y: number,
  { left, right, top, bottom }: Plane,
): Place | undefined {
  if (x < left - 8 || x > right + 8 || y < top - 8 || y > bottom + 8) return undefined;
  let best: Place | undefined;
  let least = REACH;
  marks.forEach((row, r) => {
    row.forEach((mark, c) => {
      if (!mark) return;
      const distance = Math.hypot(mark.x + mark.width / 2 - x, (mark.y + mark.height / 2 - y) / 2);
      if (distance >= least) return;
      least = distance;
      best = { row: r, column: c };
    });
  });
  return best;
}

/** What two texts have in common, in order: stretches of equal characters. */

/** `a` and `b` are the UTF-16 offsets at which the stretch begins in either text. */
export interface Stretch {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

/** Texts that differ in more lines are compared from both ends alone. */
const MOST_EDITS = 1_000;

/**
 * Stretches that stand in both texts in the same order, rising and apart: equal lines as a shortest edit script keeps them (Myers,
 * Algorithmica 1, 1986), and where lines were replaced, what the replacements begin and end with alike.
 */
export function commonStretches(a: string, b: string): Stretch[] {
  if (a === b) return a === '' ? [] : [{ a: 0, b: 0, length: a.length }];
  const stretches: Stretch[] = [];
  const add = (stretch: Stretch): void => {
    if (stretch.length === 0) return;
    const last = stretches.at(-1);
    if (last && last.a + last.length === stretch.a && last.b + last.length === stretch.b) {
      stretches[stretches.length - 1] = { ...last, length: last.length + stretch.length };
    } else stretches.push(stretch);
  };
  let fromA = 0;
  let fromB = 0;
  const linesA = linesOf(a);
  const linesB = linesOf(b);
  const replaced = (toA: number, toB: number): void => {
    for (const stretch of ends(a, fromA, toA, b, fromB, toB)) add(stretch);
  };
  for (const [i, j] of commonLines(linesA, linesB)) {
    const [lineA, lineB] = [linesA[i]!, linesB[j]!];
    replaced(lineA.start, lineB.start);
    add({ a: lineA.start, b: lineB.start, length: lineA.text.length });
    fromA = lineA.start + lineA.text.length;
    fromB = lineB.start + lineB.text.length;
  }
  replaced(a.length, b.length);
  return stretches;
}

interface Line {
  readonly start: number;
  /** With its line end. */
  readonly text: string;
}

function linesOf(text: string): Line[] {
  return Array.from(text.matchAll(/[^\n]*\n|[^\n]+$/g), ({ index, 0: line }) => ({ start: index, text: line }));
}

/** What two ranges begin with and end with alike; a blank that could be either goes to the end, since tokens begin with it. */
function ends(a: string, fromA: number, toA: number, b: string, fromB: number, toB: number): Stretch[] {
  const most = Math.min(toA - fromA, toB - fromB);
  let back = 0;
  while (back < most && a[toA - back - 1] === b[toB - back - 1]) back += 1;
  let front = 0;
  while (front < most - back && a[fromA + front] === b[fromB + front]) front += 1;
  return [
    { a: fromA, b: fromB, length: front },
    { a: toA - back, b: toB - back, length: back },
  ];
}

/** Pairs of equal lines, rising in both. */
function commonLines(a: readonly Line[], b: readonly Line[]): (readonly [number, number])[] {
  let front = 0;
  while (front < a.length && front < b.length && a[front]!.text === b[front]!.text) front += 1;
  let back = 0;
  while (back < Math.min(a.length, b.length) - front && a[a.length - back - 1]!.text === b[b.length - back - 1]!.text) {
    back += 1;
  }
  const pairs = Array.from({ length: front }, (_, i) => [i, i] as const);
  const middle = shortestEdit(a.slice(front, a.length - back), b.slice(front, b.length - back));
  return [
    ...pairs,
    ...middle.map(([i, j]) => [i + front, j + front] as const),
    ...Array.from({ length: back }, (_, i) => [a.length - back + i, b.length - back + i] as const),
  ];
}

function shortestEdit(a: readonly Line[], b: readonly Line[]): (readonly [number, number])[] {
  const n = a.length;
  const m = b.length;
  // Furthest line of a that so many edits reach on each diagonal, a − b; and what they were before each edit.
  const furthest = new Map<number, number>([[1, 0]]);
  const history: Map<number, number>[] = [];
  for (let edits = 0; edits <= Math.min(n + m, MOST_EDITS); edits++) {
    history.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = stepTo(furthest, diagonal, edits);
      let y = x - diagonal;
      while (x < n && y < m && a[x]!.text === b[y]!.text) [x, y] = [x + 1, y + 1];
      furthest.set(diagonal, x);
      if (x >= n && y >= m) return wayBack(history, n, m);
    }
  }
  return [];
}

function stepTo(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  const down = furthest.get(diagonal + 1) ?? -1;
  const right = furthest.get(diagonal - 1) ?? -1;
  return diagonal === -edits || (diagonal !== edits && right < down) ? down : right + 1;
}

function wayBack(history: readonly ReadonlyMap<number, number>[], n: number, m: number): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  let x = n;
  let y = m;
  for (let edits = history.length - 1; edits >= 0; edits--) {
    const before = history[edits]!;
    const diagonal = x - y;
    const start = stepTo(before, diagonal, edits);
    while (x > start && x > 0 && y > 0) pairs.push([--x, --y]);
    if (edits === 0) break;
    // One edit back: a line of b more, or a line of a.
    const fromAbove =
      diagonal === -edits ||
      (diagonal !== edits && (before.get(diagonal - 1) ?? -1) < (before.get(diagonal + 1) ?? -1));
    const previous = fromAbove ? diagonal + 1 : diagonal - 1;
    x = before.get(previous)!;
    y = x - previous;
  }
  return pairs.reverse();
}

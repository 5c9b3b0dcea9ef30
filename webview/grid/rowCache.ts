/** Rows of the map that have come from the host, page by page; the least recently seen pages go first. */
import type { FromMap, MapRows } from '../../extension/protocol/webview.ts';

/** Tokens a page. With 58 layers of 8 experts a page is about 400 KB. */
export const PAGE = 128;
/** Enough for 8,000 tokens, so that going back and forth in a long file asks for nothing twice. */
const MAX_PAGES = 64;

export interface Row {
  readonly rows: MapRows;
  /** Index of the token within its rows. */
  readonly at: number;
}

export class RowCache {
  readonly #ask: (message: Extract<FromMap, { type: 'rows' }>) => void;
  /** A Map keeps the order of insertion: the first page is the one not seen for longest. */
  readonly #pages = new Map<number, MapRows>();
  /** Undefined until a trace is announced: before that there is nothing to ask for. */
  #generation: number | undefined;
  /** What was asked for last and has not come; the host may drop older questions. */
  #asked: readonly [from: number, to: number] | undefined;

  constructor(ask: (message: Extract<FromMap, { type: 'rows' }>) => void) {
    this.#ask = ask;
  }

  /** A new trace, or more of it: pages with rows from `from` on are void. */
  renew(generation: number, from: number): void {
    this.#generation = generation;
    this.#asked = undefined;
    for (const page of this.#pages.keys()) if ((page + 1) * PAGE > from) this.#pages.delete(page);
  }

  /** Takes an answer; false if it answers an older question than the current trace. */
  accept(generation: number, rows: MapRows): boolean {
    if (generation !== this.#generation) return false;
    for (let page = Math.floor(rows.from / PAGE); page * PAGE < rows.to; page++) {
      const whole = rows.from <= page * PAGE;
      if (whole) this.#pages.set(page, slice(rows, page * PAGE, Math.min(rows.to, (page + 1) * PAGE)));
    }
    while (this.#pages.size > MAX_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    // A short answer does not settle the question: asked again at once, it would come back for ever.
    if (this.#asked?.[0] === rows.from && this.#asked[1] <= rows.to) this.#asked = undefined;
    return true;
  }

  get(token: number): Row | undefined {
    const rows = this.#pages.get(Math.floor(token / PAGE));
    return rows && token < rows.to ? { rows, at: token - rows.from } : undefined;
  }

  /** Makes sure tokens [from, to) are here or asked for; what lies next on both sides follows when they are. */
  want(from: number, to: number, routed: number): void {
    if (this.#generation === undefined) return;
    const first = Math.floor(from / PAGE);
    const last = Math.floor((to - 1) / PAGE);
    this.#touch(first, last);
    const end = Math.ceil(routed / PAGE) - 1;
    const missing =
      this.#missing(first, Math.min(last, end), routed) ??
      this.#missing(last + 1, Math.min(last + 1, end), routed) ??
      this.#missing(first - 1, Math.min(first - 1, end), routed);
    if (!missing) return;
    const range = [missing[0] * PAGE, Math.min(routed, (missing[1] + 1) * PAGE)] as const;
    if (this.#asked?.[0] === range[0] && this.#asked[1] === range[1]) return;
    this.#asked = range;
    this.#ask({ type: 'rows', generation: this.#generation, from: range[0], to: range[1] });
  }

  #touch(first: number, last: number): void {
    for (let page = first; page <= last; page++) {
      const rows = this.#pages.get(page);
      if (!rows) continue;
      this.#pages.delete(page);
      this.#pages.set(page, rows);
    }
  }

  /** The smallest run of pages that covers all missing ones. */
  #missing(first: number, last: number, routed: number): readonly [first: number, last: number] | undefined {
    let low = Math.max(0, first);
    let high = last;
    while (low <= high && this.#isWhole(low, routed)) low++;
    while (high >= low && this.#isWhole(high, routed)) high--;
    return low <= high ? [low, high] : undefined;
  }

  /** A page that came while the run was under way lacks what has been routed since. */
  #isWhole(page: number, routed: number): boolean {
    const rows = this.#pages.get(page);
    return rows !== undefined && rows.to >= Math.min(routed, (page + 1) * PAGE);
  }
}

/** Views of rows [from, to): nothing is copied. */
function slice(rows: MapRows, from: number, to: number): MapRows {
  const [a, b] = [from - rows.from, to - rows.from];
  const tokens = rows.to - rows.from;
  return {
    from,
    to,
    text: rows.text.slice(a, b),
    ids: rows.ids.subarray(a, b),
    logProb: rows.logProb.subarray(a, b),
    layers: rows.layers.map(({ chosen, weight, entropy, margin, dropped }) => {
      const k = chosen.length / tokens;
      return {
        chosen: chosen.subarray(a * k, b * k),
        weight: weight.subarray(a * k, b * k),
        entropy: entropy.subarray(a, b),
        margin: margin.subarray(a, b),
        ...(dropped && { dropped: dropped.subarray(a, b) }),
      };
    }),
  };
}

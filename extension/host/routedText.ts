import { NO_EXPERT, type ExpertRef, type RoutingTrace } from '../protocol/trace.ts';
import type { TokenLayer } from '../protocol/webview.ts';
import type { EditTracker } from './editTracker.ts';
import { LayerLoads } from './layerLoads.ts';
import { TokenIndex } from './tokenIndex.ts';

/** An analysed text with its trace, and where both stand in a document that may have been edited since. */
export class RoutedText {
  readonly index: TokenIndex;
  readonly loads: LayerLoads;
  /** Where context windows start, but for the first: tokens that can be seen, so after line ends the next one. */
  readonly windowStarts: ReadonlySet<number>;
  #trace: RoutingTrace;

  /**
   * @param generation tells this trace from all others
   * @param edits what happened in the document since the text was taken
   * @param kept how many of its first tokens are routed as in the trace of another generation
   */
  constructor(
    readonly generation: number,
    readonly text: string,
    readonly edits: EditTracker,
    trace: RoutingTrace,
    readonly kept?: { readonly generation: number; readonly tokens: number },
  ) {
    this.#trace = trace;
    this.index = new TokenIndex(trace.tokens);
    this.loads = new LayerLoads(trace.layers);
    const seen = (start: number): number => {
      let token = start;
      while (token + 1 < this.index.count && /^[\r\n]*$/u.test(this.textOf(token))) token += 1;
      return token;
    };
    this.windowStarts = new Set([...trace.windows.subarray(1)].map(seen));
  }

  get trace(): RoutingTrace {
    return this.#trace;
  }

  /** Takes a later state of the same trace. */
  grow(trace: RoutingTrace): void {
    this.#trace = trace;
  }

  /** First token that an edit made stale; the number of tokens when none is. */
  get staleFrom(): number {
    return this.edits.edited ? this.index.firstEndingAfter(this.edits.currentTo) : this.index.count;
  }

  /** Text of a token as it stood in the document. */
  textOf(token: number): string {
    const { start, end } = this.#trace.tokens;
    return this.text.slice(start[token], end[token]);
  }

  /** Document range of a token; undefined when it was edited away or has no place in the text. */
  placeOf(token: number): { readonly start: number; readonly end: number } | undefined {
    const start = this.#trace.tokens.start[token];
    const end = this.#trace.tokens.end[token];
    if (start === undefined || end === undefined || start === end) return undefined;
    const shift = this.edits.shiftOf(start, end);
    return shift === undefined ? undefined : { start: start + shift, end: end + shift };
  }

  /** Tokens under the character at a document offset. */
  tokensAt(offset: number): number[] {
    const own = this.edits.ownOffset(offset);
    return own === undefined ? [] : this.index.at(own);
  }

  /** Token under a cursor at a document offset. */
  tokenUnderCursor(offset: number): number | undefined {
    const own = this.edits.ownOffset(offset);
    return own === undefined ? undefined : this.index.underCursor(own);
  }

  /** Whether every token has its routing. */
  get complete(): boolean {
    return this.#trace.routed === this.index.count;
  }

  /** Document offset up to which tokens have their routing; behind the edit where one has taken the last of them. */
  get reach(): number {
    return this.edits.documentOffset(this.index.endOf(this.#trace.routed));
  }

  /** A token's experts at each MoE layer, dropped slots left out; empty while it has no routing. */
  expertsOf(token: number): TokenLayer[] {
    if (token >= this.#trace.routed) return [];
    return this.#trace.layers.map(({ chosen, weight, candidates, k }) => {
      const slots = Array.from({ length: k }, (_, j) => token * candidates + j).filter((i) => chosen[i] !== NO_EXPERT);
      return { experts: slots.map((i) => chosen[i]!), weights: slots.map((i) => weight[i]!) };
    });
  }

  /** Whether an expert exists in this model. */
  has({ layer, expert }: ExpertRef): boolean {
    const experts = this.#trace.layers[layer]?.experts;
    return experts !== undefined && expert >= 0 && expert < experts;
  }
}

/** Routes texts that are being edited: what they share with texts before them does not go through the model again. */
import * as l10n from '@vscode/l10n';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptRouting, LayerSums, LiveParams, Routed, RoutedLayer } from '../../protocol/engine.ts';
import { throwIfAborted, UserError } from '../../protocol/errors.ts';
import type { OpenModel, RoutedTokens, Sequence } from '../model.ts';
import { leavesOneOver, passEnd } from '../passes.ts';
import { readWindow } from '../prefill.ts';
import { continuedFrom } from './continuation.ts';
import { commonLength, LiveWindows, type LiveWindow } from './windows.ts';

/** Tokens of the first pass of a run; later ones take twice as many each, within a time that nobody notices. */
const FIRST_PASS = 32;
const PASS_MS = 60;
/** Tokens of known routing that go out at a time. */
const KNOWN_PART = 1024;
/** Runs that a caller may go on from. */
const RUNS_KEPT = 16;
/** Where states can only be marked, they are at every so many tokens, and at most so many before the end: most edits are there. */
const MARK_EVERY = 256;
const MARK_END = 16;
/** Share of the memory that the marks of one window may take. */
const MARK_SHARE = 0.25;

/** What a run was about. */
interface Delivered {
  readonly ids: Int32Array;
  readonly windows: Uint32Array;
  /** Sums over the tokens before each window, as far as these went through. */
  sums: readonly (readonly LayerSums[])[];
}

/** A token that the model has added, with its routing. */
export interface WrittenToken {
  readonly id: number;
  readonly layers: readonly RoutedLayer[];
  readonly logProb: number;
  readonly milliseconds: number;
}

/** A text on its way. */
export interface LiveText {
  readonly kept?: KeptRouting;
  /** Routing of the tokens after those kept, part by part and in order. Throws UserError `cancelled` between passes. */
  parts(signal: AbortSignal): AsyncGenerator<Omit<Routed, 'run'>, void>;
}

/** One model's. Every run's trace is what a run afresh would give; see leavesOneOver for how exactly. */
export class LiveRouter {
  readonly #model: OpenModel;
  readonly #windows: LiveWindows;
  /** By run, the last ones. */
  readonly #delivered = new Map<number, Delivered>();
  /** Tokens a millisecond, as the last passes of some size went. */
  #rate = Infinity;

  constructor(model: OpenModel) {
    this.#model = model;
    this.#windows = new LiveWindows(model);
  }

  /** Bytes that what it keeps takes. */
  get bytes(): number {
    return this.#windows.bytes;
  }

  /**
   * @param run names it for those that go on from it
   * @param windows first tokens of the context windows
   */
  begin(run: number, ids: Int32Array, windows: Uint32Array, { base, memory, rest = 0 }: LiveParams): LiveText {
    const before = base && this.#delivered.get(base.run);
    const text: Delivered = { ids, windows, sums: [this.#noSums()] };
    const kept = before ? this.#keep(text, before, base.routed) : undefined;
    this.#delivered.set(run, text);
    for (const old of this.#delivered.keys()) if (this.#delivered.size > RUNS_KEPT) this.#delivered.delete(old);
    return {
      ...(kept ? { kept } : {}),
      parts: (signal) => this.#parts(text, kept?.tokens ?? 0, { memory, rest }, signal),
    };
  }

  /**
   * Writes a text on: yields each token with its routing. What the text itself takes is kept as ever, what is added is not.
   *
   * @param tokens most of them; at most half of a context where the text takes more than that
   * @param choose takes logits [V] and gives a token
   * @throws UserError `architecture-unsupported` for an encoder-decoder, `cancelled` between passes
   */
  async *write(
    ids: Int32Array,
    tokens: number,
    choose: (logits: Float32Array) => number,
    memory: number,
    signal: AbortSignal,
  ): AsyncGenerator<WrittenToken, void> {
    const { info, tokenizer, answers, chunk, cacheless } = this.#model;
    if (answers) {
      throw new UserError(
        'architecture-unsupported',
        l10n.t`${info.name} answers a text, and does not continue it: choose a model without an encoder.`,
      );
    }
    const own = await continuedFrom(ids, tokens, info.context, tokenizer);
    const room = Math.min(tokens, info.context - own.length);
    if (room <= 0) return;
    const window = this.#windows.take(own, memory, room);
    const { sequence } = window;
    if (!sequence) throw new Error('a window without an encoder has no sequence');
    const isKnown = window.columns.length === own.length;
    try {
      const parts = this.#run(window, own, memory, signal);
      while (!(await parts.next()).done) throwIfAborted(signal);
      window.complete = true;
      // The state after the last token tells the next one's logits; of a text that has just gone through it is there.
      const from = isKnown ? sequence.rewind(startFor(sequence, own.length, own.length)) : own.length;
      for (let at = from, to; at < own.length; at = to) {
        throwIfAborted(signal);
        to = passEnd(at, own.length, chunk, cacheless);
        await sequence.append(own.subarray(at, to), to - at);
      }
      for (let i = 0; i < room; i++) {
        throwIfAborted(signal);
        const began = performance.now();
        const id = choose(await sequence.nextLogits());
        const { layers, logProb } = await sequence.append(Int32Array.of(id));
        yield { id, layers, logProb: logProb[0]!, milliseconds: performance.now() - began };
      }
    } catch (error) {
      if (!signal.aborted) this.#windows.drop(window);
      throw error;
    } finally {
      // Whoever asks may have had enough before.
      sequence.rewind(own.length);
      this.#windows.shrink(memory);
    }
  }

  /** What a text has in common with one whose trace the caller has the first `routed` tokens of. */
  #keep(text: Delivered, before: Delivered, routed: number): KeptRouting | undefined {
    const common = Math.min(routed, commonLength(text.ids, before.ids));
    const w = text.windows.findLastIndex((start) => start < common);
    if (w < 0 || w >= before.sums.length) return undefined;
    text.sums = before.sums.slice(0, w + 1);
    const begin = text.windows[w]!;
    const [own, then] = [windowIds(text, w), windowIds(before, w)];
    const whole = own.length === then.length && common - begin === own.length;
    // A window is kept in part where that is routed alike, and in either case as far as its sums are known.
    const known = whole || this.#model.beginsAlike(then.length, own.length) ? this.#windows.known(own) : 0;
    const kept = Math.min(common - begin, known);
    const tokens = begin + kept;
    return tokens === 0 ? undefined : { tokens, sums: plus(text.sums[w]!, this.#windows.sums(own, kept)) };
  }

  async *#parts(
    text: Delivered,
    from: number,
    { memory, rest }: Required<Pick<LiveParams, 'memory' | 'rest'>>,
    signal: AbortSignal,
  ): AsyncGenerator<Omit<Routed, 'run'>, void> {
    let left = rest;
    try {
      for (let w = text.sums.length - 1; w < text.windows.length; w++) {
        throwIfAborted(signal);
        const begin = text.windows[w]!;
        const ids = windowIds(text, w);
        const window = this.#windows.take(ids, memory);
        const known = window.columns.length;
        for (let at = Math.max(from - begin, 0); at < known; at += KNOWN_PART) {
          const to = Math.min(at + KNOWN_PART, known);
          yield { from: begin + at, to: begin + to, ...window.columns.part(at, to) };
        }
        try {
          for await (const part of this.#run(window, ids, memory, signal)) {
            yield { ...part, from: begin + part.from, to: begin + part.to };
            if (left === 0 || begin + part.to === text.ids.length) continue;
            // The next pass sees whether it was ended meanwhile.
            await sleep(left, undefined, { signal }).catch(() => undefined);
            left = 0;
          }
        } catch (error) {
          // Where a pass failed, nothing is known of what it left.
          if (!signal.aborted) this.#windows.drop(window);
          throw error;
        }
        window.complete = true;
        text.sums = [...text.sums, plus(text.sums[w]!, window.columns.sums(ids.length))];
      }
    } finally {
      this.#windows.shrink(memory);
    }
  }

  /** Runs what is not known of a window. */
  async *#run(
    { sequence, columns, ids: known }: LiveWindow,
    ids: Int32Array,
    memory: number,
    signal: AbortSignal,
  ): AsyncGenerator<Omit<Routed, 'run'>, void> {
    const common = columns.length;
    const take = (from: number, { layers, logProb, each = [] }: RoutedTokens): Omit<Routed, 'run'> => {
      columns.set(from, { layers, logProb, each });
      known.set(ids.subarray(from, from + logProb.length), from);
      return { from, to: from + logProb.length, layers, logProb };
    };
    if (common === ids.length) return;
    const { answers, cacheless } = this.#model;
    if (!sequence) {
      if (answers) yield take(0, await readWindow(answers, answers.sequence(1 + ids.length), ids, true));
      return;
    }
    let at = sequence.rewind(startFor(sequence, common, ids.length));
    for (let size = FIRST_PASS, to; at < ids.length; at = to, size *= 2) {
      throwIfAborted(signal);
      to = passEnd(at, ids.length, this.#passTokens(sequence, at, ids.length, size), cacheless);
      const skip = Math.min(Math.max(common - at, 0), to - at);
      const began = performance.now();
      const routed = await sequence.append(ids.subarray(at, to), skip, true);
      if (to - at >= MARK_END) this.#rate = (to - at) / (performance.now() - began);
      sequence.mark(memory * MARK_SHARE);
      if (at + skip < to) yield take(at + skip, routed);
    }
  }

  /** Most tokens of a pass from token `at` of a window on. */
  #passTokens({ rewinding }: Sequence, at: number, tokens: number, size: number): number {
    const { chunk } = this.#model;
    // A model that sees a window as a whole.
    if (!this.#model.beginsAlike(tokens, tokens)) return chunk;
    const inTime = Math.max(MARK_END, Math.floor((this.#rate * PASS_MS) / MARK_END) * MARK_END);
    const most = Math.min(chunk, size, inTime);
    if (rewinding !== 'to-marks') return most;
    const beforeEnd = Math.floor((tokens - 2) / MARK_END) * MARK_END;
    const next = (Math.floor(at / MARK_EVERY) + 1) * MARK_EVERY;
    return Math.min(most, next - at, at < beforeEnd ? beforeEnd - at : most);
  }

  #noSums(): LayerSums[] {
    return this.#model.info.moeLayers.map(({ experts }) => ({
      probSum: new Float64Array(experts),
      logSumExpSq: 0,
    }));
  }
}

/**
 * From where on a window goes through the model again: one token before the first that is new, since the row of that one tells the
 * new one's probability, and so that no row is left over.
 */
function startFor({ rewinding }: Sequence, common: number, tokens: number): number {
  const start = Math.max(0, Math.min(common - 1, tokens - 2));
  return rewinding === 'anywhere' && start > 0 && leavesOneOver(tokens - start) ? start - 1 : start;
}

function windowIds({ ids, windows }: Delivered, w: number): Int32Array {
  return ids.subarray(windows[w], windows[w + 1] ?? ids.length);
}

function plus(some: readonly LayerSums[], more: readonly LayerSums[]): LayerSums[] {
  return some.map(({ probSum, logSumExpSq }, i) => ({
    probSum: probSum.map((sum, e) => sum + more[i]!.probSum[e]!),
    logSumExpSq: logSumExpSq + more[i]!.logSumExpSq,
  }));
}

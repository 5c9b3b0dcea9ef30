/** Edits as an editor makes them, and the routing of edited texts, live and afresh. */
import { expect } from 'vitest';
import { randomNumbers } from '../../extension/analysis/random.ts';
import { TraceBuilder } from '../../extension/client/traceBuilder.ts';
import { LiveRouter } from '../../extension/engine/live/liveRouter.ts';
import type { OpenModel } from '../../extension/engine/model.ts';
import { prefill, windowStarts } from '../../extension/engine/prefill.ts';
import type { LiveParams } from '../../extension/protocol/engine.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';

/** What people type and paste, and what makes trouble. */
const PIECES = [
  ...[
    'e',
    ' ',
    'the ',
    'router ',
    '\n',
    '\r\n',
    '\t',
    '42',
    'export function route(x: number) {\n',
    '.',
    ' '.repeat(9),
  ],
  ...[
    '😀',
    '👩‍👩‍👧',
    'e\u0301',
    '\u0308',
    '专家',
    '混合专家模型',
    'ﷺ',
    '\u200b',
    '\u202e',
    '\ud83d',
    '\ude00',
    'İ',
    'ß',
    '\0',
  ],
];

/** A text that is edited at random, as people edit, with undo and redo. */
export class EditedText {
  readonly #random: () => number;
  readonly #limit: number;
  #undo: string[] = [];
  #redo: string[] = [];
  text: string;

  constructor(text: string, limit: number, seed: number) {
    this.text = text;
    this.#limit = limit;
    this.#random = randomNumbers(seed);
  }

  /** Makes an edit; what it was. */
  edit(): string {
    const kinds = [
      'insert',
      'insert',
      'append',
      'append',
      'delete',
      'backspace',
      'replace',
      'cursors',
      'paste',
      'undo',
    ];
    const kind = this.#of([...kinds, 'undo', 'redo', 'line ends', 'half a character']);
    const before = this.text;
    if (kind === 'undo' || kind === 'redo') {
      const [from, to] = kind === 'undo' ? [this.#undo, this.#redo] : [this.#redo, this.#undo];
      const text = from.pop();
      if (text === undefined) return `no ${kind}`;
      to.push(before);
      this.text = text;
      return kind;
    }
    this.#make(kind);
    if (this.text.length > this.#limit) this.#splice(this.#at(), this.text.length - (this.#limit >> 1), '');
    if (this.text.trim() === '') this.text = 'a';
    this.#undo = [...this.#undo, before].slice(-20);
    this.#redo = [];
    return kind;
  }

  #make(kind: string): void {
    switch (kind) {
      case 'insert':
        this.#splice(this.#at(), 0, this.#of(PIECES));
        break;
      case 'append':
        this.text += this.#of(PIECES);
        break;
      case 'delete':
        this.#splice(this.#at(), this.#upTo(40), '');
        break;
      case 'backspace':
        this.text = this.text.slice(0, -1);
        break;
      case 'replace':
        this.#splice(this.#at(), this.#upTo(12), this.#of(PIECES));
        break;
      case 'cursors': {
        const piece = this.#of(PIECES);
        for (let i = 0; i < 3; i++) this.#splice(this.#at(), this.#upTo(2), piece);
        break;
      }
      case 'paste': {
        const from = this.#at();
        this.#splice(this.#at(), 0, this.text.slice(from, from + this.#upTo(200)));
        break;
      }
      case 'line ends':
        this.text = this.text.includes('\r\n')
          ? this.text.replaceAll('\r\n', '\n')
          : this.text.replaceAll('\n', '\r\n');
        break;
      case 'half a character': {
        const at = /[\ud800-\udbff]/u.exec(this.text)?.index ?? this.text.indexOf('\ud83d');
        if (at >= 0) this.#splice(at + 1, 1, this.#of(['', '\ude01']));
        break;
      }
    }
  }

  #splice(at: number, removed: number, inserted: string): void {
    this.text = this.text.slice(0, at) + inserted + this.text.slice(at + removed);
  }

  /** Near the end more often than not. */
  #at(): number {
    const near = this.#random() < 0.5 ? Math.min(30, this.text.length) : this.text.length;
    return this.text.length - Math.floor(this.#random() * (near + 1));
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1));
  }

  #of<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }
}

/**
 * As many tokens of a live trace as have routing are what a run afresh says of them: to the bit where `exact`, else as close as
 * rounding lets them be.
 */
export function expectSame(live: RoutingTrace, fresh: RoutingTrace, { whole = true, exact = true } = {}): void {
  expect(live.tokens.ids).toEqual(fresh.tokens.ids);
  expect(live.windows).toEqual(fresh.windows);
  if (whole) expect(live.routed).toBe(fresh.routed);
  else expect(live.routed).toBeGreaterThan(0);
  const worst = { weight: 0, entropy: 0, margin: 0, logProb: 0, sums: 0 };
  const compare = (what: keyof typeof worst, one: number, two: number): void => {
    // What is not a number on both sides is the same; what is not on one is as far away as can be.
    const apart = Object.is(one, two) ? 0 : Math.abs(one - two);
    worst[what] = Math.max(worst[what], Number.isNaN(apart) ? Infinity : apart);
  };
  let others = 0;
  fresh.layers.forEach((layer, l) => {
    const { chosen, weight, entropy, candidates, margin } = layer;
    const other = live.layers[l]!;
    for (let t = 0; t < live.routed; t++) {
      compare('entropy', entropy[t]!, other.entropy[t]!);
      compare('margin', margin[t]!, other.margin[t]!);
      const from = t * candidates;
      const to = from + candidates;
      for (let i = from; i < to; i++) {
        compare('weight', weight[i]!, other.weight[i]!);
        // Neighbours that weigh alike may change places, and at a margin that is rounding the last chosen may be another.
        const alike = (j: number): boolean => j >= from && j < to && Math.abs(weight[i]! - weight[j]!) < 1e-6;
        const tie = alike(i - 1) || alike(i + 1) || margin[t]! < 1e-6;
        if (chosen[i] !== other.chosen[i] && (exact || !tie)) others += 1;
      }
    }
    if (!whole) return;
    for (let e = 0; e < layer.experts; e++) {
      compare('sums', layer.probSum[e]! / live.routed, other.probSum[e]! / live.routed);
    }
    compare('sums', 1, (1 + other.logSumExpSq) / (1 + layer.logSumExpSq));
  });
  for (let t = 0; t < live.routed; t++) compare('logProb', fresh.tokens.logProb[t]!, live.tokens.logProb[t]!);
  expect(others).toBe(0);
  const most = exact ? 0 : 1e-5;
  for (const what of ['weight', 'entropy', 'margin'] as const) expect(worst[what], what).toBeLessThanOrEqual(most);
  expect(worst.logProb, 'logProb').toBeLessThanOrEqual(exact ? 0 : 1e-3);
  // Sums are added up in another order.
  expect(worst.sums, 'sums').toBeLessThan(1e-5);
}

/** One model, routed live and afresh in this process. */
export class LiveText {
  readonly router: LiveRouter;
  readonly #model: OpenModel;
  readonly #memory: number;
  #base: { readonly run: number; readonly builder: TraceBuilder } | undefined;
  #runs = 0;

  constructor(model: OpenModel, memory: number) {
    this.#model = model;
    this.#memory = memory;
    this.router = new LiveRouter(model);
  }

  /**
   * @param parts the run is cut off by another one after so many of them
   * @param rest milliseconds that it waits after the tokens next to the edit
   */
  async live(
    text: string,
    parts = Infinity,
    rest = 0,
  ): Promise<{ readonly trace: RoutingTrace; readonly kept: number }> {
    const encoded = await this.#model.tokenizer.encodeEdited(text);
    const windows = windowStarts(encoded.ids.length, this.#model.info.context);
    const run = ++this.#runs;
    const params: LiveParams = {
      memory: this.#memory,
      rest,
      ...(this.#base ? { base: { run: this.#base.run, routed: this.#base.builder.routed } } : {}),
    };
    const known = this.router.begin(run, encoded.ids, windows, params);
    const began = { run, model: this.#model.info, ...encoded, windows, generate: 0 };
    const builder = new TraceBuilder({ ...began, ...(known.kept ? { kept: known.kept } : {}) }, this.#base?.builder);
    this.#base = { run, builder };
    const abort = new AbortController();
    let left = parts;
    try {
      for await (const part of known.parts(abort.signal)) {
        builder.add({ run, ...part });
        if (--left <= 0) abort.abort();
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
    return { trace: builder.trace, kept: known.kept?.tokens ?? 0 };
  }

  async afresh(text: string): Promise<RoutingTrace> {
    const encoded = await this.#model.tokenizer.encode(text);
    const windows = windowStarts(encoded.ids.length, this.#model.info.context);
    const builder = new TraceBuilder({ run: 0, model: this.#model.info, ...encoded, windows, generate: 0 });
    for await (const part of prefill(this.#model, encoded.ids, windows, 0, new AbortController().signal)) {
      builder.add({ run: 0, ...part });
    }
    return builder.trace;
  }
}

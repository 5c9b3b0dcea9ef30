import { randomNumbers } from '../../analysis/random.ts';
import type { Sampling } from '../../protocol/continuation.ts';
import { indexOfMax } from '../prefill.ts';
import { INCOMPLETE, type Tokenizer } from '../tokenizer.ts';

/** Chooses a token by its logits: the likeliest, or one drawn from softmax(logits / temperature). */
export function chooser({ temperature, seed }: Sampling): (logits: Float32Array) => number {
  const random = randomNumbers(seed);
  return (logits) => {
    const best = indexOfMax(logits);
    if (temperature <= 0) return best;
    // `from` with a function takes ten times as long, and all of it counts as the token's time.
    const worth = new Float64Array(logits.length);
    let left = 0;
    for (let i = 0; i < worth.length; i++) {
      worth[i] = Math.exp((logits[i]! - logits[best]!) / temperature);
      left += worth[i]!;
    }
    left *= random();
    for (let i = 0; i < worth.length; i++) {
      left -= worth[i]!;
      if (left < 0) return i;
    }
    return best;
  };
}

/**
 * What of a text's tokens its continuation goes on from: all where the context has room for so many more, else the last ones, after
 * what the tokenizer puts before each text. The last ones begin at one of a few places, so that the next continuation finds what this
 * one has run.
 */
export async function continuedFrom(
  ids: Int32Array,
  tokens: number,
  context: number,
  tokenizer: Tokenizer,
): Promise<Int32Array> {
  const most = Math.max(context - tokens, Math.ceil(context / 2));
  if (ids.length <= most) return ids;
  const step = Math.ceil(context / 8);
  let before = 0;
  while (before < step && (await tokenizer.isSpecial(ids[before]!))) before += 1;
  const from = Math.ceil((before + ids.length - most) / step) * step;
  const own = new Int32Array(before + ids.length - from);
  own.set(ids.subarray(0, before));
  own.set(ids.subarray(from), before);
  return own;
}

/** The text of tokens that follow others. */
export class AddedText {
  readonly #tokenizer: Tokenizer;
  readonly #before: Int32Array;
  readonly #added: number[] = [];
  #addedText: ((ids: readonly number[]) => Promise<string>) | undefined;
  #text = '';

  constructor(tokenizer: Tokenizer, ids: Int32Array) {
    this.#tokenizer = tokenizer;
    this.#before = ids;
  }

  /** All text so far. A character that no further token has completed is not part of it. */
  async add(id: number): Promise<string> {
    this.#added.push(id);
    this.#addedText ??= await this.#tokenizer.adding(this.#before);
    const text = await this.#addedText(this.#added);
    if (!text.endsWith(INCOMPLETE)) this.#text = text;
    return this.#text;
  }
}

/** A text's way through a model: in windows, in chunks, and on from its end. */
import type { Routed } from '../protocol/engine.ts';
import { throwIfAborted } from '../protocol/errors.ts';
import { unseen } from './encode.ts';
import type { AnsweringModel, AnsweringSequence, OpenModel, RoutedTokens } from './model.ts';
import { passEnd } from './passes.ts';

/** First tokens of the windows of a text: it is cut where the context is full, and each window starts afresh. */
export function windowStarts(tokens: number, context: number): Uint32Array {
  return Uint32Array.from({ length: Math.max(1, Math.ceil(tokens / context)) }, (_, i) => i * context);
}

/**
 * Yields the routing of a text's tokens, part by part and in order, and then that of the tokens that greedy decoding adds.
 * Memory is bounded by one window's KV cache and one chunk's outputs.
 *
 * @param generate how many tokens to add; fewer are when the context is full
 * @throws UserError `cancelled` between chunks, once the signal is aborted
 */
export async function* prefill(
  model: OpenModel,
  ids: Int32Array,
  windows: Uint32Array,
  generate: number,
  signal: AbortSignal,
): AsyncGenerator<Omit<Routed, 'run'>, void> {
  if (model.answers) {
    yield* readAndAnswer(model, model.answers, ids, windows, generate, signal);
    return;
  }
  const { context } = model.info;
  const sequence = model.sequence(Math.min(ids.length + generate, context));
  let length = 0;
  for (let w = 0; w < windows.length; w++) {
    const begin = windows[w]!;
    const end = windows[w + 1] ?? ids.length;
    length = end - begin;
    sequence.reset(length);
    for (let from = begin, to; from < end; from = to) {
      throwIfAborted(signal);
      to = passEnd(from, end, model.chunk, model.cacheless);
      yield { from, to, ...(await sequence.append(ids.subarray(from, to))) };
    }
  }
  const added = Math.min(generate, context - length);
  for (let from = ids.length; from < ids.length + added; from++) {
    throwIfAborted(signal);
    const next = Int32Array.of(indexOfMax(await sequence.nextLogits()));
    yield { from, to: from + 1, generated: next, ...(await sequence.append(next)) };
  }
}

/**
 * The same of a model with an encoder. That reads each window as a whole, and the decoder is told the same text from its own
 * first token on: so every token has its routing in both, and its probability given the tokens before and the whole text.
 * What is generated is the model's answer to the last window instead: the decoder begins afresh, and the encoder sees none of
 * it.
 */
async function* readAndAnswer(
  model: OpenModel,
  answers: AnsweringModel,
  ids: Int32Array,
  windows: Uint32Array,
  generate: number,
  signal: AbortSignal,
): AsyncGenerator<Omit<Routed, 'run'>, void> {
  const { context, moeLayers } = model.info;
  const added = Math.min(generate, context);
  const sequence = answers.sequence(1 + Math.max(Math.min(ids.length, context), added));
  const start = Int32Array.of(answers.decoderStart);
  for (let w = 0; w < windows.length; w++) {
    throwIfAborted(signal);
    const from = windows[w]!;
    const to = windows[w + 1] ?? ids.length;
    yield { from, to, ...(await readWindow(answers, sequence, ids.subarray(from, to))) };
  }
  if (added === 0) return;
  const ofEncoder = moeLayers.filter(({ stack }) => stack === 'encoder').map(unseen);
  sequence.reset(1);
  await sequence.append(start);
  for (let from = ids.length; from < ids.length + added; from++) {
    throwIfAborted(signal);
    const generated = Int32Array.of(indexOfMax(await sequence.nextLogits()));
    const { logProb, layers } = await sequence.append(generated);
    yield { from, to: from + 1, generated, logProb, layers: [...ofEncoder, ...layers] };
  }
}

/**
 * Has the encoder read a window, and the decoder told it.
 *
 * @param sequence of the decoder, with room for a token more
 * @param wantsEach whether to tell what each token adds to the sums
 */
export async function readWindow(
  answers: AnsweringModel,
  sequence: AnsweringSequence,
  ids: Int32Array,
  wantsEach = false,
): Promise<RoutedTokens> {
  const read = await answers.encode(ids, wantsEach);
  sequence.reset(1 + ids.length);
  sequence.attendTo(read.crosses);
  const told = await sequence.append(Int32Array.of(answers.decoderStart, ...ids), 1, wantsEach);
  const layers = [...read.layers, ...told.layers];
  return {
    layers,
    logProb: told.logProb,
    ...(wantsEach ? { each: [...(read.each ?? []), ...(told.each ?? [])] } : {}),
  };
}

/** The first of the highest, as torch.argmax. */
export function indexOfMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

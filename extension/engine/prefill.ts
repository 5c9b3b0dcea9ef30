/** A text's way through a model: in windows, in chunks, and on from its end. */
import type { Routed } from '../protocol/engine.ts';
import { UserError } from '../protocol/errors.ts';
import type { OpenModel } from './openModel.ts';
import { Sequence } from './sequence.ts';

/** Tokens a pass: enough rows for each expert's matrix product, soon enough for progress and for cancelling. */
const CHUNK_TOKENS = 512;

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
  const { context } = model.info;
  const sequence = new Sequence(model, Math.min(ids.length + generate, context));
  let length = 0;
  for (let w = 0; w < windows.length; w++) {
    const begin = windows[w]!;
    const end = windows[w + 1] ?? ids.length;
    sequence.reset();
    length = end - begin;
    for (let from = begin; from < end; from += CHUNK_TOKENS) {
      throwIfAborted(signal);
      const to = Math.min(end, from + CHUNK_TOKENS);
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

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new UserError('cancelled', 'The analysis was cancelled.');
}

/** The first of the highest, as torch.argmax. */
function indexOfMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

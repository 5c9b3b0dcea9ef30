/** Writes a plan's weight file from a checkpoint, on as many threads as it is worth. */
import { createHash } from 'node:crypto';
import type { PlannedWeight } from '../models/weights.ts';
import { throwIfAborted } from '../protocol/errors.ts';
import { startThreads, type ImportThread } from './importThreads.ts';
import { piecesOf, type Piece } from './pieces.ts';

/** Pieces that a thread has: the one it works on, and the next. */
const PIECES_A_THREAD = 2;

export interface ImportSteps {
  /** The weight file, which is there already, with all of its size. */
  readonly path: string;
  /** Absolute path of the bundle of a thread. */
  readonly importer: string;
  /** Whether a weight is in the file from before. */
  readonly isWritten: (index: number) => boolean;
  /** Told after every piece: how much it makes of the weight file, in bytes. */
  readonly progress: (bytes: number) => void;
  /** Told when the weight with that index is written, with a hash of what it is. */
  readonly written: (index: number, hash: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Writes weights to their places in the file. Nothing is being written any more when it returns or throws.
 *
 * @throws UserError `weights-invalid` when a file of the checkpoint ends early or a matrix cannot be quantized, `cancelled`
 */
export async function importWeights(weights: readonly PlannedWeight[], steps: ImportSteps): Promise<void> {
  const { signal, progress, isWritten } = steps;
  const wanted = weights.map((weight, index) => ({ weight, index })).filter(({ index }) => !isWritten(index));
  const bytes = wanted.reduce((sum, { weight }) => sum + weight.bytes, 0);
  const threads = startThreads(steps.importer, steps.path, bytes);
  const pieces = collected(wanted, steps.written);
  let failed = false;
  const run = async (thread: ImportThread): Promise<void> => {
    for (;;) {
      throwIfAborted(signal);
      const next = failed ? undefined : pieces.next().value;
      if (!next) return;
      try {
        next.done(await thread.convert(next.piece));
      } catch (error) {
        failed = true;
        throw error;
      }
      progress(next.piece.bytes);
    }
  };
  const runs = threads.flatMap((thread) => Array.from({ length: PIECES_A_THREAD }, () => run(thread)));
  const results = await Promise.allSettled(runs);
  await Promise.all(threads.map((thread) => thread.close()));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

interface Task {
  readonly piece: Piece;
  /** Takes the hash of the piece. */
  readonly done: (hash: string) => void;
}

/** Yields the pieces of weights; tells of a weight once all of its pieces are done. */
function* collected(
  weights: readonly { readonly weight: PlannedWeight; readonly index: number }[],
  written: ImportSteps['written'],
): Generator<Task, undefined> {
  for (const { weight, index } of weights) {
    const pieces = piecesOf(weight, index);
    const hashes: string[] = [];
    let left = pieces.length;
    for (const [i, piece] of pieces.entries()) {
      const done = (hash: string): void => {
        hashes[i] = hash;
        left -= 1;
        if (left === 0) written(index, createHash('sha256').update(hashes.join()).digest('hex'));
      };
      yield { piece, done };
    }
  }
  return undefined;
}

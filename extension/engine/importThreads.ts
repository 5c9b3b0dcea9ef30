/** The threads that an import runs on. */
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { UserError, type ErrorCode } from '../protocol/errors.ts';
import { PieceConverter } from './convertPiece.ts';
import type { Piece } from './pieces.ts';

/**
 * What a thread is worth its start for, in bytes of the weight file: two of them take some 70 ms of two cores to start, and one
 * writes 20 MB meanwhile.
 */
const BYTES_A_THREAD = 64 * 2 ** 20;

/** More do not make a disk faster, and each may hold a matrix. */
const MAX_THREADS = 8;

/** What a thread says of a piece. */
export type ConvertedPiece = { readonly hash: string } | { readonly failure: string; readonly code?: ErrorCode };

/** Converts pieces, one after the other; some may be waiting for their turn. */
export interface ImportThread {
  /** Resolves with the hash of the piece. Throws UserError `weights-invalid`, and what the disk says. */
  convert(piece: Piece): Promise<string>;
  close(): Promise<void>;
}

/**
 * Threads for an import of that size; this one alone for a small model.
 *
 * @param entry absolute path of a thread's bundle
 * @param file the weight file
 */
export function startThreads(entry: string, file: string, bytes: number): ImportThread[] {
  const count = Math.min(availableParallelism(), MAX_THREADS, Math.floor(bytes / BYTES_A_THREAD));
  return count < 2 ? [thisThread(file)] : Array.from({ length: count }, () => workerThread(entry, file));
}

function thisThread(file: string): ImportThread {
  const converter = new PieceConverter(file);
  return {
    convert: async (piece) => {
      // Whoever wants to cancel is heard in between.
      await setImmediate();
      return converter.convert(piece);
    },
    close: () => {
      converter.close();
      return Promise.resolve();
    },
  };
}

function workerThread(entry: string, file: string): ImportThread {
  const worker = new Worker(entry, { workerData: file, execArgv: [] });
  /** Answers come in the order of the pieces. */
  const waiting: { readonly resolve: (hash: string) => void; readonly reject: (error: Error) => void }[] = [];
  let gone: Error | undefined;
  const end = (error: Error): void => {
    gone ??= error;
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  worker.on('message', (answer: ConvertedPiece) => {
    const { resolve, reject } = waiting.shift()!;
    if ('hash' in answer) resolve(answer.hash);
    else reject(answer.code === undefined ? new Error(answer.failure) : new UserError(answer.code, answer.failure));
  });
  worker.on('error', (error) => {
    end(error instanceof Error ? error : new Error(String(error)));
  });
  worker.on('exit', (code) => {
    end(new Error(`a thread of the import ended with exit code ${code}`));
  });
  return {
    convert: (piece) =>
      new Promise((resolve, reject) => {
        if (gone) {
          reject(gone);
          return;
        }
        waiting.push({ resolve, reject });
        worker.postMessage(piece);
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}

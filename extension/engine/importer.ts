/** A thread of an import: converts the pieces that it is sent, in their order. */
import '../protocol/childLanguage.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, isUserError } from '../protocol/errors.ts';
import { PieceConverter } from './convertPiece.ts';
import type { ConvertedPiece } from './importThreads.ts';
import type { Piece } from './pieces.ts';

const converter = new PieceConverter(workerData as string);
parentPort!.on('message', (piece: Piece) => {
  let answer: ConvertedPiece;
  try {
    answer = { hash: converter.convert(piece) };
  } catch (error) {
    answer = { failure: messageOf(error), ...(isUserError(error) ? { code: error.code } : {}) };
  }
  parentPort!.postMessage(answer);
});

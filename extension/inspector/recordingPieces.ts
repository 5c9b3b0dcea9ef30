import { bytesOf, takeApart, type Apart, type Column } from '../protocol/apart.ts';
import type { Piece } from '../protocol/inspector.ts';
import type { RecordingPaths } from '../protocol/recording.ts';
import { openRecording } from './openRecording.ts';

/** Bytes of a piece: whoever takes it is held up for less than a frame. */
const PIECE = 1 << 18;

/** The recording that was opened last, as its columns leave piece by piece. */
export class RecordingPieces {
  #columns: (Column | undefined)[] = [];

  /** Throws UserError `trace-invalid`. */
  async open(paths: RecordingPaths): Promise<Apart> {
    const { apart, columns } = takeApart(await openRecording(paths));
    this.#columns = [...columns];
    return apart;
  }

  take({ column: number, from }: Piece): Uint8Array {
    const column = this.#columns[number];
    if (!column) throw new Error(`There is no column ${number}`);
    const bytes = bytesOf(column);
    if (from + PIECE >= bytes.length) this.#columns[number] = undefined;
    return bytes.subarray(from, from + PIECE);
  }
}

/** A plan cut into parts that can be converted and written one without the other, on any thread. */
import type { BlockFormat, MatrixSize } from '../models/quantization.ts';
import {
  elements,
  type FileRange,
  type PlannedBlocks,
  type PlannedWeight,
  type WeightSource,
} from '../models/weights.ts';

/** Bytes of a checkpoint in a piece: some milliseconds of work, so that threads end together and hear of cancelling soon. */
const PIECE_BYTES = 8 * 2 ** 20;

/** Bytes read at a time: few enough to stay in a core's own cache until they are converted and written. */
const SLICE_BYTES = 2 ** 18;

/** A part of a weight. It can be sent to another thread. */
export interface Piece {
  /** Index of the weight in the plan. */
  readonly weight: number;
  /** What it makes of the weight file, in bytes, for progress. */
  readonly bytes: number;
  readonly from: readonly SourcePart[];
  readonly to: PieceTarget;
}

/** Bytes of a source that follow one another. */
export interface SourcePart {
  readonly source: WeightSource;
  /** First byte in the source. */
  readonly at: number;
  readonly bytes: number;
  /** Bytes to read at a time; whole rows where rows are quantized. */
  readonly slice: number;
}

export type PieceTarget =
  /** Float32 elements from that position of the file on. */
  | { readonly kind: 'float32'; readonly offset: number }
  /** Rows of a matrix in blocks. */
  | { readonly kind: 'rows'; readonly inputs: number; readonly format: BlockFormat; readonly at: BlockRanges }
  /** A whole matrix in blocks that comes as [inputs, outputs]. */
  | { readonly kind: 'transposed'; readonly size: MatrixSize; readonly format: BlockFormat; readonly at: BlockRanges };

/** Where in the file the two parts of blocks go, in bytes. */
export interface BlockRanges {
  readonly values: number;
  readonly scales: number;
}

/** Cuts a weight; `index` is its place in the plan. */
export function piecesOf(weight: PlannedWeight, index: number): Piece[] {
  const { blocks, projection } = weight;
  const unit =
    !blocks || !projection ? 1 : projection.transposed ? blocks.format.block * projection.outputs : projection.inputs;
  const whole = blocks !== undefined && projection?.transposed === true;
  const count = elements(weight.shape);
  const pieces: Piece[] = [];
  let from: SourcePart[] = [];
  let bytes = 0;
  let first = 0;
  let next = 0;
  const end = (): void => {
    if (from.length === 0) return;
    pieces.push({ weight: index, bytes: ((next - first) / count) * weight.bytes, from, to: targetOf(weight, first) });
    from = [];
    bytes = 0;
    first = next;
  };
  for (const source of weight.sources) {
    const density = elementsPerByte(source);
    const step = wholeUnits(PIECE_BYTES, unit / density);
    const slice = wholeUnits(SLICE_BYTES, unit / density);
    for (let at = 0; at < source.bytes; at += step) {
      const part = Math.min(step, source.bytes - at);
      if (!whole && bytes + part > PIECE_BYTES) end();
      from.push({ source, at, bytes: part, slice });
      bytes += part;
      next += part * density;
    }
  }
  end();
  return pieces;
}

/** Elements that a byte of a source stands for. */
export function elementsPerByte({ entry, exponents }: WeightSource): number {
  return exponents ? 2 : elements(entry.shape) / entry.bytes;
}

/** As many bytes as make whole units, of which there is at least one. */
function wholeUnits(bytes: number, unit: number): number {
  return unit < 1 ? bytes : Math.max(1, Math.floor(bytes / unit)) * unit;
}

/** Where the elements of a weight go from the one with that index on. */
function targetOf({ blocks, projection, offset }: PlannedWeight, first: number): PieceTarget {
  if (!blocks || !projection) return { kind: 'float32', offset: offset + first * Float32Array.BYTES_PER_ELEMENT };
  const { format } = blocks;
  if (projection.transposed) {
    return { kind: 'transposed', size: projection, format, at: rangesFrom(blocks, 0) };
  }
  const { inputs } = projection;
  return { kind: 'rows', inputs, format, at: rangesFrom(blocks, first / inputs) };
}

function rangesFrom({ shapes, values, scales }: PlannedBlocks, row: number): BlockRanges {
  const [outputs] = shapes.values;
  const position = ({ offset, bytes }: FileRange): number => offset + (row * bytes) / outputs;
  return { values: position(values), scales: position(scales) };
}

/** Float32 matrices into blocks of integers; see models/quantization.ts for what they mean. */
import { blockShapes, type BlockFormat, type MatrixSize } from '../models/quantization.ts';

export interface QuantizedMatrix {
  readonly values: Uint8Array;
  readonly scales: Float32Array;
}

/** Memory for matrices that are done with before the next one: new memory costs more than what is done in it. */
export class Room {
  #values = new Uint8Array(0);
  #scales = new Float32Array(0);

  values(count: number): Uint8Array {
    if (this.#values.length < count) this.#values = new Uint8Array(count);
    return this.#values.subarray(0, count);
  }

  scales(count: number): Float32Array {
    if (this.#scales.length < count) this.#scales = new Float32Array(count);
    return this.#scales.subarray(0, count);
  }
}

/**
 * Quantizes rows [outputs, inputs]. Returns undefined when an element is not finite.
 *
 * @param room where the result stands until the next one is made there
 */
export function quantizeRows(
  rows: Float32Array,
  inputs: number,
  format: BlockFormat,
  room = new Room(),
): QuantizedMatrix | undefined {
  const outputs = rows.length / inputs;
  const target = new Target({ outputs, inputs }, format, room);
  for (let row = 0; row < outputs; row++) {
    for (let b = 0; b < target.blocks; b++) {
      const from = b * format.block;
      if (!target.set(row, b, rows, row * inputs + from, Math.min(format.block, inputs - from))) return undefined;
    }
  }
  return target;
}

/** A matrix that comes as [inputs, outputs], some of its inputs at a time. */
export class TransposedQuantizer {
  readonly #target: Target;
  readonly #size: MatrixSize;
  readonly #block: number;
  /** The elements of a block, which lie a row apart. */
  readonly #gathered: Float32Array;
  #inputs = 0;

  constructor(size: MatrixSize, format: BlockFormat) {
    this.#target = new Target(size, format, new Room());
    this.#size = size;
    this.#block = format.block;
    this.#gathered = new Float32Array(format.block);
  }

  /** Takes the next inputs, in whole blocks but for the last ones. Returns false when an element is not finite. */
  add(rows: Float32Array): boolean {
    const { outputs } = this.#size;
    for (let from = 0; from < rows.length; from += this.#block * outputs) {
      const count = Math.min(this.#block, (rows.length - from) / outputs);
      for (let output = 0; output < outputs; output++) {
        for (let i = 0, p = from + output; i < count; i++, p += outputs) this.#gathered[i] = rows[p]!;
        if (!this.#target.set(output, this.#inputs / this.#block, this.#gathered, 0, count)) return false;
      }
      this.#inputs += count;
    }
    return true;
  }

  get matrix(): QuantizedMatrix {
    return this.#target;
  }
}

/** What becomes of a matrix, block by block. */
class Target implements QuantizedMatrix {
  readonly values: Uint8Array;
  readonly scales: Float32Array;
  readonly blocks: number;
  readonly #bits: number;
  readonly #blockBytes: number;
  #source: { readonly floats: Float32Array; readonly bits: Int32Array } | undefined;

  constructor(size: MatrixSize, format: BlockFormat, room: Room) {
    const { values, scales } = blockShapes(size, format);
    const [outputs, blocks, blockBytes] = values;
    this.blocks = blocks;
    this.#bits = format.bits;
    this.#blockBytes = blockBytes;
    this.values = room.values(outputs * blocks * blockBytes);
    this.scales = room.scales(scales[0] * scales[1]);
  }

  /** The same elements as integers. */
  #bitsOf(floats: Float32Array): Int32Array {
    if (this.#source?.floats !== floats) {
      this.#source = { floats, bits: new Int32Array(floats.buffer, floats.byteOffset, floats.length) };
    }
    return this.#source.bits;
  }

  /**
   * Sets a block from elements that lie side by side. The largest becomes −2^(bits−1), the integer farthest from zero, so it is
   * kept as it is and the steps are as small as can be; what lies as far out on the other side is cut to 2^(bits−1) − 1. Returns
   * false when an element is not finite.
   */
  set(row: number, block: number, from: Float32Array, at: number, count: number): boolean {
    const place = largestIn(this.#bitsOf(from), at, count);
    if (place === undefined) return false;
    const index = row * this.blocks + block;
    const zero = 1 << (this.#bits - 1);
    const scale = Math.fround(-from[place]! / zero);
    this.scales[index] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    const start = index * this.#blockBytes;
    const written = this.#bits === 8 ? count : (count + 1) >> 1;
    if (this.#bits === 8) toBytes(from, at, count, inverse, this.values, start);
    else toHalves(from, at, count, inverse, this.values, start);
    // Only a row's last block needs it, and a call costs as much as some elements.
    if (written < this.#blockBytes) {
      this.values.fill(this.#bits === 8 ? zero : zero | (zero << 4), start + written, start + this.#blockBytes);
    }
    return true;
  }
}

/** The bits of infinity; those of what is not a number are above. */
const INFINITE = 0x7f800000;

/** Where the element farthest from zero is. Undefined when one is not finite. */
function largestIn(bits: Int32Array, at: number, count: number): number | undefined {
  // As integers, float32 without their sign are in the order of their sizes, and compare faster.
  let size = 0;
  let place = at;
  for (let p = at; p < at + count; p++) {
    const distance = bits[p]! & 0x7fffffff;
    if (distance > size) {
      size = distance;
      place = p;
    }
  }
  return size < INFINITE ? place : undefined;
}

// Adding a half to the zero point makes of cutting off rounding: nothing is below zero.

function toBytes(from: Float32Array, at: number, count: number, inverse: number, to: Uint8Array, start: number): void {
  for (let i = 0; i < count; i++) {
    const q = (from[at + i]! * inverse + 128.5) | 0;
    to[start + i] = q > 255 ? 255 : q;
  }
}

/** Two elements a byte, the first in the lower half; what is missing is zero. */
function toHalves(from: Float32Array, at: number, count: number, inverse: number, to: Uint8Array, start: number): void {
  const pairs = count >> 1;
  for (let i = 0, p = at; i < pairs; i++, p += 2) {
    const low = (from[p]! * inverse + 8.5) | 0;
    const high = (from[p + 1]! * inverse + 8.5) | 0;
    to[start + i] = (low > 15 ? 15 : low) | ((high > 15 ? 15 : high) << 4);
  }
  if (count % 2 === 0) return;
  const last = (from[at + count - 1]! * inverse + 8.5) | 0;
  to[start + pairs] = (last > 15 ? 15 : last) | (8 << 4);
}

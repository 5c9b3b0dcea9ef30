/**
 * Elements of a checkpoint as float32; exact for every type it takes. The platforms that ONNX Runtime runs on are
 * little-endian, as safetensors is.
 *
 * @param bytes whole elements, at an offset that suits their type
 * @param dtype F32, BF16 or F16
 * @param target where they go, one place an element; F32 stays where it is
 */
export function toFloat32(
  bytes: Buffer,
  dtype: string,
  target: Float32Array = new Float32Array(dtype === 'F32' ? 0 : bytes.byteLength / 2),
): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    case 'BF16': {
      // bfloat16 is the upper half of a float32.
      const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
      const bits = new Uint32Array(target.buffer, target.byteOffset, source.length);
      for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
      return target;
    }
    case 'F16': {
      const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
      HALVES ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => halfToNumber(half));
      for (let i = 0; i < source.length; i++) target[i] = HALVES[source[i]!]!;
      return target;
    }
    default:
      throw new RangeError(`cannot read ${dtype} as float32`);
  }
}

/** What an FP8 matrix is multiplied by. */
export interface Fp8Scales {
  /** One factor a block, by rows of blocks. */
  readonly values: Float32Array;
  readonly block: readonly [rows: number, columns: number];
  /** Columns of the matrix. */
  readonly columns: number;
}

/**
 * A piece of an FP8 matrix as float32: each element times its block's scale, rounded once.
 *
 * @param bytes the elements from the one with index `first` on
 * @param target where they go, one place an element
 */
export function fp8ToFloat32(
  bytes: Buffer,
  first: number,
  { values, block, columns }: Fp8Scales,
  target: Float32Array = new Float32Array(bytes.length),
): Float32Array {
  const blocksPerRow = Math.ceil(columns / block[1]);
  for (let i = 0; i < bytes.length;) {
    const row = Math.floor((first + i) / columns);
    const column = (first + i) % columns;
    const blockColumn = Math.floor(column / block[1]);
    const scale = values[Math.floor(row / block[0]) * blocksPerRow + blockColumn]!;
    // To the end of the block's part of the row.
    const end = Math.min(bytes.length, i - column + Math.min(columns, (blockColumn + 1) * block[1]));
    for (; i < end; i++) target[i] = E4M3[bytes[i]!]! * scale;
  }
  return target;
}

/**
 * MXFP4 as float32 (OCP Microscaling Formats 1.0): two elements a byte, the lower half first, each times 2 to its
 * block's exponent.
 *
 * @param bytes whole blocks of 16 bytes
 * @param exponents one byte a block, with bias 127; 255 stands for NaN
 * @param target where they go, one place an element
 */
export function mxfp4ToFloat32(
  bytes: Uint8Array,
  exponents: Uint8Array,
  target: Float32Array = new Float32Array(2 * bytes.length),
): Float32Array {
  for (let i = 0; i < bytes.length;) {
    const exponent = exponents[i >> 4]!;
    const scale = exponent === 0xff ? NaN : 2 ** (exponent - 127);
    for (const end = Math.min(bytes.length, i + 16); i < end; i++) {
      target[2 * i] = E2M1[bytes[i]! & 0xf]! * scale;
      target[2 * i + 1] = E2M1[bytes[i]! >> 4]! * scale;
    }
  }
  return target;
}

/** Every value of FP4 E2M1. */
const E2M1 = Float32Array.of(0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6);

/** Every value of FP8 E4M3 (arXiv 2209.05433): 1 sign bit, 4 exponent bits with bias 7, 3 fraction bits, no infinities. */
const E4M3 = Float32Array.from({ length: 256 }, (_, byte) => {
  const sign = byte & 0x80 ? -1 : 1;
  const exponent = (byte >> 3) & 0xf;
  const fraction = byte & 7;
  if (exponent === 0) return sign * fraction * 2 ** -9;
  if (exponent === 0xf && fraction === 7) return NaN;
  return sign * (1 + fraction / 8) * 2 ** (exponent - 7);
});

/** Every value of binary16, made when the first is read. */
let HALVES: Float32Array | undefined;

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

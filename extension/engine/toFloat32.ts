/**
 * Elements of a checkpoint as float32 bytes; exact for every type it takes. The platforms that ONNX Runtime runs on are
 * little-endian, as safetensors is.
 *
 * @param bytes whole elements, at an offset that suits their type
 * @param dtype F32, BF16 or F16
 */
export function toFloat32(bytes: Buffer, dtype: string): Uint8Array {
  switch (dtype) {
    case 'F32':
      return bytes;
    case 'BF16': {
      // bfloat16 is the upper half of a float32.
      const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
      const target = new Uint32Array(source.length);
      for (let i = 0; i < source.length; i++) target[i] = source[i]! << 16;
      return new Uint8Array(target.buffer);
    }
    case 'F16': {
      const source = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
      const target = new Float32Array(source.length);
      for (let i = 0; i < source.length; i++) target[i] = halfToNumber(source[i]!);
      return new Uint8Array(target.buffer);
    }
    default:
      throw new RangeError(`cannot read ${dtype} as float32`);
  }
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

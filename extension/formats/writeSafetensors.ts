/** Writes small safetensors files: a header of JSON behind its length in 8 bytes, then the tensors one after the other. */

export interface TensorToWrite {
  readonly name: string;
  readonly values: Float32Array;
}

/** The file's bytes; each tensor has one axis and is stored as F32. */
export function safetensors(tensors: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Uint8Array {
  let offset = 0;
  const entries = tensors.map(({ name, values }) => {
    const from = offset;
    offset += values.byteLength;
    return [name, { dtype: 'F32', shape: [values.length], data_offsets: [from, offset] }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const text = new TextEncoder().encode(json);
  // Padded with spaces, so that tensors lie aligned.
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + offset).fill(0x20, 8, 8 + length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  let at = 8 + length;
  for (const { values } of tensors) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

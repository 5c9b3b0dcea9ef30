/** Numbers of several bytes in a part of a buffer, by their place in that part. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

import type { InferenceSession, Tensor } from 'onnxruntime-node';

/**
 * Frees the copies of caches that onnxruntime-node 1.30 hands out, though the kernel has written to ours: the collector leaves them
 * for long, and they are as large as the caches. Node 20 cannot, and leaves them to the collector.
 *
 * @param presents the buffers of ours that outputs were to go to
 */
export function giveBackCopies(outputs: InferenceSession.ReturnType, presents: Readonly<Record<string, Tensor>>): void {
  for (const [name, own] of Object.entries(presents)) {
    const { data } = outputs[name]!;
    if (data === own.data || !ArrayBuffer.isView(data)) continue;
    const buffer = data.buffer as ArrayBuffer & { readonly transfer?: (bytes: number) => ArrayBuffer };
    buffer.transfer?.(0);
  }
}

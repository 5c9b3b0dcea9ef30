import type { ModelInfo } from '../protocol/trace.ts';

/** Whether expert e of the one is expert e of the other: the model is the same, whatever its precision. */
export function sameExperts(a: ModelInfo, b: ModelInfo): boolean {
  return a.architecture === b.architecture && a.name === b.name && a.folder === b.folder && sameShapes(a, b);
}

/** Whether both have as many MoE layers, of as many experts. */
export function sameShapes({ moeLayers: a }: ModelInfo, { moeLayers: b }: ModelInfo): boolean {
  return a.length === b.length && a.every(({ experts }, i) => experts === b[i]!.experts);
}

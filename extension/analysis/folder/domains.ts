/**
 * Counts of a domain, kept so that files can be compared: what languages, folders or sources of text send to which expert.
 * The counts of a file stand in a block. Of many files several share one: memory does not grow with them.
 */
import type { LayerCounts, LayerShape } from '../../protocol/trace.ts';

/**
 * Most blocks of a domain. With fewer files each has its own; further ones are dealt to the blocks in turn, so that a block is a
 * random group of files where these come in random order. Groups in place of files keep the interval's width.
 */
export const MOST_BLOCKS = 32;

/** Counts of one file, or of a group of files. */
export interface Block {
  files: number;
  /** Tokens that each MoE layer saw; [L]. */
  readonly tokens: Float64Array;
  /** Slots of each expert, layer after layer; [ΣE]. */
  readonly counts: Uint32Array | Float64Array;
}

/** A kind of text. */
export interface Domain {
  readonly name: string;
  /** At least one. Where only totals are known: one of 0 files. */
  readonly blocks: Block[];
}

/** Where each layer's experts begin in [ΣE]; one more entry for the end. */
export function expertOffsets(shapes: readonly LayerShape[]): number[] {
  const offsets = [0];
  for (const { experts } of shapes) offsets.push(offsets.at(-1)! + experts);
  return offsets;
}

export function emptyBlock(layers: number, slots: number): Block {
  return { files: 0, tokens: new Float64Array(layers), counts: new Uint32Array(slots) };
}

/** A domain of which only totals are known. */
export function recordedDomain(
  name: string,
  layers: readonly { readonly tokens: number; readonly counts: ArrayLike<number> }[],
): Domain {
  // A server counts beyond 32 bits.
  const counts = Float64Array.from(layers.flatMap((layer) => Array.from(layer.counts)));
  return { name, blocks: [{ files: 0, tokens: Float64Array.from(layers, ({ tokens }) => tokens), counts }] };
}

export function filesOf({ blocks }: Domain): number {
  return blocks.reduce((sum, { files }) => sum + files, 0);
}

/** Tokens of a domain: those that the layer that saw most of them saw. */
export function tokensOf(domain: Domain): number {
  const layers = domain.blocks[0]?.tokens.length ?? 0;
  return Math.max(0, ...Array.from({ length: layers }, (_, layer) => layerTokens(domain, layer)));
}

/** Tokens of a domain that a MoE layer saw. */
export function layerTokens({ blocks }: Domain, layer: number): number {
  return blocks.reduce((sum, { tokens }) => sum + tokens[layer]!, 0);
}

/** Slots of each expert of a layer in a domain, [E]; the layer's experts are [from, to) of [ΣE]. */
export function layerCounts({ blocks }: Domain, from: number, to: number): Float64Array {
  const counts = new Float64Array(to - from);
  for (const block of blocks) for (let e = from; e < to; e++) counts[e - from]! += block.counts[e]!;
  return counts;
}

/** The load of all domains together. */
export function totalLoads(domains: readonly Domain[], shapes: readonly LayerShape[]): LayerCounts[] {
  const offsets = expertOffsets(shapes);
  return shapes.map((shape, i) => {
    const counts = new Float64Array(shape.experts);
    for (const domain of domains) {
      const own = layerCounts(domain, offsets[i]!, offsets[i + 1]!);
      for (let e = 0; e < counts.length; e++) counts[e]! += own[e]!;
    }
    return { shape, counts };
  });
}

/** The routing of a folder's files, taken in one after the other. Its memory is bounded, whatever the number of files. */
import type { ModelInfo, RoutingTrace } from '../../protocol/trace.ts';
import { expertCounts, seenTokens } from '../load.ts';
import { emptyBlock, expertOffsets, MOST_BLOCKS, type Domain } from './domains.ts';
import { addPatterns, emptyPatterns, pairsFit, type LayerPatterns } from './patterns.ts';
import { addVocabulary, emptyVocabulary, type Vocabulary } from './vocabulary.ts';

/** Plain data and typed arrays: it is stored, and crosses to the analyst, as it is. */
export interface FolderRouting {
  readonly model: ModelInfo;
  /** In the order in which they were met. */
  readonly domains: Domain[];
  /** Names of the files that were routed, by the index that places have. */
  readonly files: string[];
  /** By MoE layer. */
  readonly patterns: readonly LayerPatterns[];
  /** First experts by the token that they work on. */
  readonly inputs: Vocabulary;
  /** First experts by the token that follows in the text. */
  readonly followers: Vocabulary;
}

/** Of a model that has routed nothing yet. */
export function emptyFolder(model: ModelInfo): FolderRouting {
  const shapes = model.moeLayers;
  const slots = expertOffsets(shapes).at(-1)!;
  const pairs = pairsFit(shapes);
  return {
    model,
    domains: [],
    files: [],
    patterns: shapes.map((shape, i) => emptyPatterns(shape, shapes[i + 1], pairs)),
    inputs: emptyVocabulary(slots),
    followers: emptyVocabulary(slots),
  };
}

/**
 * Adds a file's routing, as far as it goes.
 *
 * @throws RangeError when the trace is of a model of other layers
 */
export function addFile(folder: FolderRouting, name: string, domain: string, trace: RoutingTrace, text: string): void {
  const shapes = folder.model.moeLayers;
  const { layers, routed, tokens } = trace;
  const same = layers.length === shapes.length && layers.every((l, i) => l.experts === shapes[i]!.experts);
  if (!same) throw new RangeError(`${name} was routed by a model of other layers`);
  const offsets = expertOffsets(shapes);
  const file = folder.files.push(name) - 1;
  const block = blockFor(folder, domain);
  block.files += 1;
  layers.forEach((layer, i) => {
    block.tokens[i]! += seenTokens(layer, routed);
  });
  const part = { file, text, tokens, routed };
  layers.forEach((layer, i) => {
    addPatterns(folder.patterns[i]!, layer, layers[i + 1], part);
    expertCounts(layer, 0, routed).forEach((slots, e) => {
      block.counts[offsets[i]! + e]! += slots;
    });
  });
  addVocabulary(folder.inputs, trace, part, 0, offsets);
  addVocabulary(folder.followers, trace, part, 1, offsets);
}

/** The block that the domain's next file goes to: one of its own, or the next in turn. */
function blockFor({ domains, model }: FolderRouting, name: string): Domain['blocks'][number] {
  let domain = domains.find((known) => known.name === name);
  if (!domain) domains.push((domain = { name, blocks: [] }));
  const { blocks } = domain;
  if (blocks.length < MOST_BLOCKS) {
    const block = emptyBlock(model.moeLayers.length, expertOffsets(model.moeLayers).at(-1)!);
    blocks.push(block);
    return block;
  }
  // All had as many files when the last of them got its latest.
  return blocks.reduce((least, block) => (block.files < least.files ? block : least));
}

/** What sections know of which experts work together, and on what: of a folder, or of a single text. */
import type { RoutingTrace } from '../../protocol/trace.ts';
import { expertOffsets } from '../folder/domains.ts';
import { addPatterns, emptyPatterns, pairsFit, type LayerPatterns, type TextTokens } from '../folder/patterns.ts';
import { addVocabulary, emptyVocabulary, type Vocabulary } from '../folder/vocabulary.ts';
import type { Subject } from './subject.ts';

export interface Patterns {
  /** Of the MoE layer of a position. */
  layer(at: number): LayerPatterns | undefined;
  /** First experts by the token that they work on, and by the one that follows it. */
  readonly inputs: Vocabulary;
  readonly followers: Vocabulary;
}

/** Made once for a trace, and only what is asked for: a control of a section moves more often than its text. */
const made = new WeakMap<RoutingTrace, Patterns>();

/** Undefined where only counts are known. */
export function patternsOf({ folder, trace, text = '' }: Subject): Patterns | undefined {
  if (folder) return { layer: (at) => folder.patterns[at], inputs: folder.inputs, followers: folder.followers };
  if (!trace) return undefined;
  let patterns = made.get(trace);
  if (!patterns) made.set(trace, (patterns = new TextPatterns(trace, text)));
  return patterns;
}

/** Where each layer's experts stand in [ΣE]. */
export function offsetsOf({ loads }: Subject): number[] {
  return expertOffsets(loads.map(({ shape }) => shape));
}

class TextPatterns implements Patterns {
  readonly #trace: RoutingTrace;
  readonly #text: TextTokens;
  readonly #layers = new Map<number, LayerPatterns>();
  readonly #vocabularies = new Map<0 | 1, Vocabulary>();

  constructor(trace: RoutingTrace, text: string) {
    this.#trace = trace;
    this.#text = { file: 0, text, tokens: trace.tokens, routed: trace.routed };
  }

  layer(at: number): LayerPatterns | undefined {
    const { layers } = this.#trace;
    const layer = layers[at];
    let patterns = this.#layers.get(at);
    if (patterns || !layer) return patterns;
    patterns = emptyPatterns(layer, layers[at + 1], pairsFit([layer]));
    addPatterns(patterns, layer, layers[at + 1], this.#text);
    this.#layers.set(at, patterns);
    return patterns;
  }

  get inputs(): Vocabulary {
    return this.#vocabulary(0);
  }

  get followers(): Vocabulary {
    return this.#vocabulary(1);
  }

  #vocabulary(ahead: 0 | 1): Vocabulary {
    let vocabulary = this.#vocabularies.get(ahead);
    if (vocabulary) return vocabulary;
    const offsets = expertOffsets(this.#trace.layers);
    vocabulary = emptyVocabulary(offsets.at(-1)!);
    addVocabulary(vocabulary, this.#trace, this.#text, ahead, offsets);
    this.#vocabularies.set(ahead, vocabulary);
    return vocabulary;
  }
}

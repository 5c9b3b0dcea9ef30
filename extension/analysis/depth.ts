/** What layers of different depth route by, and how alike they divide the tokens. An expert's number means nothing across layers. */
import { NO_EXPERT, type LayerTrace, type RoutingTrace } from '../protocol/trace.ts';
import { adjustedInformation, explainedShare, informationOf, prepared, type Labels } from './information.ts';
import { frequencyLabels, idLabels, kindLabels, nextLabels } from './tokenKinds.ts';

/** Tokens that are looked at, evenly spread over a longer text: for one layer, and for each pair of layers. */
export const DEPTH_SAMPLE = 8_000;
export const PAIR_SAMPLE = 1_000;
/** Shuffles whose mean is taken off as chance. */
export const SHUFFLES = 4;

export const EXPLANATIONS = ['kind', 'frequency', 'token', 'next token'] as const;
export type Explanation = (typeof EXPLANATIONS)[number];

/** Share of the entropy of each layer's top expert that a label of the token explains; [explanation][layer]. */
export type Explained = Readonly<Record<Explanation, readonly number[]>>;

/** NaN where nothing is known of the tokens: their kinds without the text, the others without their ids. */
export function explainedByDepth({ layers, routed, tokens }: RoutingTrace, text: string | undefined): Explained {
  const sample = evenly(routed, DEPTH_SAMPLE);
  const tops = layers.map((layer) => prepared(topLabels(layer, sample), SHUFFLES));
  const ids = idLabels({ ...tokens, ids: tokens.ids.subarray(0, routed) });
  const by = (labels: Labels | undefined): number[] => {
    if (!labels) return tops.map(() => NaN);
    const sampled = prepared(
      Int32Array.from(sample, (t) => labels[t]!),
      0,
    );
    return tops.map((top) => explainedShare(informationOf(sampled, top)));
  };
  return {
    kind: by(text === undefined ? undefined : kindLabels(text, tokens)),
    frequency: by(frequencyLabels(ids)),
    token: by(ids),
    'next token': by(nextLabels(ids)),
  };
}

/** Adjusted mutual information of the top experts of each two layers, row by row; [L·L], 1 on the diagonal. */
export function layerAgreements({ layers, routed }: RoutingTrace): number[] {
  const sample = evenly(routed, PAIR_SAMPLE);
  const tops = layers.map((layer) => prepared(topLabels(layer, sample), 1));
  const size = layers.length;
  const values = new Array<number>(size * size).fill(NaN);
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) {
      const value = i === j ? 1 : adjustedInformation(informationOf(tops[i]!, tops[j]!));
      values[i * size + j] = value;
      values[j * size + i] = value;
    }
  }
  return values;
}

/** The chosen expert of highest weight of some tokens of a layer. */
export function topLabels({ chosen, candidates }: LayerTrace, tokens: Uint32Array): Labels {
  return Int32Array.from(tokens, (t) => {
    const expert = chosen[t * candidates]!;
    return expert === NO_EXPERT ? -1 : expert;
  });
}

/** At most so many of n indices, evenly spread. */
export function evenly(n: number, most: number): Uint32Array {
  const size = Math.min(n, most);
  return new Uint32Array(size).map((_, i) => Math.floor((i * n) / size));
}

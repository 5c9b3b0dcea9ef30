/** Biases that were fitted on the first part of a text, judged on the rest. */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import type { FittedBias } from '../protocol/intervention.ts';
import type { LayerShape, RoutingTrace } from '../protocol/trace.ts';
import { balance } from './balance.ts';
import { wantedCounts } from './load.ts';
import { textLoss, type TextLoss } from './lossChange.ts';

export interface LayerBalanced {
  readonly shape: LayerShape;
  readonly bias: Float32Array;
  /** MaxVio of the tokens that the bias was fitted on, without biases and with those of all layers. */
  readonly fitted: { readonly before: number; readonly after: number; readonly updates: number };
  /** MaxVio and Gini of the others. All are of what tokens want, which a limit of the model's own may drop. */
  readonly held: { readonly before: LoadEvenness; readonly after: LoadEvenness };
}

export interface LoadEvenness {
  readonly maxVio: number;
  readonly gini: number;
}

export interface Balanced {
  /** Tokens [0, from) are those of the fit. */
  readonly from: number;
  readonly layers: readonly LayerBalanced[];
  /** Of the others. */
  readonly loss: { readonly before: TextLoss; readonly after: TextLoss };
}

/** How far from its middle a text may be cut for the sake of a line's end, as a share of it. */
const NEAR = 0.15;

/**
 * Where a text is cut: in half, white space around it aside, at the nearest end of a line if one is near. A UTF-16 offset that
 * parts no character.
 *
 * @throws UserError `text-empty` where nothing stands before it
 */
export function cutInHalf(text: string): number {
  const inner = text.trim();
  const cut = middleOf(inner);
  if (cut === 0) throw tooShort();
  return text.length - text.trimStart().length + cut;
}

function tooShort(): UserError {
  return new UserError('text-empty', l10n.t`The text is too short to be cut in two.`);
}

function middleOf(text: string): number {
  const middle = Math.floor(text.length / 2);
  const ends = [text.lastIndexOf('\n', middle - 1) + 1, text.indexOf('\n', middle) + 1].filter(
    (end) => end > 0 && Math.abs(end - middle) <= NEAR * text.length,
  );
  if (ends.length > 0) return ends.reduce((a, end) => (Math.abs(end - middle) < Math.abs(a - middle) ? end : a));
  const code = text.charCodeAt(middle);
  // A low surrogate belongs to what stands before it.
  return code >= 0xdc00 && code <= 0xdfff ? middle + 1 : middle;
}

/**
 * Judges biases.
 *
 * @param cut end of the text that they were fitted on, in UTF-16 units
 * @param before the whole text as it is, and with the biases
 * @throws UserError `text-empty` where no token after the cut has a probability
 */
export function judgeBiases(
  biases: readonly FittedBias[],
  cut: number,
  before: RoutingTrace,
  after: RoutingTrace,
): Balanced {
  const { start } = before.tokens;
  const first = start.findIndex((at) => at >= cut);
  const from = first < 0 ? start.length : first;
  const loss = { before: textLoss(before.tokens.logProb, from), after: textLoss(after.tokens.logProb, from) };
  if (loss.before.tokens === 0) throw tooShort();
  const evenness = ({ layers }: RoutingTrace, layer: number, begin: number, end: number): LoadEvenness => {
    const { maxVio, gini } = balance(wantedCounts(layers[layer]!, begin, end));
    return { maxVio, gini };
  };
  const { routed } = before;
  return {
    from,
    layers: biases.map(({ layer, values, ...fit }) => {
      const { experts, k, candidates, layer: index, stack } = before.layers[layer]!;
      return {
        shape: { layer: index, ...(stack ? { stack } : {}), experts, k, candidates },
        bias: values,
        fitted: { before: evenness(before, layer, 0, from).maxVio, ...fit },
        held: { before: evenness(before, layer, from, routed), after: evenness(after, layer, from, routed) },
      };
    }),
    loss,
  };
}

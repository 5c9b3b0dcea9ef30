/**
 * Routing agreement: what of one trace's routing stays in another of the same tokens, made in another precision or on another
 * device. A slot is one (token, choice) pair. It stays when the other trace chose the same expert for that token at that
 * layer, in whatever order: |A ∩ B| of k slots.
 */
import { NO_EXPERT, type LayerShape, type LayerTrace, type RoutingTrace } from '../protocol/trace.ts';

/** As much of a trace as is compared. */
interface Routing extends Pick<RoutingTrace, 'layers' | 'routed'> {
  readonly tokens: Pick<RoutingTrace['tokens'], 'ids'>;
}

/** What stays of one layer's routing. */
export interface LayerAgreement extends LayerShape {
  /** Tokens compared: those that either trace gave an expert. */
  readonly tokens: number;
  /** Slots that stay, of tokens · k. */
  readonly stayed: number;
  /** Tokens whose expert of highest weight stays. */
  readonly topStayed: number;
  /** Tokens with a slot that does not stay, in order. */
  readonly flips: Uint32Array;
  /** Largest |a − b| of the weights that an expert has for a token for which both chose it; 0 when there is none. */
  readonly weightDifference: number;
}

/** What stays of all layers' routing. Shares are NaN when nothing was compared. */
export interface Agreement {
  readonly layers: readonly LayerAgreement[];
  /** Tokens of the text that were compared. */
  readonly tokens: number;
  /** Tokens that flip at any layer, in order. */
  readonly flips: Uint32Array;
  /** At how many layers each token flips; [tokens]. */
  readonly flipCounts: Uint16Array;
  /** Share of all layers' slots that stay. */
  readonly share: number;
  /** Share of tokens, layer by layer, whose expert of highest weight stays. */
  readonly topShare: number;
  readonly weightDifference: number;
}

/**
 * Compares two traces as far as both are routed.
 *
 * @throws RangeError when they are not of the same tokens and layers; a token whose id is not known is another one
 */
export function routingAgreement(a: Routing, b: Routing): Agreement {
  const tokens = Math.min(a.routed, b.routed);
  for (let t = 0; t < tokens; t++) {
    const id = a.tokens.ids[t]!;
    if (id < 0 || id !== b.tokens.ids[t]) throw new RangeError(`token ${t} differs: these are two texts`);
  }
  if (a.layers.length !== b.layers.length) throw new RangeError('the traces have different numbers of layers');
  const flipCounts = new Uint16Array(tokens);
  const layers = a.layers.map((layer, i) => {
    const agreement = layerAgreement(layer, b.layers[i]!, tokens);
    for (const t of agreement.flips) flipCounts[t]! += 1;
    return agreement;
  });
  const flips = Array.from(flipCounts.keys()).filter((t) => flipCounts[t]! > 0);
  const sum = (of: (layer: LayerAgreement) => number): number => layers.reduce((all, layer) => all + of(layer), 0);
  return {
    layers,
    tokens,
    flips: Uint32Array.from(flips),
    flipCounts,
    share: sum((l) => l.stayed) / sum((l) => l.tokens * l.k),
    topShare: sum((l) => l.topStayed) / sum((l) => l.tokens),
    weightDifference: Math.max(0, ...layers.map((l) => l.weightDifference)),
  };
}

/** The tokens that flip at the most layers, at most `count` of them, the earlier first among equals. */
export function mostFlipped({ flips, flipCounts }: Agreement, count: number): number[] {
  return [...flips].sort((a, b) => flipCounts[b]! - flipCounts[a]! || a - b).slice(0, count);
}

function layerAgreement(a: LayerTrace, b: LayerTrace, tokens: number): LayerAgreement {
  const { layer, stack, experts, k, candidates } = a;
  if (b.layer !== layer || b.experts !== experts || b.k !== k) throw new RangeError('the traces have different layers');
  const flips: number[] = [];
  let compared = 0;
  let stayed = 0;
  let topStayed = 0;
  let weightDifference = 0;
  for (let t = 0; t < tokens; t++) {
    const rowA = t * candidates;
    const rowB = t * b.candidates;
    // A decoder's first token, say, which an encoder never saw.
    if (a.chosen[rowA] === NO_EXPERT && b.chosen[rowB] === NO_EXPERT) continue;
    compared += 1;
    let same = 0;
    for (let i = rowA; i < rowA + k; i++) {
      let at = rowB;
      while (at < rowB + k && b.chosen[at] !== a.chosen[i]) at += 1;
      if (at === rowB + k) continue;
      same += 1;
      weightDifference = Math.max(weightDifference, Math.abs(a.weight[i]! - b.weight[at]!));
    }
    stayed += same;
    if (same < k) flips.push(t);
    if (a.chosen[rowA] === b.chosen[rowB]) topStayed += 1;
  }
  const shape = { layer, ...(stack ? { stack } : {}), experts, k, candidates };
  return { ...shape, tokens: compared, stayed, topStayed, flips: Uint32Array.from(flips), weightDifference };
}

import type { DroppedLayer } from '../protocol/analyst.ts';
import { loadRatios, meanLoadRatio, tintMax } from '../analysis/tint.ts';
import { NO_EXPERT, type ExpertRef } from '../protocol/trace.ts';
import type { Tint } from '../protocol/webview.ts';
import type { RoutedText } from './routedText.ts';

/** How a token stands out: as it is, highlighted, stepping back behind a highlighted expert's, or out of date. */
const EMPHASES = ['normal', 'strong', 'back', 'stale'] as const;
export type Emphasis = (typeof EMPHASES)[number];

/** Steps of a magnitude's colour: each is a decoration type, and more steps than these look the same. */
export const MAGNITUDE_STEPS = 12;

/** What a token's decoration looks like, but for palette and theme. */
export interface TintStyle {
  readonly scale: 'expert' | 'magnitude';
  /** Expert, or step in [0, MAGNITUDE_STEPS). */
  readonly index: number;
  readonly emphasis: Emphasis;
}

export interface TintChoice {
  /** Position of the layer among the MoE layers. */
  readonly layer: number;
  readonly tint: Tint;
  readonly highlight?: ExpertRef | undefined;
  /** What the capacity limit drops at the layer, for the tint `dropped`; without it nothing is tinted then. */
  readonly dropped?: DroppedLayer | undefined;
}

/** The key of each token's style, undefined for none: what is not routed has no tint. `styleOf` reads a key. */
export function tinting(routed: RoutedText, choice: TintChoice): (token: number) => number | undefined {
  return styleKeys(routed, choice, routed.staleFrom);
}

/**
 * The same of a text before an edit, all of it out of date, where it stands at or behind this document offset.
 *
 * @param spare it is not dimmed, since it will be current at once
 */
export function tintingBehind(
  routed: RoutedText,
  reach: number,
  choice: TintChoice,
  spare = false,
): (token: number) => number | undefined {
  const keyOf = styleKeys(routed, choice, spare ? Infinity : 0);
  return (token) => {
    const place = routed.placeOf(token);
    return place && place.start >= reach ? keyOf(token) : undefined;
  };
}

/** @param staleFrom first token that is out of date */
function styleKeys(routed: RoutedText, choice: TintChoice, staleFrom: number): (token: number) => number | undefined {
  const { trace } = routed;
  const indexOf = tintIndex(routed, choice);
  const { highlight, tint } = choice;
  const shown = highlight && trace.layers[highlight.layer];
  const has = (token: number): boolean => {
    if (!shown) return false;
    const at = token * shown.candidates;
    return shown.chosen.subarray(at, at + shown.k).includes(highlight.expert);
  };
  return (token) => {
    if (token >= trace.routed) return undefined;
    const strong = has(token);
    if (strong && token < staleFrom) return styleKey({ scale: 'expert', index: highlight!.expert, emphasis: 'strong' });
    const index = indexOf(token);
    if (index === undefined) return undefined;
    const emphasis = token >= staleFrom ? 'stale' : shown ? 'back' : 'normal';
    return styleKey({ scale: tint === 'expert' ? 'expert' : 'magnitude', index, emphasis });
  };
}

/** Expert or magnitude step of each token at the chosen layer. */
function tintIndex(
  routed: RoutedText,
  { layer: position, tint, dropped }: TintChoice,
): (token: number) => number | undefined {
  const { trace } = routed;
  const layer = trace.layers[position];
  if (!layer) return () => undefined;
  const { chosen, candidates, k } = layer;
  if (tint === 'expert') {
    return (token) => {
      const expert = chosen[token * candidates]!;
      return expert === NO_EXPERT ? undefined : expert;
    };
  }
  const max = tintMax(tint, layer, trace.origin.model.vocabulary);
  const ratios = tint === 'load' ? loadRatios(routed.loads.upTo(position, trace.routed).counts) : undefined;
  const valueOf = (token: number): number => {
    switch (tint) {
      case 'entropy':
        return layer.entropy[token]!;
      case 'margin':
        return layer.margin[token]!;
      case 'load':
        return meanLoadRatio(chosen, token * candidates, k, ratios!);
      case 'surprise':
        return -trace.tokens.logProb[token]!;
      case 'dropped':
        // A token that keeps all its slots has no tint.
        return dropped ? droppedShare(dropped, token, k) || NaN : NaN;
    }
  };
  return (token) => {
    const value = valueOf(token);
    return Number.isNaN(value) ? undefined : magnitudeStep(value / max);
  };
}

/** Share of a token's k slots that the limit drops; NaN when that is not counted yet, or not known. */
function droppedShare({ dropped }: DroppedLayer, token: number, k: number): number {
  return (dropped?.[token] ?? NaN) / k;
}

/** Step of a magnitude in [0, 1]; what lies outside counts as the nearer end. */
export function magnitudeStep(magnitude: number): number {
  return Math.min(MAGNITUDE_STEPS - 1, Math.max(0, Math.floor(magnitude * MAGNITUDE_STEPS)));
}

/** A style as one number, so that neighbours compare cheaply and types are found by it. */
export function styleKey({ scale, index, emphasis }: TintStyle): number {
  return (index * 2 + (scale === 'expert' ? 0 : 1)) * EMPHASES.length + EMPHASES.indexOf(emphasis);
}

export function styleOf(key: number): TintStyle {
  const scaled = Math.floor(key / EMPHASES.length);
  return {
    scale: scaled % 2 === 0 ? 'expert' : 'magnitude',
    index: Math.floor(scaled / 2),
    emphasis: EMPHASES[key % EMPHASES.length]!,
  };
}

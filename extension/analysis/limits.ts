/**
 * What a capacity limit does to each slot of a layer: which are kept, dropped or re-routed, and why. Policies and capacity as
 * in capacity.ts, which counts; counted from a trace, not measured by running the model.
 */
import type { CapacityLimit, CapacityPolicy } from '../protocol/intervention.ts';
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { expertCapacity } from './capacity.ts';
import { isSeen, seenTokens, wantedAt } from './load.ts';

/** What became of a slot. `NONE`: the layer saw nothing of the token, does not tell what it wanted, or not what the policy takes. */
export const FATE = { NONE: 0, KEPT: 1, DROPPED: 2, MOVED: 3 } as const;

/** Slot j of token t stands at [t·k + j]; T tokens. */
export interface LayerLimits {
  readonly k: number;
  /** Slots that an expert takes at most, C. */
  readonly capacity: number;
  /** One of FATE; [T·k]. */
  readonly fate: Uint8Array;
  /** Place in the queue of the expert that was wanted, from 0: the policy keeps those under C. [T·k] */
  readonly place: Uint32Array;
  /** Where a moved slot went, else NO_EXPERT; [T·k]. */
  readonly movedTo: Uint16Array;
}

/** The fate of tokens [0, routed) of a layer, as one batch, at ⌈factor·T·k/E⌉ slots an expert. */
export function layerLimits(layer: LayerTrace, routed: number, { factor, policy }: CapacityLimit): LayerLimits {
  return slotFates(layer, routed, capacityOf(layer, routed, factor), policy);
}

/** Slots that an expert takes at most, the tokens [0, routed) that the layer saw being one batch. */
export function capacityOf(layer: LayerTrace, routed: number, factor: number): number {
  return expertCapacity(factor, seenTokens(layer, routed), layer.k, layer.experts);
}

/** The fate of tokens [0, routed) of a layer where an expert takes so many slots. */
export function slotFates(layer: LayerTrace, routed: number, capacity: number, policy: CapacityPolicy): LayerLimits {
  const { k, experts } = layer;
  const wanted = wantedExperts(layer, routed);
  const fate = new Uint8Array(routed * k);
  const place = new Uint32Array(routed * k);
  const movedTo = new Uint16Array(routed * k).fill(NO_EXPERT);
  const taken = new Uint32Array(experts);
  for (const slot of policy === 'weight' ? heaviestFirst(layer, wanted) : wanted.keys()) {
    const expert = wanted[slot]!;
    if (expert === NO_EXPERT) continue;
    place[slot] = taken[expert]!++;
    fate[slot] = place[slot] < capacity ? FATE.KEPT : FATE.DROPPED;
  }
  const limits = { k, capacity, fate, place, movedTo };
  if (policy === 'reroute') reroute(layer, limits, taken);
  return limits;
}

/** Expert that the router wanted for each slot; [T·k]. */
function wantedExperts(layer: LayerTrace, routed: number): Uint16Array {
  const { k, chosen } = layer;
  const wanted = new Uint16Array(routed * k);
  for (let t = 0; t < routed; t++) {
    for (let j = 0; j < k; j++) wanted[t * k + j] = isSeen(layer, t) ? chosen[wantedAt(layer, t, j)]! : NO_EXPERT;
  }
  return wanted;
}

/** Slots by descending weight; among equals the earliest token's first. None where weights are not known. */
function heaviestFirst(layer: LayerTrace, wanted: Uint16Array): Uint32Array {
  const { k, weight } = layer;
  const weights = Float32Array.from(wanted, (_, slot) => weight[wantedAt(layer, Math.floor(slot / k), slot % k)]!);
  if (weights.some((w, slot) => wanted[slot] !== NO_EXPERT && Number.isNaN(w))) return new Uint32Array();
  return Uint32Array.from(wanted.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
}

/**
 * Gives dropped slots, token by token, to the token's best runner-up that still has room. No expert takes a token twice, and one
 * that has no room will not have any later.
 *
 * @param taken slots that each expert was wanted for; [E]
 */
function reroute(layer: LayerTrace, { k, capacity, fate, movedTo }: LayerLimits, taken: Uint32Array): void {
  const { candidates, chosen } = layer;
  const room = taken.map((n) => Math.max(0, capacity - n));
  for (let t = 0; t < fate.length / k; t++) {
    let next = wantedAt(layer, t, k - 1) + 1;
    const end = Math.min((t + 1) * candidates, next + k);
    for (let slot = t * k; slot < (t + 1) * k; slot++) {
      if (fate[slot] !== FATE.DROPPED) continue;
      while (next < end && !(room[chosen[next]!]! > 0)) next += 1;
      if (next >= end) break;
      movedTo[slot] = chosen[next]!;
      fate[slot] = FATE.MOVED;
      room[chosen[next]!]! -= 1;
      next += 1;
    }
  }
}

/** Slots of each token that are dropped, and that are moved; [T] each. */
export function tokensHit({ k, fate }: LayerLimits): { readonly dropped: Uint8Array; readonly moved: Uint8Array } {
  const tokens = fate.length / k;
  const dropped = new Uint8Array(tokens);
  const moved = new Uint8Array(tokens);
  for (let slot = 0; slot < fate.length; slot++) {
    const token = Math.floor(slot / k);
    if (fate[slot] === FATE.DROPPED) dropped[token]! += 1;
    else if (fate[slot] === FATE.MOVED) moved[token]! += 1;
  }
  return { dropped, moved };
}

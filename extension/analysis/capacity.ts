/**
 * What a limit on the slots that an expert takes would drop and waste: counted from a trace, not measured by running the model.
 *
 * With a capacity factor F each of E experts takes at most C = ⌈F·T·k/E⌉ slots (Megatron-LM, get_capacity, with F·k for its
 * factor, as DeepSpeed passes it; no minimum), T being all tokens of the trace that the layer saw, as one batch. What finds
 * no room is dropped, and what of E·C slots stays empty is padding. Which slots an expert keeps is the policy's choice:
 * - position: those of the earliest tokens (Megatron-LM's drop policy `position`);
 * - weight: those of highest weight, then the earliest (its policy `probs`);
 * - re-route: as by position, but what is left over goes, token by token, to the token's best runner-up that still has room.
 * The first two drop equally many, Σ_e max(0, c_e − C), but not the same.
 */
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { isSeen, wantedAt } from './load.ts';
import { heaviestFirst, type WeighedSlots } from './order.ts';

/** The points of a curve from 0.5 to 4, and the range that is common in practice. */
export const CAPACITY_FACTORS: readonly number[] = [0.5, 1, 1.1, 1.2, 1.25, 1.3, 1.5, 2, 3, 4];
const COMMON_FACTORS = { least: 1.1, most: 1.3 } as const;

export function isCommonFactor(factor: number): boolean {
  return factor >= COMMON_FACTORS.least && factor <= COMMON_FACTORS.most;
}

/** C = ⌈F·T·k/E⌉ slots. A product that only rounding lifts over a whole number is that number. */
export function expertCapacity(factor: number, tokens: number, k: number, experts: number): number {
  return Math.ceil(Number(((factor * tokens * k) / experts).toPrecision(12)));
}

/** What a capacity does to the slots of one layer, or of several together. */
export interface CapacityFigures {
  /** Slots of known experts: dropped + kept. */
  readonly slots: number;
  /** Slots that the model itself dropped, for which expert the trace does not tell; of the T·k slots, those that are no others'. */
  readonly untold: number;
  /** E·C. */
  readonly room: number;
  /** Slots dropped by position, and as many by weight. */
  readonly dropped: number;
  /** Room that stays empty when slots are dropped: room − kept. */
  readonly padding: number;
  /** Sum of the weights of all slots, and of those that each policy drops. */
  readonly weight: number;
  readonly lostWeight: { readonly position: number; readonly weight: number };
  /**
   * Re-routing: slots that moved, that found no room with any runner-up of the trace, and room left empty. Absent where the
   * trace keeps no runners-up.
   */
  readonly rerouted?: { readonly moved: number; readonly dropped: number; readonly padding: number };
}

export interface CapacityPoint {
  readonly factor: number;
  /** In the order of the trace's layers, each with its C. */
  readonly layers: readonly (CapacityFigures & { readonly capacity: number })[];
  readonly total: CapacityFigures;
}

/** The figures of tokens [0, routed) at each capacity factor. */
export function capacityCurve(
  layers: readonly LayerTrace[],
  routed: number,
  factors: readonly number[] = CAPACITY_FACTORS,
): CapacityPoint[] {
  const byLayer = layers.map((layer) => layerCurve(slotsOf(layer, routed), factors));
  return factors.map((factor, f) => {
    const each = byLayer.map((curve) => curve[f]!);
    return { factor, layers: each, total: totalOf(each) };
  });
}

/** What a layer's tokens want, slot by slot. */
interface Slots extends WeighedSlots {
  readonly layer: LayerTrace;
  /** The tokens that the layer saw, in order; T. The slots of the i-th of them begin at i·k. */
  readonly tokens: Uint32Array;
  /** Slots that want each expert; [E]. */
  readonly counts: Float64Array;
}

function slotsOf(layer: LayerTrace, routed: number): Slots {
  const { k, chosen, weight } = layer;
  const tokens = new Uint32Array(routed);
  let seen = 0;
  for (let t = 0; t < routed; t++) if (isSeen(layer, t)) tokens[seen++] = t;
  const experts = new Uint16Array(seen * k);
  const weights = new Float32Array(seen * k);
  const counts = new Float64Array(layer.experts);
  let slot = 0;
  for (let i = 0; i < seen; i++) {
    const first = wantedAt(layer, tokens[i]!, 0);
    for (let at = first; at < first + k; at++) {
      const expert = chosen[at]!;
      experts[slot] = expert;
      if (expert !== NO_EXPERT) {
        weights[slot] = weight[at]!;
        counts[expert]! += 1;
      }
      slot += 1;
    }
  }
  return { layer, tokens: tokens.subarray(0, seen), experts, weights, counts };
}

function layerCurve(slots: Slots, factors: readonly number[]): (CapacityFigures & { readonly capacity: number })[] {
  const { layer, tokens, experts, counts } = slots;
  const { k } = layer;
  const capacities = factors.map((factor) => expertCapacity(factor, tokens.length, k, layer.experts));
  const steps = [...new Set(capacities)].sort((a, b) => a - b);
  const position = weightBehind(slots, counts, steps);
  const lightest = weightBehind(heaviestFirst(slots), counts, steps);
  // Without runners-up nothing is known of them; but where every expert is chosen, there is no other to go to.
  const moved = layer.candidates > k || k === layer.experts ? countMoved(slots, steps) : undefined;
  const wanted = counts.reduce((sum, c) => sum + c, 0);
  return capacities.map((capacity) => {
    const step = steps.indexOf(capacity);
    const kept = counts.reduce((sum, c) => sum + Math.min(c, capacity), 0);
    const room = layer.experts * capacity;
    const dropped = wanted - kept;
    const padding = room - kept;
    return {
      capacity,
      slots: wanted,
      untold: experts.length - wanted,
      room,
      dropped,
      padding,
      weight: position.all,
      lostWeight: { position: position.behind[step]!, weight: lightest.behind[step]! },
      ...(moved && {
        rerouted: { moved: moved[step]!, dropped: dropped - moved[step]!, padding: padding - moved[step]! },
      }),
    };
  });
}

/** Weight of all slots, and of those that find each capacity's places taken, which the slots before them take. */
function weightBehind(
  { experts, weights }: WeighedSlots,
  counts: Float64Array,
  capacities: readonly number[],
): { readonly all: number; readonly behind: readonly number[] } {
  // How many of the capacities a place is beyond, so that one look at a slot serves all of them.
  const beyond = new Uint16Array(Math.max(...counts));
  for (const [i, capacity] of capacities.entries()) beyond.fill(i + 1, capacity);
  const sums = new Float64Array(capacities.length + 1);
  const taken = new Uint32Array(counts.length);
  for (let slot = 0; slot < experts.length; slot++) {
    const expert = experts[slot]!;
    if (expert !== NO_EXPERT) sums[beyond[taken[expert]!++]!]! += weights[slot]!;
  }
  for (let i = capacities.length - 1; i >= 0; i--) sums[i]! += sums[i + 1]!;
  return { all: sums[0]!, behind: [...sums.subarray(1)] };
}

/**
 * Slots that find their expert full, the earliest coming first, and that a runner-up of their token has room for, at capacities
 * in rising order.
 */
function countMoved(slots: Slots, capacities: readonly number[]): number[] {
  const { experts, counts } = slots;
  const least = capacities[0]!;
  const taken = new Uint32Array(counts.length);
  // What a capacity leaves over is among what a smaller one does.
  const left = new Uint32Array(experts.length);
  const places = new Uint32Array(experts.length);
  let n = 0;
  for (let slot = 0; slot < experts.length; slot++) {
    const expert = experts[slot]!;
    // What the model dropped of an unknown expert goes nowhere.
    if (expert === NO_EXPERT) continue;
    const place = taken[expert]!++;
    left[n] = slot;
    places[n] = place;
    n += place >= least ? 1 : 0;
  }
  return capacities.map((capacity) => {
    let over = 0;
    for (let i = 0; i < n; i++) {
      const place = places[i]!;
      left[over] = left[i]!;
      places[over] = place;
      over += place >= capacity ? 1 : 0;
    }
    n = over;
    return movedAt(slots, left.subarray(0, n), capacity);
  });
}

function movedAt({ layer, tokens, counts }: Slots, left: Uint32Array, capacity: number): number {
  const { k, candidates, chosen } = layer;
  const room = counts.map((c) => Math.max(0, capacity - c));
  let places = room.reduce((sum, r) => sum + r, 0);
  let moved = 0;
  let token = -1;
  let next = 0;
  let end = 0;
  for (let i = 0; i < left.length && places > 0; i++) {
    const of = Math.floor(left[i]! / k);
    if (of !== token) {
      token = of;
      const t = tokens[of]!;
      next = wantedAt(layer, t, k - 1) + 1;
      // k runners-up, as capacity limits of a model's own leave them.
      end = Math.min((t + 1) * candidates, next + k);
    }
    // No expert takes a token twice, and one that has no room will not have any later.
    while (next < end && !(room[chosen[next]!]! > 0)) next += 1;
    if (next === end) continue;
    room[chosen[next]!]! -= 1;
    next += 1;
    places -= 1;
    moved += 1;
  }
  return moved;
}

function totalOf(layers: readonly CapacityFigures[]): CapacityFigures {
  const sum = (of: (layer: CapacityFigures) => number): number => layers.reduce((all, layer) => all + of(layer), 0);
  const total = {
    slots: sum((l) => l.slots),
    untold: sum((l) => l.untold),
    room: sum((l) => l.room),
    dropped: sum((l) => l.dropped),
    padding: sum((l) => l.padding),
    weight: sum((l) => l.weight),
    lostWeight: { position: sum((l) => l.lostWeight.position), weight: sum((l) => l.lostWeight.weight) },
  };
  if (layers.some((layer) => !layer.rerouted)) return total;
  const rerouted = {
    moved: sum((l) => l.rerouted!.moved),
    dropped: sum((l) => l.rerouted!.dropped),
    padding: sum((l) => l.rerouted!.padding),
  };
  return { ...total, rerouted };
}

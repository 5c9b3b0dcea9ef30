/** Which expert each slot goes to under a limit on the slots that an expert takes: slot by slot what capacity.ts counts. */
import type { CapacityPolicy } from '../protocol/intervention.ts';
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { isSeen, wantedAt } from './load.ts';

/** The slots of tokens [0, T), in the order of a trace's candidates: choice j of token t at [t·k + j]. */
export interface CapacityAssignment {
  /** NO_EXPERT for a slot that is dropped; [T·k]. */
  readonly experts: Uint16Array;
  /** Weights, 0 for a slot that is dropped; [T·k]. */
  readonly weights: Float32Array;
  readonly dropped: number;
  readonly moved: number;
}

/**
 * Gives each expert of a layer at most `capacity` slots; capacity.ts says what the policies mean.
 *
 * @param routed tokens [0, routed) take part
 */
export function assignCapacity(
  layer: LayerTrace,
  routed: number,
  capacity: number,
  policy: CapacityPolicy,
): CapacityAssignment {
  const { k, chosen, weight } = layer;
  const experts = new Uint16Array(routed * k).fill(NO_EXPERT);
  const weights = new Float32Array(routed * k);
  const queues = Array.from({ length: layer.experts }, (): number[] => []);
  for (let t = 0; t < routed; t++) {
    if (!isSeen(layer, t)) continue;
    for (let j = 0; j < k; j++) {
      const expert = chosen[wantedAt(layer, t, j)]!;
      if (expert !== NO_EXPERT) queues[expert]!.push(t * k + j);
    }
  }
  const weightOf = (slot: number): number => weight[wantedAt(layer, Math.floor(slot / k), slot % k)]!;
  const room = new Float64Array(layer.experts);
  const leftOver: number[] = [];
  queues.forEach((queue, e) => {
    // Sorting is stable: of equal weights the earliest come first.
    const ranked = policy === 'weight' ? queue.toSorted((a, b) => weightOf(b) - weightOf(a)) : queue;
    ranked.forEach((slot, place) => {
      if (place >= capacity) {
        leftOver.push(slot);
        return;
      }
      experts[slot] = e;
      weights[slot] = weightOf(slot);
    });
    room[e] = Math.max(0, capacity - queue.length);
  });
  const moved =
    policy === 'reroute'
      ? reroute(
          layer,
          leftOver.sort((a, b) => a - b),
          room,
          experts,
          weights,
        )
      : 0;
  return { experts, weights, dropped: leftOver.length - moved, moved };
}

/** Gives slots, in their order, to the best runner-up of their token that still has room; how many found one. */
function reroute(
  layer: LayerTrace,
  slots: readonly number[],
  room: Float64Array,
  experts: Uint16Array,
  weights: Float32Array,
): number {
  const { k, candidates, chosen, weight } = layer;
  let moved = 0;
  let token = -1;
  let next = 0;
  for (const slot of slots) {
    const t = Math.floor(slot / k);
    // No expert takes a token twice, and one that has no room will not have any later.
    if (t !== token) next = wantedAt(layer, t, k - 1) + 1;
    token = t;
    const end = (t + 1) * candidates;
    while (next < end && !(room[chosen[next]!]! > 0)) next += 1;
    if (next >= end) continue;
    experts[slot] = chosen[next]!;
    weights[slot] = weight[next]!;
    room[chosen[next]!]! -= 1;
    next += 1;
    moved += 1;
  }
  return moved;
}

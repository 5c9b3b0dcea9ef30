/** Which expert each slot goes to under a limit on the slots that an expert takes, and with what weight. */
import type { CapacityPolicy } from '../protocol/intervention.ts';
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { FATE, slotFates } from './limits.ts';
import { wantedAt } from './load.ts';

/** The slots of tokens [0, T), in the order of a trace's candidates: choice j of token t at [t·k + j]. */
export interface CapacityAssignment {
  /** NO_EXPERT for a slot that is dropped; [T·k]. */
  readonly experts: Uint16Array;
  /** Weights, 0 for a slot that is dropped; of one that moved, that of the runner-up. [T·k]. */
  readonly weights: Float32Array;
  readonly dropped: number;
  readonly moved: number;
}

/** Gives each expert of a layer at most `capacity` of the slots of tokens [0, routed). */
export function assignCapacity(
  layer: LayerTrace,
  routed: number,
  capacity: number,
  policy: CapacityPolicy,
): CapacityAssignment {
  const { k, candidates, chosen, weight } = layer;
  const { fate, movedTo } = slotFates(layer, routed, capacity, policy);
  const experts = new Uint16Array(routed * k).fill(NO_EXPERT);
  const weights = new Float32Array(routed * k);
  let dropped = 0;
  let moved = 0;
  for (let t = 0; t < routed; t++) {
    for (let slot = t * k; slot < (t + 1) * k; slot++) {
      if (fate[slot] === FATE.DROPPED) dropped += 1;
      if (fate[slot] === FATE.MOVED) moved += 1;
      if (fate[slot] !== FATE.KEPT && fate[slot] !== FATE.MOVED) continue;
      let at = wantedAt(layer, t, slot - t * k);
      if (fate[slot] === FATE.MOVED) {
        at = t * candidates;
        while (chosen[at] !== movedTo[slot]) at += 1;
      }
      experts[slot] = chosen[at]!;
      weights[slot] = weight[at]!;
    }
  }
  return { experts, weights, dropped, moved };
}

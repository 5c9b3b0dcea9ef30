import type { Began } from '../protocol/engine.ts';
import type { Measured } from '../protocol/intervention.ts';
import type { RoutingTrace } from '../protocol/trace.ts';

/** A text under an intervention as a trace; its layers are those that were asked for. */
export function measuredTrace({ model, ids, start, end, windows }: Began, { logProb, layers }: Measured): RoutingTrace {
  return {
    tokens: { ids, start, end, logProb },
    layers,
    windows,
    routed: ids.length,
    origin: { model: { ...model, moeLayers: layers }, source: 'measured' },
  };
}

/** Where experts stand when a model is spread over devices: simulated, for whatever machine one thinks of. */
import { eplb, type EplbShape } from './eplb.ts';

/** Experts of one MoE layer on D devices. Several slots may hold copies of one expert, which share its tokens. */
export interface LayerPlacement {
  /** E. */
  readonly experts: number;
  /** Expert of each slot; [R], R ≥ E. */
  readonly expert: Uint16Array;
  /** Device of each slot; [R], ascending. */
  readonly device: Uint16Array;
}

export interface Placement {
  /** D; those of a node follow one another. */
  readonly devices: number;
  /** N; divides D. */
  readonly nodes: number;
  /** By MoE layer. */
  readonly layers: readonly LayerPlacement[];
}

/**
 * Experts in order, as many on each device as on any other; where E does not divide by D, one more on the first devices. As vLLM
 * (determine_expert_map, `linear`) and, for E that divides, SGLang (`trivial`) place them.
 */
export function contiguous(experts: number, devices: number): LayerPlacement {
  const least = Math.floor(experts / devices);
  const more = experts % devices;
  const device = new Uint16Array(experts);
  let slot = 0;
  for (let d = 0; d < devices; d++) {
    const held = least + (d < more ? 1 : 0);
    device.fill(d, slot, slot + held);
    slot += held;
  }
  return { experts, expert: device.map((_, e) => e), device };
}

/** What EPLB makes of a load. Throws as `eplb` does. */
export function balanced(load: Float64Array, shape: EplbShape): LayerPlacement {
  const expert = eplb(load, shape);
  const each = shape.replicas / shape.devices;
  return { experts: load.length, expert, device: expert.map((_, slot) => Math.floor(slot / each)) };
}

/** Copies that each expert has; [E]. */
export function copiesOf({ experts, expert }: LayerPlacement): Uint16Array {
  const copies = new Uint16Array(experts);
  for (const e of expert) copies[e]! += 1;
  return copies;
}

/** Load of each device when copies share their expert's equally: Σ over its slots of c_e / copies of e; [D]. */
export function deviceLoads(layer: LayerPlacement, counts: Float64Array, devices: number): Float64Array {
  const copies = copiesOf(layer);
  const loads = new Float64Array(devices);
  layer.expert.forEach((e, slot) => {
    loads[layer.device[slot]!]! += counts[e]! / copies[e]!;
  });
  return loads;
}

/** Slots whose expert already stands on the same device: memory without use, which EPLB may leave. */
export function wastedSlots({ expert, device }: LayerPlacement): number {
  const seen = new Set<number>();
  let wasted = 0;
  expert.forEach((e, slot) => {
    const key = device[slot]! * 0x10000 + e;
    if (seen.has(key)) wasted += 1;
    seen.add(key);
  });
  return wasted;
}

/** Placements of a model's experts for a machine, by policy. */
import { isHierarchical, type EplbShape } from './eplb.ts';
import { balanced, contiguous, type LayerPlacement, type Placement } from './placement.ts';

/** EPLB's flat way is what it calls global. */
export const POLICIES = ['contiguous', 'flat', 'hierarchical'] as const;
export type Policy = (typeof POLICIES)[number];

export interface Machine {
  readonly devices: number;
  /** Divides the devices. */
  readonly nodes: number;
  /** Slots beyond the experts at least; EPLB gets as many more as fill all devices equally. */
  readonly redundant: number;
  /** Groups of experts that the hierarchical way keeps in one node. */
  readonly groups: number;
}

/** EPLB's shape for a layer of E experts. Groups that E or the nodes do not divide by are none, and the way is the flat one. */
function layerShape(experts: number, policy: Policy, { devices, nodes, redundant, groups }: Machine): EplbShape {
  const replicas = Math.ceil((experts + redundant) / devices) * devices;
  const shape = { replicas, groups, nodes, devices };
  const grouped = policy === 'hierarchical' && experts % groups === 0 && isHierarchical(shape);
  return grouped ? shape : { ...shape, groups: 1, nodes: 1 };
}

/** @param loads slots that each expert took, by MoE layer; what EPLB is told */
export function plan(loads: readonly Float64Array[], policy: Policy, machine: Machine): Placement {
  const layers = loads.map((load): LayerPlacement => {
    if (policy === 'contiguous') return contiguous(load.length, machine.devices);
    return balanced(load, layerShape(load.length, policy, machine));
  });
  return { devices: machine.devices, nodes: machine.nodes, layers };
}

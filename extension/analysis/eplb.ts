/**
 * EPLB, the expert-parallel load balancer that DeepSeek published with V3 (github.com/deepseek-ai/EPLB, and in it the names used
 * here): which experts get copies, and where all of them stand, so that devices carry near equal loads.
 *
 * Hierarchical: groups of experts are packed into nodes, experts are copied within their node, and copies are packed into the
 * node's devices. Flat, which it calls global: the same with one group and one node.
 */

export interface EplbShape {
  /** Physical experts, R: slots of all devices. */
  readonly replicas: number;
  /** Groups of experts that lie together, G. */
  readonly groups: number;
  /** N. */
  readonly nodes: number;
  /** D. */
  readonly devices: number;
}

/** What keeps a shape from being one of EPLB's, in a clause; undefined when nothing does. */
export function shapeProblem(experts: number, { replicas, groups, nodes, devices }: EplbShape): string | undefined {
  if (replicas < experts) return `${replicas} slots do not hold ${experts} experts`;
  if (replicas % devices !== 0) return `${replicas} slots do not spread evenly over ${devices} devices`;
  if (devices % nodes !== 0) return `${devices} devices do not spread evenly over ${nodes} nodes`;
  if (experts % groups !== 0) return `${experts} experts do not fall into ${groups} equal groups`;
  return undefined;
}

/** Whether EPLB takes its hierarchical way: groups have to spread evenly over nodes. */
export function isHierarchical({ groups, nodes }: EplbShape): boolean {
  return groups % nodes === 0;
}

/**
 * The expert of each physical slot of a layer; [R]. Slots r·R/D to (r + 1)·R/D are those of device r, and devices of a node
 * follow one another.
 *
 * @param load slots or tokens that each expert took; [E]
 * @throws RangeError when there is no such shape
 */
export function eplb(load: Float64Array, shape: EplbShape): Uint16Array {
  const problem = shapeProblem(load.length, shape);
  if (problem !== undefined) throw new RangeError(problem);
  const { replicas, devices } = shape;
  const { groups, nodes } = isHierarchical(shape) ? shape : { groups: 1, nodes: 1 };
  const groupSize = load.length / groups;
  const groupLoad = Float64Array.from({ length: groups }, (_, g) => sum(load, g * groupSize, (g + 1) * groupSize));
  const groupAt = pack(groupLoad, nodes);
  const perNode = load.length / nodes;
  const result = new Uint16Array(replicas);
  for (let node = 0; node < nodes; node++) {
    // The node's experts: its groups in the order in which they were packed.
    const experts = new Uint16Array(perNode);
    for (let g = 0; g < groups; g++) {
      if (groupAt.bin[g] !== node) continue;
      for (let i = 0; i < groupSize; i++) experts[groupAt.rank[g]! * groupSize + i] = g * groupSize + i;
    }
    const nodeLoad = Float64Array.from(experts, (e) => load[e]!);
    const { of, copies } = replicate(nodeLoad, replicas / nodes);
    const weight = Float64Array.from(of, (i) => nodeLoad[i]! / copies[i]!);
    const { bin, rank } = pack(weight, devices / nodes);
    const first = (node * replicas) / nodes;
    of.forEach((i, slot) => {
      result[first + (bin[slot]! * replicas) / devices + rank[slot]!] = experts[i]!;
    });
  }
  return result;
}

/**
 * Packs n weights into bins of exactly n/bins each: by descending weight into the lightest bin with room. Ties go to the
 * lower index. With one weight a bin, weight i goes to bin i.
 */
function pack(weights: Float64Array, bins: number): { readonly bin: Uint16Array; readonly rank: Uint16Array } {
  const room = weights.length / bins;
  const bin = new Uint16Array(weights.length);
  const rank = new Uint16Array(weights.length);
  if (room === 1) return { bin: bin.map((_, i) => i), rank };
  const filled = new Uint16Array(bins);
  const total = new Float64Array(bins);
  const order = Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
  for (const item of order) {
    let best = -1;
    for (let b = 0; b < bins; b++) if (filled[b]! < room && (best < 0 || total[b]! < total[best]!)) best = b;
    bin[item] = best;
    rank[item] = filled[best]!++;
    total[best]! += weights[item]!;
  }
  return { bin, rank };
}

/** Gives each expert a slot, in order, and each further slot to the first with the greatest load a copy. */
function replicate(load: Float64Array, slots: number): { readonly of: Uint16Array; readonly copies: Uint16Array } {
  const of = new Uint16Array(slots).map((_, slot) => slot);
  const copies = new Uint16Array(load.length).fill(1);
  for (let slot = load.length; slot < slots; slot++) {
    let most = 0;
    for (let e = 1; e < load.length; e++) if (load[e]! / copies[e]! > load[most]! / copies[most]!) most = e;
    of[slot] = most;
    copies[most]! += 1;
  }
  return { of, copies };
}

function sum(values: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += values[i]!;
  return total;
}

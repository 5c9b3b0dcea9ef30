import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eplb, isHierarchical, shapeProblem, type EplbShape } from '../../extension/analysis/eplb.ts';

describe('eplb', () => {
  it('gives what its authors publish for their example', () => {
    const shape = { replicas: 16, groups: 4, nodes: 2, devices: 8 };
    const first = eplb(Float64Array.of(90, 132, 40, 61, 104, 165, 39, 4, 73, 56, 183, 86), shape);
    expect([...first]).toEqual([5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1]);
    const second = eplb(Float64Array.of(20, 107, 104, 64, 19, 197, 187, 157, 172, 86, 16, 27), shape);
    expect([...second]).toEqual([7, 10, 6, 8, 6, 11, 8, 9, 2, 4, 5, 1, 5, 0, 3, 1]);
  });

  it('packs by hand: 4 experts and 2 copies on 2 devices', () => {
    // Copies: expert 0 (10 → 5, 5), then expert 1 (6 → 3, 3). Slots 0…5 weigh 5, 3, 2, 1, 5, 3. In descending order: slot 0
    // to device 0, slot 4 to device 1, slot 1 to 0 (tie), slot 5 to 1, slot 2 to 0 (tie), slot 3 to 1.
    const shape = { replicas: 6, groups: 1, nodes: 1, devices: 2 };
    expect([...eplb(Float64Array.of(10, 6, 2, 1), shape)]).toEqual([0, 1, 2, 0, 1, 3]);
  });

  it('refuses shapes that are none', () => {
    const shape = { replicas: 8, groups: 2, nodes: 2, devices: 4 };
    expect(shapeProblem(9, shape)).toBe('8 slots do not hold 9 experts');
    expect(shapeProblem(8, { ...shape, devices: 3 })).toBe('8 slots do not spread evenly over 3 devices');
    expect(shapeProblem(8, { ...shape, nodes: 3 })).toBe('4 devices do not spread evenly over 3 nodes');
    expect(shapeProblem(7, shape)).toBe('7 experts do not fall into 2 equal groups');
    expect(() => eplb(new Float64Array(9), shape)).toThrow(RangeError);
  });

  it('keeps its invariants on 10,000 random inputs', () => {
    fc.assert(
      fc.property(INPUTS, ({ load, shape }) => {
        expect(broken(load, shape, eplb(Float64Array.from(load), shape))).toBeUndefined();
      }),
      { numRuns: 10_000 },
    );
  });
});

/** What of EPLB's promises its slots break, in words. */
function broken(load: readonly number[], shape: EplbShape, slots: Uint16Array): string | undefined {
  const { replicas, devices, groups, nodes } = shape;
  if (slots.length !== replicas) return 'number of slots';
  const copies = load.map((_, e) => slots.filter((held) => held === e).length);
  if (Math.min(...copies) < 1) return 'an expert without a slot';
  const hierarchical = isHierarchical(shape);
  const nodeOf = new Map<number, number>();
  for (const [slot, e] of slots.entries()) {
    const node = hierarchical ? Math.floor((slot * nodes) / replicas) : 0;
    if (nodeOf.has(e) && nodeOf.get(e) !== node) return 'copies in two nodes';
    nodeOf.set(e, node);
  }
  const share = load.map((l, e) => l / copies[e]!);
  for (const [f, n] of copies.entries()) {
    if (n === 1) continue;
    const without = load[f]! / (n - 1);
    if (share.some((s, e) => nodeOf.get(e) === nodeOf.get(f) && s > without + 1e-9)) {
      return 'a copy that another expert needs more';
    }
  }
  if (hierarchical) {
    const size = load.length / groups;
    const homes = Array.from({ length: groups }, (_, g) => nodeOf.get(g * size)!);
    if (load.some((_, e) => nodeOf.get(e) !== homes[Math.floor(e / size)])) return 'a group in two nodes';
    for (let n = 0; n < nodes; n++) {
      if (homes.filter((home) => home === n).length !== groups / nodes) return 'groups unevenly over nodes';
    }
  }
  const held = replicas / devices;
  // The heaviest arrive first at every device.
  const falls = slots.every((e, slot) => slot % held === 0 || share[e]! <= share[slots[slot - 1]!]! + 1e-9);
  return falls ? undefined : 'a device that did not take the heaviest first';
}

const INPUTS = fc
  .record({
    perNode: fc.integer({ min: 1, max: 4 }),
    nodes: fc.integer({ min: 1, max: 4 }),
    groups: fc.integer({ min: 1, max: 6 }),
    groupSize: fc.integer({ min: 1, max: 6 }),
    more: fc.nat(3),
    most: fc.constantFrom(3, 1000, 1e6),
  })
  .chain(({ perNode, nodes, groups, groupSize, more, most }) => {
    const devices = perNode * nodes;
    const experts = groups * groupSize;
    const replicas = (Math.ceil(experts / devices) + more) * devices;
    const shape: EplbShape = { replicas, groups, nodes, devices };
    return fc.record({
      load: fc.array(fc.nat(most), { minLength: experts, maxLength: experts }),
      shape: fc.constant(shape),
    });
  });

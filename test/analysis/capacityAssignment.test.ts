/** Slots under a limit, by hand, and against what capacity curves count. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capacityCurve, expertCapacity } from '../../extension/analysis/capacity.ts';
import { assignCapacity } from '../../extension/analysis/capacityAssignment.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { CROWD } from '../support/layers.ts';
import { layerTrace } from '../support/layerTrace.ts';

const NONE = NO_EXPERT;

describe('assignCapacity', () => {
  it('keeps the earliest, or the heaviest, or finds the runner-up that has room', () => {
    const of = (policy: 'position' | 'weight' | 'reroute'): [number[], number[]] => {
      const { experts, weights } = assignCapacity(CROWD, 4, 1, policy);
      return [[...experts], [...weights]];
    };
    expect(of('position')).toEqual([
      [0, NONE, NONE, 2],
      [0.5, 0, 0, 1],
    ]);
    expect(of('weight')).toEqual([
      [NONE, 0, NONE, 2],
      [0, 0.75, 0, 1],
    ]);
    // Expert 1 has room for the second token, at the weight that it would have had there; none for the third.
    expect(of('reroute')).toEqual([
      [0, 1, NONE, 2],
      [0.5, 0.125, 0, 1],
    ]);
  });

  it('keeps the earliest of equal weights, and no slot of a token that the layer did not see', () => {
    const layer = layerTrace({ experts: 2, k: 1, chosen: [[null], [0], [0]], entropy: [NaN, 0, 0] });
    expect([...assignCapacity(layer, 3, 1, 'weight').experts]).toEqual([NONE, 0, NONE]);
    expect(assignCapacity(layer, 3, 1, 'weight').dropped).toBe(1);
  });

  it('drops and moves as many slots, and of the same weight, as capacity curves count', () => {
    const row = fc.record({
      chosen: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 4, maxLength: 4 }),
      weight: fc.tuple(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 64 })),
    });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0.1, max: 3, noNaN: true }),
        (rows, factor) => {
          const layer = layerTrace({
            experts: 6,
            k: 2,
            chosen: rows.map(({ chosen }) => chosen),
            // Sixteenths add up without rounding.
            weight: rows.map(({ weight: [a, b] }) => [Math.max(a, b) / 16, Math.min(a, b) / 16, 1 / 32, 1 / 64]),
          });
          const counted = capacityCurve([layer], rows.length, [factor])[0]!.layers[0]!;
          const capacity = expertCapacity(factor, rows.length, 2, 6);
          for (const policy of ['position', 'weight', 'reroute'] as const) {
            const { experts, weights, dropped, moved } = assignCapacity(layer, rows.length, capacity, policy);
            const rerouted = policy === 'reroute';
            expect({ dropped, moved }).toEqual({
              dropped: rerouted ? counted.rerouted!.dropped : counted.dropped,
              moved: rerouted ? counted.rerouted!.moved : 0,
            });
            const load = new Array<number>(6).fill(0);
            for (const e of experts) if (e !== NONE) load[e]! += 1;
            expect(Math.max(...load)).toBeLessThanOrEqual(capacity);
            rows.forEach((_, t) => {
              const at = [...experts.subarray(2 * t, 2 * t + 2)].filter((e) => e !== NONE);
              expect(new Set(at).size).toBe(at.length);
            });
            if (rerouted) continue;
            const kept = weights.reduce((sum, w) => sum + w, 0);
            expect(kept).toBe(counted.weight - counted.lostWeight[policy === 'weight' ? 'weight' : 'position']);
          }
        },
      ),
    );
  });
});

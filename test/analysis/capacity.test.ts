import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capacityCurve, expertCapacity } from '../../extension/analysis/capacity.ts';
import type { LayerTrace } from '../../extension/protocol/trace.ts';
import { CROWD } from '../support/layers.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { FIXTURES } from '../support/reference.ts';

describe('expertCapacity', () => {
  it('rounds up, and rounding errors down', () => {
    expect(expertCapacity(1.25, 194, 2, 16)).toBe(31); // 30.3
    expect(expertCapacity(1, 8, 2, 4)).toBe(4);
    // 1.1·100 is 110.00000000000001 in float64.
    expect(expertCapacity(1.1, 100, 1, 1)).toBe(110);
    expect(expertCapacity(0.5, 1, 1, 64)).toBe(1);
    expect(expertCapacity(4, 0, 2, 16)).toBe(0);
  });
});

describe('capacityCurve', () => {
  it('drops the latest, or the lightest, or goes to the runner-up with room', () => {
    // C = 1: expert 0 keeps the first token, or the second, which weighs most. The second token moves to expert 1, where
    // the third finds no room either.
    const [point] = capacityCurve([CROWD], 4, [1]);
    expect(point!.layers[0]).toEqual({
      capacity: 1,
      slots: 4,
      untold: 0,
      room: 4,
      dropped: 2,
      padding: 2,
      weight: 2.875,
      lostWeight: { position: 0.75 + 0.625, weight: 0.5 + 0.625 },
      rerouted: { moved: 1, dropped: 1, padding: 1 },
    });
    expect(point!.total).toMatchObject({ slots: 4, dropped: 2, rerouted: { moved: 1 } });
  });

  it('sends no token twice to one expert', () => {
    // C = 2. Both slots of the third token find their experts full; its one runner-up has room for two, but takes it once.
    const row = [0, 1, 2];
    const [point] = capacityCurve([layerTrace({ experts: 4, k: 2, chosen: [row, row, row] })], 3, [1]);
    expect(point!.total).toMatchObject({ dropped: 2, rerouted: { moved: 1, dropped: 1, padding: 3 } });
  });

  it('knows no re-routing without runners-up, and leaves none to hope for where all experts are chosen', () => {
    const recorded = layerTrace({ experts: 3, k: 1, chosen: [[0], [0]] });
    expect(capacityCurve([recorded], 2, [1])[0]!.total.rerouted).toBeUndefined();
    const all = layerTrace({ experts: 1, k: 1, chosen: [[0], [0]] });
    expect(capacityCurve([all], 2, [0.5])[0]!.total.rerouted).toEqual({ moved: 0, dropped: 1, padding: 0 });
  });

  it("counts what the router wanted, where the model's own limit dropped it", () => {
    const layer = layerTrace({
      experts: 2,
      k: 1,
      chosen: [
        [null, null],
        [0, 1],
        [null, 0],
      ],
      weight: [
        [0, 0],
        [1, 0],
        [0, 0.5],
      ],
      entropy: [NaN, 0, 0],
    });
    // The first token is none of this layer's: T = 2. Both others want expert 0.
    const [tight, wide] = capacityCurve([layer], 3, [1, 2]);
    expect(tight!.total).toMatchObject({
      slots: 2,
      dropped: 1,
      weight: 1.5,
      lostWeight: { position: 0.5, weight: 0.5 },
    });
    expect(wide!.total).toMatchObject({ dropped: 0, lostWeight: { position: 0, weight: 0 } });
  });

  it('leaves out what the model dropped of experts that a recorded trace does not name', () => {
    const recorded = layerTrace({ experts: 2, k: 1, chosen: [[0], [0], [null], [1]] });
    // T = 4: two slots an expert at 1, one at 0.5, where the second of expert 0 finds no room.
    const [half, one] = capacityCurve([recorded], 4, [0.5, 1]);
    expect(half!.total).toMatchObject({ slots: 3, room: 2, dropped: 1, padding: 0, untold: 1 });
    expect(one!.total).toMatchObject({ slots: 3, room: 4, dropped: 0, padding: 1, untold: 1 });
  });

  it('adds up layers', () => {
    const [point] = capacityCurve([CROWD, CROWD], 4, [1]);
    expect(point!.total).toMatchObject({ slots: 8, room: 8, dropped: 4, padding: 4, rerouted: { moved: 2 } });
  });

  it('keeps its laws on any routing', () => {
    fc.assert(
      fc.property(ROUTING, ({ layer, tokens, renamed }) => {
        const factors = [0.5, 0.8, 1, 1.25, 1.5, 2, 3, 4];
        const curve = capacityCurve([layer], tokens, factors);
        for (const [i, { total, layers }] of curve.entries()) {
          const { slots, room, dropped, padding, lostWeight, rerouted } = total;
          expect(slots).toBe(tokens * layer.k);
          // Kept by one way of counting and by the other.
          expect(slots - dropped).toBe(room - padding);
          expect(dropped).toBe(simulate(layer, tokens, layers[0]!.capacity));
          expect(lostWeight).toEqual(lost(layer, tokens, layers[0]!.capacity));
          expect(lostWeight.weight).toBeLessThanOrEqual(lostWeight.position);
          expect(rerouted!.moved + rerouted!.dropped).toBe(dropped);
          expect(rerouted!.padding).toBe(padding - rerouted!.moved);
          expect(rerouted!.padding).toBeGreaterThanOrEqual(0);
          if (i === 0) continue;
          const before = curve[i - 1]!.total;
          expect(dropped).toBeLessThanOrEqual(before.dropped);
          expect(padding).toBeGreaterThanOrEqual(before.padding);
          expect(lostWeight.position).toBeLessThanOrEqual(before.lostWeight.position);
          expect(lostWeight.weight).toBeLessThanOrEqual(before.lostWeight.weight);
        }
        expect(capacityCurve([renamed], tokens, factors)).toEqual(curve);
      }),
    );
  });

  /** Drops at 1.25 of published counts, worked out apart from this code; the ceiling is one slot of some 30,000. */
  it.each([
    ['olmoe', 'github', '0', 0.126],
    ['olmoe', 'github', '15', 0.352],
    ['olmoe', 'wikipedia', '15', 0.445],
    ['mixtral', 'github', '31', 0.01],
    ['mixtral', 'c4', '0', 0],
  ] as const)('%s on %s, layer %s', (model, domain, layer, share) => {
    const { experts, counts } = PAPER[model];
    // One slot a token: the counts are all that matters to the number of drops.
    const chosen = counts[domain]![layer]!.flatMap((c, e) => new Array<number[]>(c).fill([e]));
    const [point] = capacityCurve([layerTrace({ experts, k: 1, chosen })], chosen.length, [1.25]);
    expect(point!.total.dropped / point!.total.slots).toBeCloseTo(share, 3);
  });
});

const PAPER = JSON.parse(readFileSync(join(FIXTURES, 'paperCounts.json'), 'utf8')) as Record<
  'olmoe' | 'mixtral',
  { experts: number; counts: Record<string, Record<string, number[]>> }
>;

/** Any routing with its runners-up, and the same with experts renamed. */
const ROUTING = fc
  .record({ experts: fc.integer({ min: 3, max: 12 }), k: fc.integer({ min: 1, max: 2 }) })
  .chain(({ experts, k }) => {
    const candidates = Math.min(experts, 2 * k);
    const names = [...Array(experts).keys()];
    // Skewed: a token's candidates begin with low numbers more often than not.
    const row = fc
      .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: experts, maxLength: experts })
      .map((noise) => names.toSorted((a, b) => noise[a]! + a / experts - noise[b]! - b / experts).slice(0, candidates));
    // In steps of 1/1024, which add up to the same in whatever order.
    const step = fc.nat(1024).map((n) => n / 1024);
    const weights = fc.array(step, { minLength: candidates, maxLength: candidates });
    return fc
      .record({
        rows: fc.array(fc.tuple(row, weights), { minLength: 1, maxLength: 60 }),
        order: fc.shuffledSubarray(names, { minLength: experts, maxLength: experts }),
      })
      .map(({ rows, order }) => {
        const weight = rows.map(([, w]) => w);
        const chosen = rows.map(([c]) => c);
        return {
          tokens: rows.length,
          layer: layerTrace({ experts, k, chosen, weight }),
          renamed: layerTrace({ experts, k, chosen: chosen.map((c) => c.map((e) => order[e]!)), weight }),
        };
      });
  });

/** Drops by position, one token after another. */
function simulate({ chosen, candidates, k, experts }: LayerTrace, tokens: number, capacity: number): number {
  const taken = new Array<number>(experts).fill(0);
  let dropped = 0;
  for (let t = 0; t < tokens; t++) {
    for (const e of chosen.subarray(t * candidates, t * candidates + k)) {
      if (taken[e]! < capacity) taken[e]! += 1;
      else dropped += 1;
    }
  }
  return dropped;
}

/** Weight beyond the capacity in each expert's queue, as the tokens come and with the heaviest in front. */
function lost(layer: LayerTrace, tokens: number, capacity: number): { position: number; weight: number } {
  const { chosen, weight, candidates, k, experts } = layer;
  const queues = Array.from({ length: experts }, (): number[] => []);
  for (let t = 0; t < tokens; t++) {
    for (let at = t * candidates; at < t * candidates + k; at++) queues[chosen[at]!]!.push(weight[at]!);
  }
  const beyond = (queue: readonly number[]): number => queue.slice(capacity).reduce((sum, w) => sum + w, 0);
  const sum = (order: (queue: number[]) => number[]): number =>
    queues.reduce((all, queue) => all + beyond(order(queue)), 0);
  return { position: sum((queue) => queue), weight: sum((queue) => queue.toSorted((a, b) => b - a)) };
}

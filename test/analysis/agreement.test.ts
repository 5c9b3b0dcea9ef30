import { describe, expect, test } from 'vitest';
import { routingAgreement } from '../../extension/analysis/agreement.ts';
import { NO_EXPERT, type RoutingTrace } from '../../extension/protocol/trace.ts';
import { traceOf } from '../host/routedTextOf.ts';

type Slots = readonly (readonly (readonly [expert: number, weight: number])[])[];

/** One layer of 8 experts, top-2, a list of slots each; a third slot is a runner-up. */
function traced(...layers: readonly Slots[]): RoutingTrace {
  const tokens = layers[0]!.map((_, t) => [t, t + 1] as const);
  return traceOf({
    text: 'x'.repeat(tokens.length),
    tokens,
    layers: layers.map((slots, i) => ({
      layer: 2 * i,
      experts: 8,
      k: 2,
      slots,
      entropy: tokens.map(() => 1),
      margin: tokens.map(() => 0.1),
    })),
  });
}

describe('routing agreement', () => {
  // Token 0 as it was, token 1 in another order, token 2 with one of two experts changed, token 3 with both.
  const before = traced(
    [
      [[1, 0.75], [2, 0.25], [3, 0.125]],
      [[4, 0.5], [5, 0.5], [6, 0.25]],
      [[1, 0.625], [2, 0.375], [3, 0.25]],
      [[1, 0.875], [2, 0.125], [3, 0.125]],
    ],
    [
      [[0, 0.75], [1, 0.25], [2, 0.125]],
      [[0, 0.75], [1, 0.25], [2, 0.125]],
      [[0, 0.75], [1, 0.25], [2, 0.125]],
      [[0, 0.75], [1, 0.25], [2, 0.125]],
    ],
  ); // prettier-ignore
  const after = traced(
    [
      [[1, 0.75], [2, 0.25], [5, 0.125]],
      [[5, 0.625], [4, 0.375], [6, 0.25]],
      [[1, 0.5625], [3, 0.4375], [2, 0.25]],
      [[6, 0.5], [7, 0.5], [1, 0.125]],
    ],
    [
      [[0, 0.75], [1, 0.25], [2, 0.125]],
      [[0, 0.75], [1, 0.25], [2, 0.125]],
      [[0, 0.5], [2, 0.5], [1, 0.125]],
      [[0, 0.75], [1, 0.25], [2, 0.125]],
    ],
  ); // prettier-ignore

  test('counts slots that stay, in whatever order', () => {
    const [first, second] = routingAgreement(before, after).layers;
    // 2 + 2 + 1 + 0 of 8 slots; top experts 1 = 1 and 1 = 1 of 4.
    expect(first).toMatchObject({ layer: 0, tokens: 4, stayed: 5, topStayed: 2, weightDifference: 0.125 });
    expect([...first!.flips]).toEqual([2, 3]);
    expect(second).toMatchObject({ layer: 2, stayed: 7, topStayed: 4, weightDifference: 0.25 });
    expect([...second!.flips]).toEqual([2]);
  });

  test('adds the layers up', () => {
    const all = routingAgreement(before, after);
    expect(all).toMatchObject({ tokens: 4, share: 12 / 16, topShare: 6 / 8, weightDifference: 0.25 });
    expect([...all.flips]).toEqual([2, 3]);
    expect([...all.flipCounts]).toEqual([0, 0, 2, 1]);
  });

  test('of a trace with itself is whole', () => {
    expect(routingAgreement(before, before)).toMatchObject({ share: 1, topShare: 1, weightDifference: 0 });
    expect(routingAgreement(before, before).flips).toHaveLength(0);
  });

  test('goes as far as both are routed', () => {
    const all = routingAgreement(before, { ...after, routed: 2 });
    expect(all).toMatchObject({ tokens: 2, share: 1 });
  });

  test('leaves out what neither gave an expert; a choice that one dropped does not stay', () => {
    const none = [NO_EXPERT, 0] as const;
    const a = traced([[none, none], [[1, 1], none]]); // prettier-ignore
    const b = traced([[none, none], [none, [1, 1]]]); // prettier-ignore
    expect(routingAgreement(a, a).layers[0]).toMatchObject({ tokens: 1, stayed: 2 });
    expect(routingAgreement(a, b).layers[0]).toMatchObject({ tokens: 1, topStayed: 0 });
    const c = traced([[none, none], [[2, 1], none]]); // prettier-ignore
    expect(routingAgreement(a, c).layers[0]).toMatchObject({ tokens: 1, stayed: 1, topStayed: 0 });
  });

  test('refuses two texts or two models', () => {
    const other = traced([[[1, 1], [2, 0]]]); // prettier-ignore
    expect(() => routingAgreement(before, other)).toThrow(/layers/u);
    const ids = Int32Array.from(before.tokens.ids, (id) => id + 1);
    expect(() => routingAgreement(before, { ...before, tokens: { ...before.tokens, ids } })).toThrow(/two texts/u);
  });

  test('refuses tokens of which nobody knows whether they are the same', () => {
    const unknown = { ...before, tokens: { ...before.tokens, ids: new Int32Array(4).fill(-1) } };
    expect(() => routingAgreement(unknown, unknown)).toThrow(/two texts/u);
  });

  test('of nothing has no shares', () => {
    expect(routingAgreement({ ...before, routed: 0 }, after).share).toBeNaN();
  });
});

import { describe, expect, it } from 'vitest';
import { FATE, layerLimits, tokensHit } from '../../extension/analysis/limits.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { CROWD } from '../support/layers.ts';
import { layerTrace } from '../support/layerTrace.ts';

const { NONE, KEPT, DROPPED, MOVED } = FATE;

describe('layerLimits', () => {
  it('drops the latest by position', () => {
    const { capacity, fate, place } = layerLimits(CROWD, 4, { factor: 1, policy: 'position' });
    expect(capacity).toBe(1);
    expect([...fate]).toEqual([KEPT, DROPPED, DROPPED, KEPT]);
    expect([...place]).toEqual([0, 1, 2, 0]);
  });

  it('drops the lightest by weight, and of equal ones the latest', () => {
    const { fate, place } = layerLimits(CROWD, 4, { factor: 1, policy: 'weight' });
    expect([...fate]).toEqual([DROPPED, KEPT, DROPPED, KEPT]);
    expect([...place]).toEqual([2, 0, 1, 0]);
    const equal = layerTrace({ experts: 2, k: 1, chosen: [[0], [0], [0]] });
    // C = ⌈3/2⌉ = 2.
    expect([...layerLimits(equal, 3, { factor: 1, policy: 'weight' }).fate]).toEqual([KEPT, KEPT, DROPPED]);
  });

  it('drops none by weight where no weights are known', () => {
    const { fate, place } = layerLimits({ ...CROWD, weight: new Float32Array(8).fill(NaN) }, 4, {
      factor: 1,
      policy: 'weight',
    });
    expect([...fate]).toEqual([NONE, NONE, NONE, NONE]);
    expect([...place]).toEqual([0, 0, 0, 0]);
  });

  it('sends what finds no room to the next expert that has some', () => {
    const limits = layerLimits(CROWD, 4, { factor: 1, policy: 'reroute' });
    expect([...limits.fate]).toEqual([KEPT, MOVED, DROPPED, KEPT]);
    expect([...limits.movedTo]).toEqual([NO_EXPERT, 1, NO_EXPERT, NO_EXPERT]);
    const { dropped, moved } = tokensHit(limits);
    expect([...dropped]).toEqual([0, 0, 1, 0]);
    expect([...moved]).toEqual([0, 1, 0, 0]);
  });

  it('sends no token twice to one expert', () => {
    // C = 2: both slots of the third token find their experts full, and its one runner-up takes it once.
    const row = [0, 1, 2];
    const layer = layerTrace({ experts: 4, k: 2, chosen: [row, row, row] });
    const { fate, movedTo } = layerLimits(layer, 3, { factor: 1, policy: 'reroute' });
    expect([...fate.subarray(4)]).toEqual([MOVED, DROPPED]);
    expect([...movedTo.subarray(4)]).toEqual([2, NO_EXPERT]);
  });

  it("counts what the router wanted where the model's own limit dropped it, and nothing that the layer did not see", () => {
    const layer = layerTrace({
      experts: 2,
      k: 1,
      chosen: [
        [null, null],
        [0, 1],
        [null, 0],
      ],
      entropy: [NaN, 0, 0],
    });
    // T = 2 and C = 1: the third token wanted expert 0 too, which is full.
    const { capacity, fate } = layerLimits(layer, 3, { factor: 1, policy: 'position' });
    expect(capacity).toBe(1);
    expect([...fate]).toEqual([NONE, KEPT, DROPPED]);
  });
});

import { describe, expect, it } from 'vitest';
import { expertCounts, loadFigures, meanOf } from '../../extension/analysis/load.ts';
import { NO_EXPERT, type LayerTrace } from '../../extension/protocol/trace.ts';

/** Four tokens, top-2 of 4 experts, with one runner-up kept each; the last token's second slot was dropped. */
const LAYER: LayerTrace = {
  layer: 0,
  experts: 4,
  k: 2,
  candidates: 3,
  chosen: Uint16Array.of(0, 1, 3, 0, 2, 3, 0, 1, 3, 1, NO_EXPERT, 3),
  weight: new Float32Array(12),
  entropy: new Float32Array(4),
  margin: new Float32Array(4),
  probSum: new Float64Array(4),
  logSumExpSq: 0,
};

describe('expertCounts', () => {
  it('counts chosen slots only: no runners-up, no dropped ones', () => {
    expect([...expertCounts(LAYER, 0, 4)]).toEqual([3, 3, 1, 0]);
    expect([...expertCounts(LAYER, 1, 2)]).toEqual([1, 0, 1, 0]);
  });
});

describe('loadFigures', () => {
  it('measures an uneven load', () => {
    // Shares 5/8, 2/8, 1/8, 0: mean 1/4, so MaxVio = 5/2 − 1. Entropy = −Σ s ln s = 0.9003, e^0.9003 = 2.4603.
    const figures = loadFigures(Float64Array.of(5, 2, 1, 0));
    expect([...figures.shares]).toEqual([0.625, 0.25, 0.125, 0]);
    expect(figures.hottest).toBe(0);
    expect(figures.coldest).toBe(3);
    expect(figures.maxVio).toBeCloseTo(1.5, 12);
    expect(figures.effectiveExperts).toBeCloseTo(2.4603, 3);
    expect(figures.coldFraction).toBe(0.25);
  });

  it('measures an even load and one expert that takes all', () => {
    const even = loadFigures(new Float64Array(16).fill(7));
    expect(even.maxVio).toBeCloseTo(0, 12);
    expect(even.effectiveExperts).toBeCloseTo(16, 10);
    expect(even.coldFraction).toBe(0);
    const one = loadFigures(Float64Array.of(0, 9, 0, 0));
    expect(one.maxVio).toBe(3);
    expect(one.effectiveExperts).toBe(1);
    expect(one.coldFraction).toBe(0.75);
  });

  it('has no figures of nothing', () => {
    const none = loadFigures(new Float64Array(4));
    expect(none.maxVio).toBeNaN();
    expect(none.effectiveExperts).toBeNaN();
    expect(none.coldFraction).toBeNaN();
  });
});

describe('meanOf', () => {
  it('leaves NaN out', () => {
    expect(meanOf(Float32Array.of(1, NaN, 4, 100), 0, 3)).toBe(2.5);
    expect(meanOf(Float32Array.of(NaN), 0, 1)).toBeNaN();
  });
});

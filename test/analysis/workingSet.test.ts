import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesPerParameter, expertSizes } from '../../extension/analysis/expertSizes.ts';
import {
  batchSizes,
  evenlyTouched,
  independentlyTouched,
  touchedExperts,
} from '../../extension/analysis/workingSet.ts';
import type { ModelAnatomy } from '../../extension/protocol/model.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { modelOf } from '../support/subject.ts';

describe('experts that a batch touches', () => {
  it('doubles batches up to the whole text', () => {
    expect(batchSizes(5)).toEqual([1, 2, 4, 5]);
    expect(batchSizes(4)).toEqual([1, 2, 4]);
    expect(batchSizes(1)).toEqual([1]);
    expect(batchSizes(0)).toEqual([]);
  });

  it('counts distinct experts in windows, and leaves the rest of the text out', () => {
    const chosen = [
      [0, 1],
      [0, 2],
      [0, 1],
      [3, 0],
      [2, 3],
    ];
    const layer = layerTrace({ experts: 4, k: 2, chosen });
    expect(touchedExperts(layer, 5, 1)).toBe(2);
    // {0,1,2} and {0,1,3}.
    expect(touchedExperts(layer, 5, 2)).toBe(3);
    expect(touchedExperts(layer, 5, 4)).toBe(4);
    expect(touchedExperts(layer, 2, 4)).toBeNaN();
    // A token that the layer did not see is in no window.
    const gap = layerTrace({
      experts: 4,
      k: 2,
      chosen: [
        [0, 1],
        [null, null],
        [2, 3],
      ],
      entropy: [0, NaN, 0],
    });
    expect(touchedExperts(gap, 3, 2)).toBe(4);
  });

  it('expects what the formula says', () => {
    // 8 of 64, 16 tokens: 64·(1 − (7/8)^16).
    expect(evenlyTouched(64, 8, 16)).toBeCloseTo(56.444, 3);
    // Four tokens, shares 1, 1/2, 1/2, 0; two of them: 1 + 3/4 + 3/4.
    expect(independentlyTouched(Float64Array.of(4, 2, 2, 0), 4, 2)).toBeCloseTo(2.5, 12);
  });

  it('grows with the batch, from k to all that the text touches', () => {
    const rows = fc.array(fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 2, maxLength: 2 }), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(rows, (chosen) => {
        const layer = layerTrace({ experts: 6, k: 2, chosen });
        const touched = [1, 2, 4, 8].map((n) => touchedExperts(layer, 8, n));
        expect(touched[0]).toBe(2);
        expect(touched.at(-1)).toBe(new Set(chosen.flat()).size);
        expect(touched).toEqual(touched.toSorted((a, b) => a - b));
      }),
    );
  });
});

const NONE = { embeddings: 0, mixers: 0, routers: 0, experts: 0, sharedExperts: 0, mlps: 0, norms: 0, head: 0 };

describe('expertSizes', () => {
  const layers = [layerTrace({ experts: 4, k: 1, chosen: [[0]] }), layerTrace({ experts: 8, k: 2, chosen: [[0, 1]] })];

  it('takes a model’s own', () => {
    const anatomy: ModelAnatomy = {
      layers: [],
      parameters: { ...NONE, embeddings: 100, experts: 4 * 10 + 8 * 20, head: 100 },
      bytes: { ...NONE, embeddings: 400, experts: 4 * 40 + 8 * 80, head: 100 },
      experts: [
        { parameters: 10, bytes: 40 },
        { parameters: 20, bytes: 80 },
      ],
      cacheBytes: 0,
    };
    expect(expertSizes(modelOf(layers, { anatomy }))).toEqual({
      parameters: [10, 20],
      bytes: [40, 80],
      rest: { parameters: 200, bytes: 500 },
      all: { parameters: 400, bytes: 1300 },
      lookedUp: 400,
      derived: false,
    });
  });

  it('works them out of what is active', () => {
    // 12 experts of which a token visits 3: 9 idle ones are 900 parameters.
    const model = modelOf(layers, { parameters: { total: 1500, active: 600 }, precision: 'bfloat16' });
    expect(expertSizes(model)).toMatchObject({
      parameters: [100, 100],
      bytes: [200, 200],
      rest: { parameters: 300, bytes: 600 },
      all: { parameters: 1500, bytes: 3000 },
      derived: true,
    });
  });

  it('knows nothing where nothing is told', () => {
    expect(expertSizes(modelOf(layers, { parameters: { total: 0, active: 0 } }))).toBeUndefined();
    expect(expertSizes(modelOf(layers, { parameters: { total: 5, active: 5 } }))).toBeUndefined();
  });

  it.each([
    ['float32', 4],
    ['bfloat16', 2],
    ['fp8', 1],
    ['int8', 1],
    ['int4', 0.5],
    ['unknown', 2],
  ])('%s takes %f bytes a parameter', (precision, bytes) => {
    expect(bytesPerParameter(precision)).toBe(bytes);
  });
});

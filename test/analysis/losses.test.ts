import { describe, expect, it } from 'vitest';
import { lossesOf } from '../../extension/analysis/losses.ts';
import { UNEVEN } from '../support/layers.ts';
import { layerTrace } from '../support/layerTrace.ts';

describe('lossesOf', () => {
  it('scales as each of its sources', () => {
    const { layers, mean, huggingFace } = lossesOf([UNEVEN], 4);
    // Σ f·P = (3·0.4 + 1·0.3)/4 = 0.375; Σ c/T·P = (4·0.4 + 2·0.3 + 0.2 + 0.1)/4 = 0.625.
    const expected = { switch: 1.5, megatron: 1.25, deepSpeedTopK: 1.25, deepSpeedTop2: 1.5, gshard: 0.09375 };
    for (const [key, value] of Object.entries({ ...expected, zLoss: 2.5 })) {
      expect(layers[0]![key as keyof typeof mean], key).toBeCloseTo(value, 12);
      expect(mean[key as keyof typeof mean], key).toBeCloseTo(value, 12);
    }
    expect(huggingFace).toBeCloseTo(2.5, 12);
  });

  it('has the balanced values of an even load, and of layers that are uneven in turn only by layer', () => {
    const chosen = [
      [0, 1],
      [1, 0],
      [2, 3],
      [3, 2],
    ];
    const even = layerTrace({ experts: 4, k: 2, chosen, probSum: [1, 1, 1, 1], logSumExpSq: 0 });
    const { mean, huggingFace } = lossesOf([even, even], 4);
    expect(mean).toEqual({ switch: 1, megatron: 1, deepSpeedTopK: 1, deepSpeedTop2: 1, gshard: 1 / 16, zLoss: 0 });
    expect(huggingFace).toBe(2);
    // Expert 0 takes all of one layer and expert 1 all of the other: in one pool that is even.
    const all = (e: number): ReturnType<typeof layerTrace> =>
      layerTrace({ experts: 2, k: 1, chosen: [[e], [e]], probSum: e === 0 ? [2, 0] : [0, 2] });
    const turns = lossesOf([all(0), all(1)], 2);
    expect(turns.mean.megatron).toBe(2);
    expect(turns.huggingFace).toBe(1);
  });

  it('counts what the router wanted, and only the tokens that the layer saw', () => {
    // The first token is none of this layer's; the second wanted expert 1, which had no room.
    const layer = layerTrace({
      experts: 2,
      k: 1,
      chosen: [
        [null, null],
        [null, 1],
        [0, 1],
      ],
      entropy: [NaN, 0.5, 0.5],
      probSum: [1, 1],
      logSumExpSq: 4,
    });
    // f = P = ½, ½ of two tokens.
    expect(lossesOf([layer], 3).layers[0]).toMatchObject({ switch: 1, megatron: 1, zLoss: 2 });
  });

  it('has none of a recorded trace, and no pool of layers of different sizes', () => {
    const recorded = layerTrace({ experts: 2, k: 1, chosen: [[0]] });
    expect(lossesOf([recorded], 1).layers[0]!.switch).toBeNaN();
    const two = layerTrace({ experts: 2, k: 1, chosen: [[0]], probSum: [1, 0] });
    const three = layerTrace({ experts: 3, k: 1, chosen: [[0]], probSum: [1, 0, 0] });
    expect(lossesOf([two, three], 1).huggingFace).toBeNaN();
  });
});

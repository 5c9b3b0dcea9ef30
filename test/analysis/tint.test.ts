import { expect, test } from 'vitest';
import { layerLabel } from '../../extension/analysis/labels.ts';
import { loadRatios, meanLoadRatio, tintMax } from '../../extension/analysis/tint.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';

test('scales end where the measure does', () => {
  const layer = { experts: 16, k: 2 };
  expect(tintMax('entropy', layer, 8192)).toBeCloseTo(2.7726, 4);
  expect(tintMax('margin', layer, 8192)).toBe(0.5);
  expect(tintMax('load', layer, 8192)).toBe(3);
  expect(tintMax('surprise', layer, 8192)).toBeCloseTo(9.0109, 4);
});

test('surprise has a scale also where the vocabulary’s size is not known', () => {
  for (const unknown of [0, 1]) expect(tintMax('surprise', { experts: 16, k: 2 }, unknown)).toBe(12);
});

test('load ratios are multiples of the even share', () => {
  expect(Array.from(loadRatios(Float64Array.of(6, 2, 0, 0)))).toEqual([3, 1, 0, 0]);
  expect(loadRatios(new Float64Array(2))[0]).toBeNaN();
});

test('a token’s load is the mean over its experts; dropped slots are left out', () => {
  const ratios = Float64Array.of(3, 1, 0, 0);
  expect(meanLoadRatio(Uint16Array.of(9, 9, 0, 1), 2, 2, ratios)).toBe(2);
  expect(meanLoadRatio(Uint16Array.of(0, NO_EXPERT), 0, 2, ratios)).toBe(3);
  expect(meanLoadRatio(Uint16Array.of(NO_EXPERT), 0, 1, ratios)).toBeNaN();
});

test('layers of an encoder-decoder say which stack they are in', () => {
  expect(layerLabel({ layer: 3 })).toBe('L3');
  expect(layerLabel({ layer: 3, stack: 'encoder' })).toBe('E3');
  expect(layerLabel({ layer: 3, stack: 'decoder' })).toBe('D3');
});

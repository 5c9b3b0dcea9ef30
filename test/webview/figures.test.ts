import { expect, test } from 'vitest';
import { coldShare, expertCounts, loadFigures } from '../../extension/analysis/load.ts';
import { meanOf } from '../../extension/analysis/load.ts';
import type { LayerLoad } from '../../extension/protocol/webview.ts';
import { describeDepth } from '../../webview/charts/depthLine.ts';
import { figuresOf } from '../../webview/charts/figures.ts';
import { percent, times } from '../../extension/analysis/numbers.ts';
import { demoTrace } from './demoTrace.ts';

function loadOf(counts: readonly number[], meanEntropy = NaN): LayerLoad {
  const experts = counts.length;
  return {
    layer: 0,
    experts,
    k: 1,
    candidates: 1,
    counts: Float64Array.from(counts),
    meanEntropy,
    meanMargin: NaN,
  };
}

function shown(load: LayerLoad): Record<string, string> {
  const figures = figuresOf(load, loadFigures(load.counts, coldShare(load.experts)));
  return Object.fromEntries(figures.map(({ label, value, yardstick }) => [label, `${value} ${yardstick}`.trim()]));
}

test('figures of the reference routing of router.ts at layer 3', () => {
  const { trace } = demoTrace('balanced', 'router.ts');
  const layer = trace.layers[3]!;
  const load: LayerLoad = {
    ...layer,
    counts: expertCounts(layer, 0, trace.routed),
    meanEntropy: meanOf(layer.entropy, 0, trace.routed),
    meanMargin: 0,
  };
  expect(shown(load)).toEqual({
    Hottest: 'E10 17.8\u202f% 2.8× even',
    Coldest: 'E8 0.0\u202f% 0.00× even',
    'Under 5\u202f%': '9 of 16 experts',
    'Effective experts': '10.9 of 16',
    MaxVio: '1.85 0 is even',
    'Mean entropy': '1.55 of 2.77 nats',
  });
});

test('an even load has no excess and all experts effective', () => {
  expect(shown(loadOf([5, 5, 5, 5]))).toMatchObject({
    Hottest: 'E0 25.0\u202f% 1.0× even',
    'Effective experts': '4.0 of 4',
    MaxVio: '0.00 0 is even',
  });
});

test('before anything is routed figures are dashes, not NaN', () => {
  expect(Object.values(shown(loadOf([0, 0]))).join(' ')).not.toContain('NaN');
  expect(shown(loadOf([0, 0]))).toMatchObject({ Hottest: '–', MaxVio: '– 0 is even' });
});

test('the threshold for cold experts is 5 % up to 16 experts and 0.8 of the even share beyond', () => {
  expect(coldShare(8)).toBe(0.05);
  expect(coldShare(16)).toBe(0.05);
  expect(coldShare(256)).toBe(0.8 / 256);
});

test('the threshold for cold experts is written as it is used', () => {
  const label = (experts: number) => Object.keys(shown(loadOf(Array<number>(experts).fill(1))))[2];
  expect([16, 32, 64, 256, 512].map(label)).toEqual([
    'Under 5\u202f%',
    'Under 2.5\u202f%',
    'Under 1.25\u202f%',
    'Under 0.313\u202f%',
    'Under 0.156\u202f%',
  ]);
});

test('numbers', () => {
  expect(percent(0.17784)).toBe('17.8\u202f%');
  expect(times(2.845)).toBe('2.8×');
  expect(times(0.041)).toBe('0.04×');
  expect(times(NaN)).toBe('–×');
});

test('the depth chart has a sentence', () => {
  const layers = [loadOf([1, 1], 0.5), loadOf([1, 1], 0.25), loadOf([1, 1])].map((l, i) => ({ ...l, layer: i }));
  expect(describeDepth(layers)).toBe('Mean router entropy by layer, lowest 0.25 nats at L1, highest 0.50 nats at L0.');
  expect(describeDepth([loadOf([1, 1])])).toBe('Mean router entropy by layer: nothing routed yet.');
});

import { expect, test, vi } from 'vitest';
import { expertCounts, meanOf } from '../../extension/analysis/load.ts';
import { LayerLoads } from '../../extension/host/layerLoads.ts';
import { routedTextOf, type LayerInput } from './routedTextOf.ts';

const TOKENS = 50;
const LAYERS = 5;

/** Any routing will do as long as it is uneven. */
function layer(index: number): LayerInput {
  const tokens = Array.from({ length: TOKENS }, (_, t) => t);
  return {
    layer: index,
    experts: 8,
    k: 2,
    slots: tokens.map((t) => [
      [(t * t + index) % 8, 0.7],
      [(t * 3 + index + 1) % 8, 0.3],
    ]),
    entropy: tokens.map((t) => t / TOKENS),
    margin: tokens.map((t) => (t % 7 === 0 ? NaN : 0.5)),
  };
}

const { trace } = routedTextOf({
  text: 'x'.repeat(TOKENS),
  tokens: Array.from({ length: TOKENS }, (_, t) => [t, t + 1]),
  layers: Array.from({ length: LAYERS }, (_, i) => layer(i)),
});

test('growing by parts comes to what counting at once does', async () => {
  const loads = new LayerLoads(trace.layers);
  for (const routed of [0, 7, 7, 31, TOKENS]) {
    const all = await loads.all(routed, () => true);
    expect(all).toHaveLength(LAYERS);
    all!.forEach((load, i) => {
      const source = trace.layers[i]!;
      expect(load.counts).toEqual(expertCounts(source, 0, routed));
      expect(load.meanEntropy).toBe(meanOf(source.entropy, 0, routed));
      expect(load.meanMargin).toBe(meanOf(source.margin, 0, routed));
    });
  }
});

test('a layer that is asked for more tokens while all are being counted counts each of them once', async () => {
  const loads = new LayerLoads(trace.layers);
  // Every layer is a slice of its own.
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));
  const counting = loads.all(20, () => true);
  loads.upTo(LAYERS - 1, 30);
  await counting;
  vi.restoreAllMocks();
  expect(loads.upTo(LAYERS - 1, 40).counts).toEqual(expertCounts(trace.layers[LAYERS - 1]!, 0, 40));
});

test('a load that was given out does not change later', () => {
  const loads = new LayerLoads(trace.layers);
  const early = loads.upTo(0, 10);
  const before = early.counts.slice();
  loads.upTo(0, 20);
  expect(early.counts).toEqual(before);
});

test('a load carries the shape of its layer, and only that', () => {
  expect(Object.keys(new LayerLoads(trace.layers).upTo(1, 3)).sort()).toEqual([
    'candidates',
    'counts',
    'experts',
    'k',
    'layer',
    'meanEntropy',
    'meanMargin',
  ]);
});

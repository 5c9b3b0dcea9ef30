import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { overload, sglangBalancedness, vllmBalancedness } from '../../extension/analysis/deviceBalance.ts';
import { combineBytes, dispatchBytes, exchangeSeconds, transfers } from '../../extension/analysis/exchange.ts';
import {
  balanced,
  contiguous,
  deviceLoads,
  wastedSlots,
  type LayerPlacement,
} from '../../extension/analysis/placement.ts';
import { sglangFile, unfitForEngines, vllmAscendFile } from '../../extension/analysis/placementFiles.ts';
import { countVisits, expectVisits } from '../../extension/analysis/traffic.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { FIXTURES } from '../support/reference.ts';
import { modelOf } from '../support/subject.ts';

/** Two devices of two slots: expert 0 on both, 1 on the first, 2 on the second. */
const COPIED: LayerPlacement = { experts: 3, expert: Uint16Array.of(0, 1, 0, 2), device: Uint16Array.of(0, 0, 1, 1) };

describe('placement', () => {
  it('puts experts in order, one more on the first devices where they do not divide', () => {
    expect([...contiguous(5, 2).device]).toEqual([0, 0, 0, 1, 1]);
    expect([...contiguous(2, 4).device]).toEqual([0, 1]);
  });

  it('shares the load of an expert among its copies', () => {
    expect([...deviceLoads(COPIED, Float64Array.of(6, 1, 2), 2)]).toEqual([4, 5]);
  });

  it('shows copies on one device as waste', () => {
    expect(wastedSlots(COPIED)).toBe(0);
    expect(wastedSlots({ ...COPIED, expert: Uint16Array.of(0, 0, 1, 2) })).toBe(1);
    // One busy expert of two on one device: all copies are its own, and all but one for nothing.
    expect(wastedSlots(balanced(Float64Array.of(9, 1), { replicas: 4, groups: 1, nodes: 1, devices: 1 }))).toBe(2);
  });

  it('never loses load', () => {
    const load = fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(load, fc.constantFrom(1, 2, 4, 8), fc.nat(2), (counts, devices, more) => {
        const c = Float64Array.from(counts);
        const total = c.reduce((sum, x) => sum + x, 0);
        const shape = { replicas: 8 + more * devices, groups: 1, nodes: 1, devices };
        for (const layer of [contiguous(8, devices), balanced(c, shape)]) {
          expect(deviceLoads(layer, c, devices).reduce((sum, x) => sum + x, 0)).toBeCloseTo(total, 6);
        }
      }),
    );
  });
});

describe('balance over devices', () => {
  // Layer one: mean 2, max 3. Layer two: mean 10, max 10.
  const layers = [Float64Array.of(1, 3), Float64Array.of(10, 10)];

  it('differs from engine to engine', () => {
    expect(sglangBalancedness(layers)).toBeCloseTo((2 / 3 + 1) / 2, 5);
    expect(vllmBalancedness(layers)).toBeCloseTo(12 / 13, 12);
  });

  it('of one device is how far it is above the mean', () => {
    expect(overload(layers[0]!)).toBe(1.5);
    expect(overload(Float64Array.of(0, 8, 0, 0))).toBe(4);
    expect(overload(new Float64Array(2))).toBeNaN();
  });
});

/** Three tokens, top-2 of 4. */
const TRACE = layerTrace({
  experts: 4,
  k: 2,
  chosen: [
    [0, 1],
    [0, 2],
    [3, null],
  ],
});

describe('traffic', () => {
  it('counts devices and nodes of each token', () => {
    // Four devices with an expert each, in two nodes. Tokens go to devices 01, 02 and 3; nodes 0, 01 and 1.
    const place = { devices: 4, nodes: 2, layers: [contiguous(4, 4)] };
    const visits = countVisits(TRACE, 3, place.layers[0]!, place);
    expect(visits.slots).toBeCloseTo(5 / 3, 12);
    expect(visits.devices).toBeCloseTo(5 / 3, 12);
    expect(visits.nodes).toBeCloseTo(4 / 3, 12);
    expect([...visits.tokensAt].map((v) => v * 3)).toEqual([2, 1, 1, 1]);
    // Two devices: the first token needs one alone.
    const half = { devices: 2, nodes: 1, layers: [contiguous(4, 2)] };
    const two = countVisits(TRACE, 3, half.layers[0]!, half);
    expect(two.devices).toBeCloseTo(4 / 3, 12);
    expect([...two.slotsAt].map((v) => v * 3)).toEqual([3, 2]);
  });

  it('lets copies take turns', () => {
    const place = { devices: 2, nodes: 1, layers: [COPIED] };
    const layer = layerTrace({ experts: 3, k: 1, chosen: [[0], [0], [0], [1]] });
    expect([...countVisits(layer, 4, COPIED, place).slotsAt].map((v) => v * 4)).toEqual([3, 1]);
  });

  it.each([
    [4, 3.66],
    [8, 5.43],
  ])('expects an even load of 64 experts, top-8, on %i devices at %f of them', (devices, expected) => {
    const place = { devices, nodes: 1, layers: [contiguous(64, devices)] };
    const visits = expectVisits(new Float64Array(64).fill(100), 800, 8, place.layers[0]!, place);
    expect(visits.devices).toBeCloseTo(expected, 2);
    expect(visits.slots).toBe(8);
    expect(visits.nodes).toBeCloseTo(1, 9);
  });

  it('expects what is certain', () => {
    // Every token takes experts 0 and 1, which lie on one device.
    const place = { devices: 2, nodes: 2, layers: [contiguous(4, 2)] };
    const visits = expectVisits(Float64Array.of(7, 7, 0, 0), 7, 2, place.layers[0]!, place);
    expect(visits.devices).toBeCloseTo(1, 5);
    expect(visits.nodes).toBeCloseTo(1, 5);
  });

  it('expects of tokens whose slots were dropped that they go nowhere', () => {
    const dropped = Array.from({ length: 6 }, () => [null]);
    const place = { devices: 2, nodes: 2, layers: [contiguous(4, 2)] };
    const layer = layerTrace({ experts: 4, k: 1, chosen: [[0], [0], [3], [3], ...dropped] });
    const counted = countVisits(layer, 10, place.layers[0]!, place);
    const expected = expectVisits(Float64Array.of(2, 0, 0, 2), 10, 1, place.layers[0]!, place);
    for (const { slots, devices, nodes, tokensAt, slotsAt } of [counted, expected]) {
      for (const visits of [slots, devices, nodes]) expect(visits).toBeCloseTo(0.4, 12);
      for (const visits of [...tokensAt, ...slotsAt]) expect(visits).toBeCloseTo(0.2, 12);
    }
  });

  it('expects what is certain where all else was dropped', () => {
    const place = { devices: 2, nodes: 2, layers: [contiguous(4, 2)] };
    // Every token's second choice found no room; then either.
    const one = expectVisits(Float64Array.of(7, 0, 0, 0), 7, 2, place.layers[0]!, place);
    expect([one.slots, one.devices, one.nodes, ...one.tokensAt]).toEqual([1, 1, 1, 1, 0]);
    const none = expectVisits(new Float64Array(4), 7, 2, place.layers[0]!, place);
    expect([none.slots, none.devices, none.nodes, ...none.tokensAt]).toEqual([0, 0, 0, 0, 0]);
  });

  it('expects and counts alike when choices are independent', () => {
    // All 6 pairs of 4 experts once each.
    const chosen = [
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
      [2, 3],
    ];
    const place = { devices: 2, nodes: 2, layers: [contiguous(4, 2)] };
    const counted = countVisits(layerTrace({ experts: 4, k: 2, chosen }), 6, place.layers[0]!, place);
    const expected = expectVisits(new Float64Array(4).fill(3), 6, 2, place.layers[0]!, place);
    expect(counted.devices).toBeCloseTo(10 / 6, 12);
    expect(expected.devices).toBeCloseTo(10 / 6, 12);
  });
});

describe('exchange', () => {
  it('weighs a token as DeepEP does', () => {
    // DeepSeek-V3, H = 7168: 7168 + 224 + 16 there, 14336 back.
    expect(dispatchBytes(7168, 'fp8')).toBe(7408);
    expect(dispatchBytes(7168, 'bf16')).toBe(14352);
    expect(combineBytes(7168)).toBe(14336);
  });

  const visits = {
    slots: 8,
    devices: 4,
    nodes: 2,
    tokensAt: new Float64Array(8).fill(0.5),
    slotsAt: new Float64Array(8).fill(1),
  };
  const place = { devices: 8, nodes: 2, layers: [] };

  it('sends away what is not at home', () => {
    expect(transfers(visits, place, 'slot')).toEqual({ across: 4, within: 3 });
    expect(transfers(visits, place, 'device')).toEqual({ across: 2, within: 1.5 });
    expect(transfers(visits, place, 'node')).toEqual({ across: 1, within: 2.5 });
  });

  it('takes as long as the slower link of the busiest device', () => {
    const bytes = { dispatch: 100, combine: 300 };
    const links = { within: 1e6, across: 1e6, latencyWithin: 1, latencyAcross: 5 };
    // 10 tokens a device: 20 transfers across, at 100 and 300 bytes each, against 15 within; and twice the latency.
    expect(exchangeSeconds(visits, place, 'device', 10, bytes, links)).toBeCloseTo(0.008 + 10, 9);
    const uneven = { ...visits, tokensAt: Float64Array.of(1.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25) };
    expect(exchangeSeconds(uneven, place, 'device', 10, bytes, links)).toBeCloseTo(0.024 + 10, 9);
    expect(exchangeSeconds(visits, { ...place, devices: 1, nodes: 1 }, 'device', 10, bytes, links)).toBe(0);
  });
});

describe('placement files', () => {
  const layer = (expert: number[]): LayerPlacement => ({
    experts: 3,
    expert: Uint16Array.from(expert),
    device: Uint16Array.of(0, 0, 1, 1),
  });
  const placement = { devices: 2, nodes: 1, layers: [layer([2, 0, 1, 2]), layer([0, 0, 1, 2])] };
  const shape = { experts: 3, k: 1, chosen: [[0]] };
  // A dense layer between two with experts.
  const model = modelOf([layerTrace(shape), { ...layerTrace(shape), layer: 2 }], { layers: 3 });

  it('tells SGLang every layer of the model', () => {
    const { text, options } = sglangFile(placement, model);
    expect(JSON.parse(text)).toEqual({
      physical_to_logical_map: [
        [2, 0, 1, 2],
        [0, 1, 2, 0],
        [0, 0, 1, 2],
      ],
    });
    expect(options).toBe('--init-expert-location expert-location.json --ep-size 2 --ep-num-redundant-experts 1');
  });

  it('tells vLLM Ascend the experts of each device', () => {
    const { text, options } = vllmAscendFile(placement);
    expect(JSON.parse(text)).toEqual({
      moe_layer_count: 2,
      layer_list: [
        {
          layer_id: 0,
          device_count: 2,
          device_list: [
            { device_id: 0, device_expert: [2, 0] },
            { device_id: 1, device_expert: [1, 2] },
          ],
        },
        {
          layer_id: 1,
          device_count: 2,
          device_list: [
            { device_id: 0, device_expert: [0, 0] },
            { device_id: 1, device_expert: [1, 2] },
          ],
        },
      ],
    });
    expect(options).toContain('a device holds an expert twice');
  });

  it('says when engines could not start from it', () => {
    expect(unfitForEngines(placement)).toBeUndefined();
    expect(unfitForEngines({ devices: 2, nodes: 1, layers: [contiguous(3, 2)] })).toContain('every device');
    expect(unfitForEngines({ devices: 2, nodes: 1, layers: [contiguous(4, 2), contiguous(2, 2)] })).toContain('layer');
  });
});

describe('OLMoE’s published load on eight devices', () => {
  const { counts } = (
    JSON.parse(readFileSync(join(FIXTURES, 'paperCounts.json'), 'utf8')) as {
      olmoe: { counts: Record<string, Record<string, number[]>> };
    }
  ).olmoe;
  const github = Object.values(counts['github']!).map((c) => Float64Array.from(c));

  it('is mended by EPLB', () => {
    const shape = { replicas: 72, groups: 1, nodes: 1, devices: 8 };
    for (const load of github) {
      const before = overload(deviceLoads(contiguous(64, 8), load, 8));
      const after = overload(deviceLoads(balanced(load, shape), load, 8));
      expect(after).toBeLessThan(1.05);
      expect(after).toBeLessThan(before);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { offloadSection } from '../../../extension/analysis/sections/offload.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';

/** Five tokens, top-1 of 4. An expert has (1000 − 400) / 3 = 200 parameters of 4 bytes; the rest 200. */
const LAYER = layerTrace({ experts: 4, k: 1, chosen: [[0], [0], [1], [2], [0]] });

describe('the section on scarce memory', () => {
  it('replays caches and says what they fetch', () => {
    const { figures, verdict } = offloadSection.make(subject([LAYER]), { room: 2, bandwidth: 1 });
    const [hits, moved, keep] = figures;
    // LRU finds one of five, LFU two, and 0 and 1 serve four.
    expect(hits!.table.rows[1]).toEqual([2, 0.2, 0.4, 0.8]);
    // Misses of 800 bytes each, over five tokens; on the device 800 + 2·800.
    expect(moved!.table.rows[1]).toEqual([2, 2400, 640, 480, expect.closeTo(160, 9), expect.closeTo(160e-6, 12)]);
    expect(keep!.table.rows).toEqual([['L0', 0.8, 'E0 E1']]);
    expect(verdict).toContain('With 2 experts of each layer on the device (2.4 kB instead of 4 kB)');
  });

  it('says where the routing comes from', () => {
    const { figures } = offloadSection.make({ ...subject([LAYER]), source: 'recorded' }, { room: 2 });
    expect(figures.map(({ basis }) => basis)).toEqual(['simulated', 'simulated', 'recorded']);
  });

  it('keeps the hottest of another text, where there is one', () => {
    const other = subject([{ ...LAYER, chosen: LAYER.chosen.map((e) => 3 - e) }], { name: 'other' });
    const { figures } = offloadSection.make(subject([LAYER], { evidence: { other } }), { room: 1, from: 'other' });
    expect(figures.find(({ id }) => id === 'cache-keep')!.table.rows).toEqual([['L0', 0, 'E3']]);
  });

  it('replays nothing of counts', () => {
    const { trace, ...counts } = subject([LAYER]);
    expect(trace).toBeDefined();
    const { figures, lacking } = offloadSection.make(counts, { room: 2 });
    expect(lacking).toContain('LRU and LFU cannot be replayed');
    expect(figures[0]!.table.columns.map(({ label }) => label)).toEqual(['experts on the device', 'hottest kept']);
    expect(figures[0]!.table.rows[1]).toEqual([2, 0.8]);
  });
});

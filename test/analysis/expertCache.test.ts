import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hottestFirst, replayCache, staticHits } from '../../extension/analysis/expertCache.ts';
import { expertCounts } from '../../extension/analysis/load.ts';
import { layerTrace } from '../support/layerTrace.ts';

describe('replayCache', () => {
  it('replays by hand', () => {
    // 0 1 0 2 0 1: with room for two, LRU holds {0 1} {0 2} {0 1}: it misses 0, 1, 2 and the last 1.
    const layer = layerTrace({ experts: 3, k: 1, chosen: [[0], [1], [0], [2], [0], [1]] });
    const { accesses, tokens, hits } = replayCache(layer, 6, expertCounts(layer, 0, 6));
    expect([accesses, tokens]).toEqual([6, 6]);
    expect([...hits.lru]).toEqual([0, 0, 2, 3]);
    // 0 is used three times, 1 twice, 2 once.
    expect([...hits.static]).toEqual([0, 3, 5, 6]);
  });

  it('keeps what was used most, and of equals what was used last', () => {
    // 0 0 1 2 0, room for two: 2 drives 1 out of LFU's, since 0 was used twice, and 0 out of LRU's.
    const layer = layerTrace({ experts: 3, k: 1, chosen: [[0], [0], [1], [2], [0]] });
    const { hits } = replayCache(layer, 5, expertCounts(layer, 0, 5));
    expect(hits.lfu[2]).toBe(2);
    expect(hits.lru[2]).toBe(1);
  });

  it('hits as often as caches of every size that are replayed one by one', () => {
    const rows = fc.array(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 2, maxLength: 2 }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(rows, (chosen) => {
        const layer = layerTrace({ experts: 7, k: 2, chosen });
        const { hits, accesses } = replayCache(layer, chosen.length, expertCounts(layer, 0, chosen.length));
        for (let room = 1; room <= 7; room++) {
          expect(hits.lru[room]).toBe(simulate(chosen.flat(), room, 'lru'));
          expect(hits.lfu[room]).toBe(simulate(chosen.flat(), room, 'lfu'));
        }
        // What is never driven out is missed once.
        expect(hits.lru[7]).toBe(accesses - new Set(chosen.flat()).size);
        expect(hits.static[7]).toBe(accesses);
      }),
    );
  });
});

/** A cache of one size, as plainly as can be. */
function simulate(accesses: readonly number[], room: number, policy: 'lru' | 'lfu'): number {
  const held = new Set<number>();
  const last = new Map<number, number>();
  const uses = new Map<number, number>();
  let hits = 0;
  accesses.forEach((e, now) => {
    if (held.has(e)) hits += 1;
    else {
      if (held.size === room) {
        const rank = (x: number): number => (policy === 'lfu' ? uses.get(x)! * 1e6 : 0) + last.get(x)!;
        held.delete([...held].reduce((a, b) => (rank(b) < rank(a) ? b : a)));
      }
      held.add(e);
    }
    last.set(e, now);
    uses.set(e, (uses.get(e) ?? 0) + 1);
  });
  return hits;
}

describe('the static choice', () => {
  it('goes by another load than the one it serves, where it is told one', () => {
    expect([...staticHits(Float64Array.of(5, 1, 3), Float64Array.of(0, 9, 4))]).toEqual([0, 1, 4, 9]);
    expect(hottestFirst(Float64Array.of(2, 5, 2))).toEqual([1, 0, 2]);
  });
});

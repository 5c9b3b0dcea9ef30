/** Losses, ablations, outcomes and biases, by hand. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ablations, ablations } from '../../extension/analysis/ablation.ts';
import { cutInHalf, judgeBiases } from '../../extension/analysis/balanced.ts';
import { BiasFit } from '../../extension/analysis/biasFit.ts';
import { interventionText } from '../../extension/analysis/interventionText.ts';
import { lossByToken, suffering, textLoss } from '../../extension/analysis/lossChange.ts';
import { allLimited, outcomeOf } from '../../extension/analysis/outcome.ts';
import type { Intervention } from '../../extension/protocol/intervention.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { CROWD } from '../support/layers.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { subject } from '../support/subject.ts';

/** The crowd with probabilities of its tokens; nothing stands before the first. */
function traceOf(probabilities: readonly number[], layer = CROWD): RoutingTrace {
  const { trace } = subject([layer]);
  return { ...trace!, tokens: { ...trace!.tokens, logProb: Float32Array.from(probabilities, Math.log) } };
}

describe('the loss of a text', () => {
  it('is of the tokens that something stands before', () => {
    const { tokens, nats, perToken, perplexity } = textLoss(traceOf([NaN, 1 / 2, 1 / 4, 1 / 8]).tokens.logProb);
    expect(tokens).toBe(3);
    expect(nats).toBeCloseTo(6 * Math.LN2, 5);
    expect(perToken).toBeCloseTo(2 * Math.LN2, 5);
    expect(perplexity).toBeCloseTo(4, 5);
    expect(textLoss(Float32Array.of(NaN)).perToken).toBeNaN();
    expect(textLoss(traceOf([NaN, 1 / 2, 1 / 4, 1 / 8]).tokens.logProb, 2, 3).nats).toBeCloseTo(2 * Math.LN2, 5);
  });

  it('goes up where a token becomes less probable', () => {
    const loss = lossByToken(Float32Array.of(NaN, -1, -2, -1.5, -1), Float32Array.of(NaN, -3, -1, -3.5, -1));
    expect([...loss]).toEqual([NaN, 2, -1, 2, 0]);
    expect(suffering(loss, 10)).toEqual([1, 3]);
    expect(suffering(loss, 1)).toEqual([1]);
  });
});

describe('ablations', () => {
  it('are one for each expert of the layers', () => {
    const shapes = [CROWD, { ...CROWD, layer: 1, experts: 2 }];
    expect(ablations(shapes, [1])).toEqual([
      { masked: [{ layer: 1, expert: 0 }] },
      { masked: [{ layer: 1, expert: 1 }] },
    ]);
    expect(ablations(shapes, [0, 1])).toHaveLength(6);
  });

  it('are ranked by what the text loses', () => {
    const found = new Ablations(traceOf([NaN, 1 / 2, 1 / 2, 1 / 2]), 4);
    found.add({ layer: 0, expert: 1 }, Float32Array.from([NaN, 1 / 2, 1 / 2, 1 / 2], Math.log));
    found.add({ layer: 0, expert: 0 }, Float32Array.from([NaN, 1 / 2, 1 / 8, 1 / 4], Math.log));
    found.add({ layer: 0, expert: 2 }, Float32Array.from([NaN, 1, 1 / 2, 1 / 2], Math.log));
    const { experts, wanted, suffering: kept } = found.result;
    expect(wanted).toBe(4);
    expect(experts.map(({ expert }) => expert)).toEqual([0, 1, 2]);
    expect(experts[0]!.cost).toBeCloseTo(3 * Math.LN2, 5);
    expect(experts[2]!.cost).toBeCloseTo(-Math.LN2, 5);
    expect(experts.map(({ share }) => share)).toEqual([3 / 4, 0, 1 / 4]);
    expect(experts[0]!.worst.token).toBe(2);
    expect(experts[0]!.worst.loss).toBeCloseTo(2 * Math.LN2, 5);
    expect(kept[0]!.byToken[3]).toBeCloseTo(Math.LN2, 5);
  });

  it('count once, also where an engine that was started anew measures them again', () => {
    const found = new Ablations(traceOf([NaN, 1 / 2, 1 / 2, 1 / 2]), 4);
    const logProb = Float32Array.from([NaN, 1 / 2, 1 / 8, 1 / 4], Math.log);
    for (const expert of [0, 1, 0, 1]) found.add({ layer: 0, expert }, logProb);
    const { experts, suffering: kept } = found.result;
    expect([experts, kept].map((all) => all.map(({ expert }) => expert))).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });
});

describe('an outcome', () => {
  it('sets what was measured beside what is counted', () => {
    const limited = layerTrace({
      experts: 4,
      k: 1,
      chosen: [
        [0, 1],
        [1, 0],
        [null, 0],
        [2, 0],
      ],
    });
    const capacity = { factor: 1, policy: 'reroute' } as const;
    const before = traceOf([NaN, 1 / 2, 1 / 2, 1 / 2]);
    const after = traceOf([NaN, 1 / 2, 1 / 4, 1 / 2], limited);
    const outcome = outcomeOf(before, after, { capacity }, [{ layer: 0, dropped: 1, moved: 1 }]);
    const [layer] = outcome.layers;
    // C = 1: the second token moves to expert 1, where the third finds no room either.
    expect(layer!.limited).toEqual({ measured: { dropped: 1, moved: 1 }, counted: { dropped: 1, moved: 1 } });
    expect(allLimited(outcome)).toEqual(layer!.limited);
    expect([...layer!.counts]).toEqual([1, 1, 1, 0]);
    expect(layer!.maxVio.before).toBe(2);
    expect(layer!.maxVio.after).toBeCloseTo(1 / 3, 9);
    expect(layer!.stayed).toBe(2 / 4);
    expect(outcome.loss.after.nats - outcome.loss.before.nats).toBeCloseTo(Math.LN2, 5);
    const dropping = outcomeOf(before, after, { capacity: { factor: 1, policy: 'weight' } }, [
      { layer: 0, dropped: 2, moved: 0 },
    ]);
    expect(dropping.layers[0]!.limited!.counted).toEqual({ dropped: 2, moved: 0 });
    expect(allLimited(outcomeOf(before, before, { k: 1 }, []))).toBeUndefined();
  });

  it('tells what a limit of the model’s own drops, which the one that is asked for lifts', () => {
    // Of an own limit of one slot an expert: of three tokens that want expert 0 the first has room.
    const own = layerTrace({
      experts: 4,
      k: 1,
      chosen: [
        [0, 1],
        [null, 0],
        [null, 0],
        [2, 0],
      ],
    });
    const before = traceOf([NaN, 1 / 2, 1 / 2, 1 / 2], own);
    const after = traceOf([NaN, 1 / 2, 1 / 2, 1 / 2]);
    const intervention = { capacity: { factor: 4, policy: 'position' } } as const;
    const outcome = outcomeOf(before, after, intervention, [{ layer: 0, dropped: 0, moved: 0 }]);
    expect(allLimited(outcome)).toMatchObject({ measured: { dropped: 0 }, lifted: 2 });
    // Where there is no limit instead, it stays.
    expect(allLimited(outcomeOf(before, before, { temperature: 2 }, []))).toBeUndefined();
  });

  it('is not set beside what is counted without its other changes', () => {
    const before = traceOf([NaN, 1 / 2, 1 / 2, 1 / 2]);
    const limitedUnder = (more: Intervention) => {
      const intervention = { capacity: { factor: 1, policy: 'position' } as const, ...more };
      const outcome = outcomeOf(before, before, intervention, [{ layer: 0, dropped: 1, moved: 0 }]);
      expect(allLimited(outcome)).toEqual(outcome.layers[0]!.limited);
      return outcome.layers[0]!.limited;
    };
    const measured = { dropped: 1, moved: 0 };
    expect(limitedUnder({ temperature: 2 })).toEqual({ measured });
    expect(limitedUnder({ k: 2, layers: [0] })).toEqual({ measured });
    // C = 1: two of the three slots that want expert 0 find no room.
    expect(limitedUnder({ layers: [0] })).toEqual({ measured, counted: { dropped: 2, moved: 0 } });
  });

  it('has a name', () => {
    const layers = [CROWD, { ...CROWD, layer: 3 }];
    expect(interventionText({}, layers)).toBe('as it is');
    expect(interventionText({ capacity: { factor: 1.25, policy: 'weight' }, layers: [1] }, layers)).toBe(
      'capacity 1.25, the lightest dropped at L3',
    );
    expect(
      interventionText({ masked: [{ layer: 1, expert: 2 }], k: 2, temperature: 0.5, withoutShared: true }, layers),
    ).toBe('without L3 E2; k = 2; temperature 0.5; no shared expert');
  });
});

describe('biases', () => {
  /** Slots of tokens that choose the expert of the highest score with the bias. */
  const load = (scores: readonly (readonly number[])[], bias: Float32Array): Float64Array => {
    const counts = new Float64Array(bias.length);
    for (const row of scores) {
      const biased = row.map((s, e) => s + bias[e]!);
      counts[biased.indexOf(Math.max(...biased))]! += 1;
    }
    return counts;
  };
  const fitted = (scores: readonly (readonly number[])[], target: number): BiasFit => {
    const fit = new BiasFit(scores[0]!.length, target);
    while (fit.update(load(scores, fit.bias)));
    return fit;
  };

  it('are updated as loss-free balancing has it', () => {
    const fit = new BiasFit(4, 0);
    expect(fit.update(Float64Array.of(6, 2, 0, 0))).toBe(true);
    // The mean is 2: who has more falls, who has less rises, who has the mean stays.
    const [u] = fit.bias.map(Math.abs);
    expect([...fit.bias]).toEqual([-u!, 0, u, u]);
    fit.update(Float64Array.of(2, 4, 1, 1));
    expect(fit.bias[0]).toBe(-u!);
    expect(fit.bias[1]).toBe(-u!);
    expect(fit.bias[2]).toBeCloseTo(2 * u!, 6);
  });

  it('even out a load that they can even out', () => {
    // Every token likes expert 0 best, and each of the others a little less, in turn.
    const scores = Array.from({ length: 40 }, (_, t) =>
      Array.from({ length: 4 }, (_, e) => (e === 0 ? 0.9 : t % 4 === e ? 0.5 + t / 1000 : 0.1)),
    );
    const { bias, before, after } = fitted(scores, 0).result;
    expect(before).toBe(3);
    expect(after).toBe(0);
    expect([...load(scores, bias)]).toEqual([10, 10, 10, 10]);
  });

  it('stop at the target, and never make it worse', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }), {
          minLength: 5,
          maxLength: 60,
        }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (scores, target) => {
          const { bias, before, after, updates } = fitted(scores, target).result;
          expect(after).toBeLessThanOrEqual(before);
          expect(before).toBeCloseTo((Math.max(...load(scores, new Float32Array(5))) * 5) / scores.length - 1, 9);
          expect(after).toBeCloseTo((Math.max(...load(scores, bias)) * 5) / scores.length - 1, 9);
          if (before <= target) expect(updates).toBe(0);
        },
      ),
    );
  });

  it('leave what cannot be mended', () => {
    // All tokens are the same: one expert takes them, whichever it is.
    expect(
      fitted(
        Array.from({ length: 8 }, () => [0.5, 0.3, 0.2]),
        0,
      ).result,
    ).toMatchObject({ before: 2, after: 2 });
    const nothing = new BiasFit(3, 0.2);
    expect(nothing.update(new Float64Array(3))).toBe(false);
  });

  it('are judged on the text that they were not fitted on', () => {
    const before = traceOf([NaN, 1 / 2, 1 / 2, 1 / 4]);
    const even = layerTrace({ experts: 4, k: 1, chosen: [[0], [1], [2], [3]] });
    const after = traceOf([NaN, 1 / 2, 1 / 8, 1 / 8], even);
    const values = Float32Array.of(-1, 0, 0, 1);
    const { from, layers, loss } = judgeBiases([{ layer: 0, values, after: 0, updates: 5 }], 2, before, after);
    expect(from).toBe(2);
    // Of the last two tokens, one is at expert 0 and one at 2; then at 2 and 3.
    expect(layers[0]!.held).toEqual({ before: { maxVio: 1, gini: 0.5 }, after: { maxVio: 1, gini: 0.5 } });
    // The first two are both at expert 0, of 4.
    expect(layers[0]!.fitted).toEqual({ before: 3, after: 0, updates: 5 });
    expect(loss.before.tokens).toBe(2);
    expect(loss.after.nats - loss.before.nats).toBeCloseTo(3 * Math.LN2, 5);
  });

  it('are judged by the experts that tokens want, as they are fitted, not by those that a limit of the model’s own left', () => {
    // The first half took all the room of expert 0; one token of the second half wants it still, and with the bias both want 1.
    const before = layerTrace({
      experts: 2,
      k: 1,
      chosen: [
        [0, 1],
        [0, 1],
        [null, 0],
        [1, 0],
      ],
    });
    const after = layerTrace({
      experts: 2,
      k: 1,
      chosen: [
        [0, 1],
        [0, 1],
        [null, 1],
        [null, 1],
      ],
    });
    const bias = { layer: 0, values: Float32Array.of(-1, 1), after: 0, updates: 5 };
    const logProb = [NaN, 1 / 2, 1 / 2, 1 / 4];
    const { layers } = judgeBiases([bias], 2, traceOf(logProb, before), traceOf(logProb, after));
    expect(layers[0]!.held).toEqual({ before: { maxVio: 0, gini: 0 }, after: { maxVio: 1, gini: 0.5 } });
    expect(layers[0]!.fitted.before).toBe(1);
  });

  it('are fitted on half of a text, cut after a line if there is one', () => {
    expect(cutInHalf('abc\ndefgh')).toBe(4);
    expect(cutInHalf('abcdef\ngh')).toBe(4);
    expect(cutInHalf('abcdefghijkl\nmnopqrstuvwx')).toBe(13);
    expect(cutInHalf('a\nbcdefghijklmnopqrstuvwx')).toBe(12);
    expect(cutInHalf('abcdef')).toBe(3);
    // The middle of two emoji and a letter is in the midst of the second.
    expect(cutInHalf('a😀😀')).toBe(3);
    expect(cutInHalf('😀b😀b')).toBe(3);
    expect(cutInHalf('ab😀c')).toBe(2);
    expect(cutInHalf('a😀')).toBe(1);
    // White space before the text and after it is no part of its halves.
    expect(cutInHalf('    abcd')).toBe(6);
    expect(cutInHalf(`${'\n'.repeat(400)}abc\ndefgh\n`)).toBe(404);
    expect(cutInHalf(`abc\ndefgh${'\n'.repeat(400)}`)).toBe(4);
    for (const text of ['', 'a', '  a\n\n']) expect(() => cutInHalf(text)).toThrow('too short to be cut in two');
  });
});

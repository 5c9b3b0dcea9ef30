import { describe, expect, test } from 'vitest';
import {
  magnitudeStep,
  MAGNITUDE_STEPS,
  styleKey,
  styleOf,
  tinting,
  tintingBehind,
  type TintChoice,
} from '../../extension/host/tinting.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { routedTextOf } from './routedTextOf.ts';

const routed = routedTextOf({
  text: 'abcd',
  tokens: [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ],
  routed: 3,
  logProb: [NaN, 0, -Math.log(1000)],
  layers: [
    {
      layer: 0,
      experts: 4,
      k: 2,
      // Candidates: two chosen and a runner-up.
      slots: [
        [
          [2, 0.9],
          [0, 0.1],
          [1, 0],
        ],
        [
          [0, 0.6],
          [1, 0.4],
          [2, 0],
        ],
        [
          [NO_EXPERT, 0],
          [2, 1],
          [3, 0],
        ],
        [
          [0, 0],
          [0, 0],
          [0, 0],
        ],
      ],
      entropy: [0, Math.log(4) / 2, Math.log(4), 0],
      margin: [0.5, 0.25, NaN, 0],
    },
  ],
});

function styles(choice: Partial<TintChoice>): unknown[] {
  const keyOf = tinting(routed, { layer: 0, tint: 'expert', ...choice });
  return [0, 1, 2, 3].map((token) => {
    const key = keyOf(token);
    return key === undefined ? undefined : styleOf(key);
  });
}

function magnitude(index: number, emphasis = 'normal'): unknown {
  return { scale: 'magnitude', index, emphasis };
}

describe('tinting', () => {
  test('by the expert that weighs most; a dropped slot and what is not routed have none', () => {
    expect(styles({})).toEqual([
      { scale: 'expert', index: 2, emphasis: 'normal' },
      { scale: 'expert', index: 0, emphasis: 'normal' },
      undefined,
      undefined,
    ]);
  });

  test('by entropy, from none to that of an even choice', () => {
    expect(styles({ tint: 'entropy' })).toEqual([magnitude(0), magnitude(6), magnitude(11), undefined]);
  });

  test('by margin, up to 1/k', () => {
    expect(styles({ tint: 'margin' })).toEqual([magnitude(11), magnitude(6), undefined, undefined]);
  });

  test('by surprise, up to a blind guess', () => {
    expect(styles({ tint: 'surprise' })).toEqual([undefined, magnitude(0), magnitude(11), undefined]);
  });

  test('by the load of the chosen experts, up to three times the even share', () => {
    // Counts 2, 1, 2, 0 of 5: 1.6, 0.8, 1.6, 0 times the even share. Means 1.6, 1.2, 1.6 of 3, in twelfths.
    expect(styles({ tint: 'load' })).toEqual([magnitude(6), magnitude(4), magnitude(6), undefined]);
  });

  test("a highlighted expert's tokens stand out, whichever slot it has; the others step back", () => {
    expect(styles({ highlight: { layer: 0, expert: 0 } })).toEqual([
      { scale: 'expert', index: 0, emphasis: 'strong' },
      { scale: 'expert', index: 0, emphasis: 'strong' },
      undefined,
      undefined,
    ]);
    // A runner-up was not chosen.
    expect(styles({ highlight: { layer: 0, expert: 1 }, tint: 'entropy' })).toEqual([
      magnitude(0, 'back'),
      { scale: 'expert', index: 1, emphasis: 'strong' },
      magnitude(11, 'back'),
      undefined,
    ]);
  });

  test('an unknown layer tints nothing', () => {
    expect(styles({ layer: 7 })).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('stale tokens are never shown as current, highlighted or not', () => {
    const edited = routedTextOf({
      text: 'ab',
      tokens: [
        [0, 1],
        [1, 2],
      ],
      layers: [{ layer: 0, experts: 2, k: 1, slots: [[[0, 1]], [[0, 1]]], entropy: [0, 0], margin: [1, 1] }],
    });
    edited.edits.apply([{ offset: 1, removed: 0, inserted: 1 }], (from, to) => 'axb'.slice(from, to));
    const keyOf = tinting(edited, { layer: 0, tint: 'expert', highlight: { layer: 0, expert: 0 } });
    expect([0, 1].map((token) => styleOf(keyOf(token)!).emphasis)).toEqual(['strong', 'stale']);
  });
});

test('magnitudes outside [0, 1] count as the nearer end', () => {
  expect([-1, 0, 0.5, 1, 2].map(magnitudeStep)).toEqual([0, 0, 6, 11, 11]);
});

test('a style survives being a key', () => {
  for (const scale of ['expert', 'magnitude'] as const)
    for (const emphasis of ['normal', 'strong', 'back', 'stale'] as const)
      for (const index of [0, 1, MAGNITUDE_STEPS - 1, 255])
        expect(styleOf(styleKey({ scale, index, emphasis }))).toEqual({ scale, index, emphasis });
});

test('the text before an edit stands in behind what is routed again, dimmed', () => {
  const { edits } = routed;
  const keyOf = tintingBehind(routed, 1, { layer: 0, tint: 'expert' });
  const styles = [0, 1, 2, 3].map((token) => keyOf(token)).map((key) => (key === undefined ? key : styleOf(key)));
  expect(edits.edited).toBe(false);
  // Token 0 stands before, 2 went to nobody, 3 never had routing.
  expect(styles).toEqual([undefined, { scale: 'expert', index: 0, emphasis: 'stale' }, undefined, undefined]);
});

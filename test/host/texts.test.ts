import { describe, expect, test } from 'vitest';
import { magnitudeColor } from '../../extension/analysis/palette.ts';
import { partialSentence, progressLabel } from '../../extension/host/progressText.ts';
import { hottestText, legendMarkdown } from '../../extension/host/statusText.ts';
import { tintDecoration, withAlpha } from '../../extension/host/tintDecoration.ts';

const load = {
  layer: 3,
  experts: 4,
  k: 1,
  candidates: 1,
  counts: Float64Array.of(1, 5, 0, 2),
  meanEntropy: 1,
  meanMargin: 0.5,
};

describe('progress', () => {
  const progress = { run: 1, done: 0, total: 0 };

  test('names the stage, and how far it is where that is known', () => {
    expect(progressLabel({ ...progress, stage: 'import' }, 'mix')).toBe('Preparing mix for its first use');
    expect(progressLabel({ ...progress, stage: 'import', done: 5e8, total: 2.6e9 }, 'mix')).toBe(
      'Preparing mix for its first use: 500 of 2,600 MB',
    );
    expect(progressLabel({ ...progress, stage: 'load' }, 'mix')).toBe('Loading mix');
    expect(progressLabel({ ...progress, stage: 'tokenize' }, 'mix')).toBe('Splitting the text into tokens');
    expect(progressLabel({ ...progress, stage: 'route' }, 'mix')).toBe('Routing');
    expect(progressLabel({ ...progress, stage: 'route', done: 1024, total: 4096 }, 'mix')).toBe(
      'Routing 1,024 of 4,096 tokens',
    );
  });

  test('a run that ended early says what it leaves', () => {
    expect(partialSentence('cancelled', 1200, 5000)).toBe(
      'Stopped after 1,200 of 5,000 tokens: the figures are of these alone.',
    );
    expect(partialSentence('engine-gone', 0, 5)).toMatch(/^The run broke off after 0 of 5 tokens/u);
    expect(partialSentence('cancelled', 5, 5)).toBeUndefined();
  });
});

describe('legend', () => {
  test('names the hottest expert', () => {
    expect(hottestText(load)).toBe('E1 62.5 %');
    expect(hottestText({ ...load, counts: new Float64Array(4) })).toBeUndefined();
  });

  test('of experts lists them by load', () => {
    const text = legendMarkdown('expert', load, 1000, 'vivid', 'dark');
    expect(text).toMatch(/^Tint: top expert at L3\n/u);
    expect(text.match(/E\d+ [\d.]+ %/gu)).toEqual(['E1 62.5 %', 'E3 25.0 %', 'E0 12.5 %', 'E2 0.0 %']);
  });

  test('lists no experts before anything is routed', () => {
    const nothing = { ...load, counts: new Float64Array(4) };
    expect(legendMarkdown('expert', nothing, 1000, 'vivid', 'dark')).toBe('Tint: top expert at L3');
  });

  test('of many experts counts the rest', () => {
    const many = { ...load, experts: 64, counts: new Float64Array(64).fill(1) };
    const text = legendMarkdown('expert', many, 1000, 'vivid', 'dark');
    expect(text.match(/E\d+/gu)).toHaveLength(8);
    expect(text).toMatch(/and 56 more$/u);
  });

  test('of a magnitude shows its scale', () => {
    expect(legendMarkdown('entropy', load, 1000, 'vivid', 'dark')).toMatch(/ 1\.39 nats and above$/u);
    expect(legendMarkdown('load', load, 1000, 'vivid', 'dark')).toMatch(/ 3\.00× the even share and above$/u);
    expect(legendMarkdown('surprise', load, 1000, 'vivid', 'dark')).toMatch(/ 6\.91 nats and above$/u);
  });
});

describe('decorations', () => {
  test('opacity goes into the colour', () => {
    expect(withAlpha('#102030', 0)).toBe('#10203000');
    expect(withAlpha('#102030', 0.5)).toBe('#10203080');
    expect(withAlpha('#102030', 1)).toBe('#102030ff');
  });

  test('a magnitude has the colour of its step', () => {
    const { borderColor } = tintDecoration({ scale: 'magnitude', index: 11, emphasis: 'strong' }, 'vivid', 'light');
    expect(borderColor).toBe(`${magnitudeColor(11.5 / 12, 'light')}ff`);
  });

  test('what steps back or is stale has no fill; no state is the same as another', () => {
    const looks = (['normal', 'strong', 'back', 'stale'] as const).map((emphasis) =>
      tintDecoration({ scale: 'expert', index: 3, emphasis }, 'vivid', 'dark'),
    );
    expect(looks.map((look) => look.backgroundColor !== undefined)).toEqual([true, true, false, false]);
    expect(new Set(looks.map((look) => JSON.stringify(look))).size).toBe(4);
  });
});

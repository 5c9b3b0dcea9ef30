import { describe, expect, it } from 'vitest';
import { correlation, median, quantile } from '../../../extension/analysis/latency.ts';
import { costSection, profileChoice } from '../../../extension/analysis/sections/cost.ts';
import { PROFILE_PARTS, type ModelProfile, type ProfilePart } from '../../../extension/protocol/profile.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { modelOf, subject } from '../../support/subject.ts';

const LAYER = layerTrace({ experts: 4, k: 1, chosen: [[0], [1]] });
const parts = (times: Partial<Record<ProfilePart, number>>): Record<ProfilePart, number> => ({
  ...(Object.fromEntries(PROFILE_PARTS.map((part) => [part, 0])) as Record<ProfilePart, number>),
  ...times,
});

const PROFILE: ModelProfile = {
  model: modelOf([LAYER]),
  batches: [
    { tokens: 1, passes: 3, milliseconds: [2, 1, 9], parts: parts({ router: 1, experts: 6, mixers: 3 }), experts: 1 },
    { tokens: 8, passes: 3, milliseconds: [4, 4, 4], parts: parts({ router: 1, experts: 19 }), experts: 4 },
  ],
  steps: { milliseconds: Float64Array.of(1, 2, 3), experts: Uint32Array.of(1, 1, 1), fresh: Uint32Array.of(0, 1, 2) },
  notes: ['A note.'],
};

describe('the section on cost', () => {
  it('offers to measure before anything is', () => {
    const { controls, figures, lacking } = costSection.make(subject([LAYER]), {});
    expect(controls.find(({ kind }) => kind === 'action')).toMatchObject({ id: 'measure', primary: true });
    expect(figures).toEqual([]);
    expect(lacking).toContain('Nothing is measured yet');
  });

  it('offers no measurement of a model that a server ran', () => {
    const { controls, lacking } = costSection.make(subject([LAYER], { model: { folder: '' } }), {});
    expect(controls).toEqual([]);
    expect(lacking).toContain('A server ran the model');
  });

  it('offers no measurement of what no editor shows', () => {
    const { controls, lacking } = costSection.make({ ...subject([LAYER]), detached: true }, {});
    expect(controls).toEqual([]);
    expect(lacking).toContain('open this text');
  });

  it('sets the router’s share beside the reported one', () => {
    const { figures, verdict, lacking } = costSection.make(subject([LAYER], { evidence: { profile: PROFILE } }), {});
    const { rows } = figures[0]!.table;
    expect(rows[0]).toEqual(['router', 0.1, 1, 0.05, 1]);
    expect(rows.at(-1)).toEqual(['router, as reported', 0.08, null, 0.08, null]);
    expect(verdict).toContain('where 8.0\u202f% is reported');
    expect(figures[1]!.table.rows).toEqual([
      [1, 3, 2, 2, 500, 1],
      [8, 3, 4, 0.5, 2000, 4],
    ]);
    expect(lacking).toBe('A note.');
  });

  it('gives a tail only of so many steps that it is not the slowest alone', () => {
    const told = (steps: number) => {
      // 1 to n milliseconds.
      const milliseconds = Float64Array.from({ length: steps }, (_, i) => i + 1);
      const none = new Uint32Array(steps);
      const profile = { ...PROFILE, steps: { milliseconds, experts: none, fresh: none } };
      const { verdict, figures } = costSection.make(subject([LAYER], { evidence: { profile } }), {});
      return { verdict, rows: figures.find(({ id }) => id === 'cost-latency')!.table.rows };
    };
    const [some, most] = [told(99), told(100)];
    expect(some.verdict).toContain('50.0\u202fms in the median and 99.0\u202fms at most.');
    // At 0.95 of 98 steps up from 1.
    expect(some.rows.slice(1, 4)).toEqual([
      ['p95', expect.closeTo(94.1, 9)],
      ['p99', null],
      ['longest', 99],
    ]);
    expect(most.verdict).toContain('50.5\u202fms in the median and 99.0\u202fms at p99.');
    expect(most.rows[2]).toEqual(['p99', expect.closeTo(99.01, 9)]);
  });

  it('gives percentiles, and what of the jitter goes with fresh experts', () => {
    const { figures } = costSection.make(subject([LAYER], { evidence: { profile: PROFILE } }), {});
    const latency = figures.find(({ id }) => id === 'cost-latency')!;
    expect(latency.table.rows.slice(0, 3)).toEqual([
      ['p50', 2],
      ['p95', null],
      ['p99', null],
    ]);
    const { text } = figures.find(({ id }) => id === 'cost-jitter')!;
    expect(text).toContain('always 1 and explain nothing');
    expect(text).toContain('explain 100.0\u202f% of the variance');
  });

  it('asks the engine for what the user set, and for nothing that is none', () => {
    expect(profileChoice({ batches: '1,8,64,512', generate: 8 })).toEqual({ batches: [1, 8, 64, 512], generate: 8 });
    expect(profileChoice({ batches: '0,-1', generate: -3 })).toEqual({ batches: [1, 16, 128], generate: 32 });
  });
});

it('quantiles and correlation are those of the books', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(quantile(Float64Array.of(1, 2, 3, 4), 0.5)).toBe(2.5);
  expect(quantile(new Float64Array(), 0.5)).toBeNaN();
  expect(correlation([1, 2, 3], [6, 4, 2])).toBeCloseTo(-1, 12);
  expect(correlation([1, 2, 3], [1, 1, 1])).toBeNaN();
  // Deviations −1, 0, 1 and −1, 1, 0: 1 / √(2·2).
  expect(correlation([1, 2, 3], [1, 3, 2])).toBeCloseTo(0.5, 12);
});

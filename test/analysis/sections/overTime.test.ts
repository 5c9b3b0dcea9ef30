import { expect, it } from 'vitest';
import { overTimeSection } from '../../../extension/analysis/sections/overTime.ts';
import { subjectOfCounts } from '../../../extension/analysis/sections/subject.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';

const { model } = subject([layerTrace({ experts: 2, k: 1, chosen: [[0]] })]);
const shape = { layer: 3, experts: 4, k: 1, candidates: 1 };

function recorded(steps: readonly (readonly number[])[]) {
  const counts = Float64Array.from([0, 1, 2, 3], (_, e) => steps.reduce((sum, step) => sum + step[e]!, 0));
  const loads = [{ shape, counts }];
  return subjectOfCounts('dump', { name: '', model, loads, steps: [Float64Array.from(steps.flat())] });
}

it('shows the imbalance of each step, and who is hottest when', () => {
  const { figures, verdict } = overTimeSection.make(
    recorded([
      [8, 0, 0, 0],
      [2, 2, 2, 2],
      [0, 4, 4, 8],
    ]),
    {},
  );
  const [maxVio, heat] = figures;
  // max c / mean c − 1: 8/2 − 1, 2/2 − 1, 8/4 − 1.
  expect(maxVio!.table.rows).toEqual([
    ['0', 3],
    ['1', 0],
    ['2', 1],
  ]);
  expect(heat!.table.rows[2]).toEqual(['2', 0, 1, 1, 2]);
  expect(verdict).toMatch(/25\.0\s% to 100\.0\s%/);
  expect(verdict).toContain('changes: E0, E3');
});

it('puts many steps together', () => {
  const { figures, verdict } = overTimeSection.make(recorded(Array.from({ length: 600 }, () => [3, 1, 0, 0])), {});
  const { rows } = figures[0]!.table;
  expect(rows).toHaveLength(60);
  expect(rows[0]).toEqual(['0–9', 2]);
  expect(rows.at(-1)![0]).toBe('590–599');
  expect(verdict).toContain('is E0 throughout');
});

it('a stretch without slots has no figures', () => {
  const { figures } = overTimeSection.make(
    recorded([
      [0, 0, 0, 0],
      [1, 0, 0, 0],
    ]),
    {},
  );
  expect(figures[0]!.table.rows[0]).toEqual(['0', null]);
});

it('says so of a layer that routed nothing', () => {
  const nothing = [0, 0, 0, 0];
  const { figures } = overTimeSection.make(recorded([nothing, nothing]), {});
  expect(figures[0]!.text).toBe('L3 routed nothing.');
});

it('says what a recording without steps lacks', () => {
  expect(overTimeSection.make(recorded([[1, 1, 1, 1]]), {})).toMatchObject({
    lacking: expect.stringContaining('Record a Server’s Load…') as string,
    figures: [],
  });
});

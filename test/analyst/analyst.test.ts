import { expect, it } from 'vitest';
import { Analyst } from '../../extension/analyst/analyst.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { subject } from '../support/subject.ts';

it('does not tell which tokens are the lightest where no weights are known', () => {
  const analyst = new Analyst();
  // C = ⌈3/2⌉ = 2: one of the three is dropped, and nothing tells which.
  const layer = layerTrace({ experts: 2, k: 1, chosen: [[0], [0], [0]], weight: [[NaN], [NaN], [NaN]] });
  analyst.take('text', subject([layer]));
  const limit = { factor: 1, policy: 'weight' } as const;
  expect(analyst.answer('text', { kind: 'dropped', limit })).toEqual([{ capacity: 2 }]);
  expect(analyst.answer('text', { kind: 'fate', limit, token: 2 })).toEqual([[]]);
  const latest = { ...limit, policy: 'position' } as const;
  expect(analyst.answer('text', { kind: 'dropped', limit: latest })).toMatchObject([
    { capacity: 2, dropped: Uint8Array.of(0, 0, 1) },
  ]);
});

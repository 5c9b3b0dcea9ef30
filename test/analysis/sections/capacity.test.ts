import { expect, it } from 'vitest';
import { capacitySection } from '../../../extension/analysis/sections/capacity.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';

it('does without runners-up, whoever did not tell them', () => {
  // Top-1 of 2, and nothing behind it: as a server answers.
  const { lacking } = capacitySection.make(subject([layerTrace({ experts: 2, k: 1, chosen: [[0], [1]] })]), {});
  expect(lacking).toBe('Re-routing takes the runners-up, which are not known here.');
});

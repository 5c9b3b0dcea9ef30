import { expect, it } from 'vitest';
import { expertSection } from '../../../extension/analysis/sections/expert.ts';
import { subjectOf } from '../../../extension/analysis/sections/subject.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { modelOf } from '../../support/subject.ts';

it('counts all token ids that an expert owns, of which it lists the surest', () => {
  // 40 ids, each met ten times in turn, all of them with expert 1.
  const ids = Int32Array.from({ length: 400 }, (_, t) => t % 40);
  const start = Uint32Array.from(ids.keys());
  const layers = [layerTrace({ experts: 2, k: 1, chosen: Array.from(ids, () => [1]) })];
  const trace = {
    tokens: { ids, start, end: start.map((t) => t + 1), logProb: new Float32Array(400) },
    layers,
    windows: Uint32Array.of(0),
    routed: 400,
    origin: { model: modelOf(layers), source: 'measured' as const },
  };
  const { figures } = expertSection.make(subjectOf('text', trace, 'x'.repeat(400)), { expert: '1' });
  const vocabulary = figures.find(({ id }) => id === 'expert-vocabulary')!;
  // The first id follows another nine times alone, which is too seldom.
  expect(vocabulary.text).toBe('It owns 40 token ids; 39 follow its tokens.');
  expect(vocabulary.table.rows).toHaveLength(24);
});

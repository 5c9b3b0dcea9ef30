/** The published counts that come with the extension, against figures worked out from them apart from this code. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { balance } from '../../extension/analysis/balance.ts';
import { capacityCurve } from '../../extension/analysis/capacity.ts';
import { specialisation } from '../../extension/analysis/folder/specialisation.ts';
import { subjectsOfCounts } from '../../extension/analysis/recordedKinds.ts';
import { makeSection, SECTIONS } from '../../extension/analysis/sections/all.ts';
import { recordingOf } from '../../extension/formats/recording.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { ROOT } from '../support/reference.ts';
import { expectSound } from '../support/soundSection.ts';

const recording = recordingOf(
  readFileSync(join(ROOT, 'media/recordings/olmoe-paper-counts.json')),
  'olmoe-paper-counts',
);
if (recording.kind !== 'counts') throw new Error('these are counts');
const subjects = subjectsOfCounts('olmoe-paper-counts', recording.counts);
const named = (name: string): (typeof subjects)[number] => subjects.find((subject) => subject.name === name)!;
const OLMOE = 'OLMoE-1B-7B';
const MIXTRAL = 'Mixtral-8x7B';

describe('published counts', () => {
  it('are of the layers that were recorded, of a model of which nothing else is known', () => {
    const { verdict, figures } = makeSection('work', named(`${OLMOE}, 5 kinds of text`), {})!;
    expect(verdict).toContain('Recorded layers: 0, 7, 15.');
    const layers = figures.find(({ id }) => id === 'work-layers')!;
    expect(layers.table.rows.map((row) => row.slice(0, 4))).toEqual(
      ['L0', 'L7', 'L15'].map((label) => [label, 'experts', 64, 8]),
    );
    expect(layers.text).toMatch(/^3 recorded layers;/);
  });

  it('are a subject for each model with its kinds of text, and one for each kind', () => {
    expect(subjects.map(({ name }) => name).slice(0, 3)).toEqual([
      `${OLMOE}, 5 kinds of text`,
      `${MIXTRAL}, 5 kinds of text`,
      `${OLMOE}, arxiv`,
    ]);
    expect(subjects).toHaveLength(12);
    expect(named(`${OLMOE}, 5 kinds of text`).domains!.map(({ name }) => name)).toEqual([
      'arxiv',
      'book',
      'c4',
      'github',
      'wikipedia',
    ]);
  });

  it.each([
    [
      OLMOE,
      'github',
      [
        [0.078, 4.01, 0.126],
        [0.096, 5.16, 0.375],
        [0.07, 3.51, 0.352],
      ],
    ],
    [
      OLMOE,
      'c4',
      [
        [0.047, 2.02, 0.04],
        [0.042, 1.66, 0.065],
        [0.039, 1.5, 0.113],
      ],
    ],
    [
      OLMOE,
      'wikipedia',
      [
        [0.097, 5.18, 0.192],
        [0.106, 5.78, 0.247],
        [0.073, 3.65, 0.445],
      ],
    ],
    [
      MIXTRAL,
      'github',
      [
        [0.162, 0.3, 0.006],
        [0.156, 0.25, 0],
        [0.166, 0.33, 0.01],
      ],
    ],
    [
      MIXTRAL,
      'c4',
      [
        [0.14, 0.12, 0],
        [0.135, 0.08, 0],
        [0.141, 0.12, 0],
      ],
    ],
  ] as const)('%s on %s: largest share, MaxVio, drop at a capacity factor of 1.25', (model, kind, expected) => {
    const { loads } = named(`${model}, ${kind}`);
    expect(loads).toHaveLength(3);
    for (const [i, { counts }] of loads.entries()) {
      const [share, maxVio, drop] = expected[i]!;
      const b = balance(counts);
      expect(b.shares[b.hottest]).toBeCloseTo(share, 3);
      expect(b.maxVio).toBeCloseTo(maxVio, 2);
      expect(b.dead).toEqual([]);
      // A slot a token: the counts are all that matters to the number of drops, and the ceiling is one slot of thousands.
      const chosen = Array.from(counts).flatMap((c, e) => new Array<number[]>(Math.round(c / 100)).fill([e]));
      const [point] = capacityCurve([layerTrace({ experts: counts.length, k: 1, chosen })], chosen.length, [1.25]);
      expect(point!.total.dropped / point!.total.slots).toBeCloseTo(drop, 2);
    }
  });

  it('have experts of kinds of text in OLMoE, and next to none in Mixtral', () => {
    // 204,013 of the 1,671,168 / 8 = 208,896 tokens of arXiv go to expert 0 of OLMoE's first layer; of books 1,215.
    const { domains } = named(`${OLMOE}, 5 kinds of text`);
    const of = (domain: number): number => specialisation(domains![domain]!, 0, 0, 64)[0]!;
    expect(of(0)).toBeCloseTo(204_013 / 208_896, 6);
    expect(of(1)).toBeCloseTo(1_215 / 208_896, 6);
    const verdict = (model: string): string =>
      makeSection('specialisation', named(`${model}, 5 kinds of text`), {})!.verdict!;
    expect(verdict(OLMOE)).toMatch(
      /^E0 of L0 is chosen for 97\.7\s% of the tokens of arxiv; of github, the next one, for 15\.5\s%/,
    );
    // Σ p·log₂(p/q) / 5 over experts and kinds, q the mean of the kinds' shares p, is largest in the last layer of each.
    expect(verdict(OLMOE)).toContain('share 0.501 of at most 2.32 bits at L15');
    expect(verdict(MIXTRAL)).toContain('share 0.009 of at most 2.32 bits at L31');
  });

  it.each(SECTIONS.map(({ id }) => id))('stand in the section %s', (id) => {
    for (const subject of subjects.slice(0, 3)) expectSound(makeSection(id, subject, {})!);
  });
});

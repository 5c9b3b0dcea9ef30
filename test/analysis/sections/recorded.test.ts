/** Every section of a report on what others recorded: expert ids without weights, and counts without tokens. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeSection, SECTIONS } from '../../../extension/analysis/sections/all.ts';
import { subjectOf, subjectOfCounts, type Subject } from '../../../extension/analysis/sections/subject.ts';
import { subjectsOfCounts } from '../../../extension/analysis/recordedKinds.ts';
import { reportJson } from '../../../extension/analysis/export/json.ts';
import { reportOf } from '../../../extension/analysis/export/report.ts';
import { readPublishedCounts, readReportCounts } from '../../../extension/formats/countsTable.ts';
import type { JsonObject } from '../../../extension/formats/json.ts';
import { arraysRecording } from '../../../extension/formats/recordedIds.ts';
import { readRecording } from '../../../extension/formats/recording.ts';
import type { Section } from '../../../extension/protocol/report.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { FIXTURES } from '../../support/reference.ts';

const answer = await readRecording(join(FIXTURES, 'recordings/vllm-0.27.1.json'));
const dump = await readRecording(join(FIXTURES, 'recordings/sglang-stat.pt'));
if (answer.kind !== 'trace' || dump.kind !== 'counts') throw new Error('the fixtures are others');

const SUBJECTS: readonly (readonly [string, Subject])[] = [
  ['an answer of vLLM', subjectOf('answer', answer.trace, answer.text)],
  ['a dump of SGLang', subjectOfCounts('dump', dump.counts[0])],
];

describe.each(SUBJECTS)('%s', (_, subject) => {
  it.each(SECTIONS.map(({ id }) => id))(
    'section %s has figures or says what is lacking, and no number that is none',
    (id) => {
      const section = makeSection(id, subject, {})!;
      expect(section.figures.length > 0 || section.lacking !== undefined).toBe(true);
      // A reader sees sentences and tables; in charts what is unknown is null.
      const seen = JSON.stringify([
        section.verdict,
        section.lacking,
        section.figures.map(({ text, table }) => [text, table]),
      ]);
      expect(seen).not.toMatch(/NaN|undefined|Infinity/);
    },
  );
});

describe('counts that do not tell how many experts a token goes to', () => {
  // 2 layers of 4 experts: nobody knows whether these are 20 tokens of one expert or 10 of two.
  const rows = { shape: [2, 4], values: Int32Array.of(8, 4, 4, 4, 5, 5, 5, 5) };
  const recording = arraysRecording(new Map([['counts', rows]]), 'tiny');
  if (recording.kind !== 'counts') throw new Error('it is a trace');
  const subject = subjectOfCounts('counts', recording.counts[0]);
  const section = (id: string): Section => makeSection(id, subject, {})!;
  const lacking = 'How many experts a token goes to is not recorded';

  it('say nothing of what a batch of tokens touches', () => {
    expect(section('memory')).toMatchObject({ lacking: expect.stringContaining(lacking) as string, figures: [] });
  });

  it('place experts by their load, and say nothing of where a token goes', () => {
    const { lacking: said, figures } = section('placement');
    expect(said).toContain(lacking);
    expect(figures.map(({ id }) => id)).toEqual(['placement-overload', 'placement-devices', 'placement-by-layer']);
  });

  it('leave out how many experts do the work of a token', () => {
    const [layers] = section('work').figures;
    expect(layers!.table.rows.map((row) => [row[2], row[3], row[4]])).toEqual([
      [4, null, 4],
      [4, null, 4],
    ]);
  });

  it('tell kinds of text apart by their share of the load, not of the tokens', () => {
    const counts = { code: { 0: [900, 600] }, prose: { 0: [300, 1200] } };
    const [together] = subjectsOfCounts('counts.json', readPublishedCounts({ tiny: { counts } }));
    const { verdict, lacking: said, controls, figures } = makeSection('specialisation', together!, {})!;
    // H(0.4, 0.6) of all − mean of both entropies: 0.9710 − 0.8464, less 1 / (2 · 3000 · ln 2); both kinds are as long: 1 bit.
    expect(verdict).toBe(
      'The kind of text and the expert share 0.124 of at most 1.00 bits at L0, where they share most.',
    );
    expect(said).toContain(lacking);
    const shown = controls.find(({ id }) => id === 'measure');
    expect(shown?.kind === 'choice' && shown.options.map(({ value }) => value)).toEqual(['times', 'share']);
    // 900 and 300 of 1500 where 750 would be even.
    expect(figures[0]!.table.rows[0]).toEqual(['E0', 1.2, 0.4]);
    expect(figures[0]!.help.meaning).not.toContain('tokens');
    expect(figures.map(({ id }) => id)).not.toContain('specialists');
    const routed = figures.find(({ id }) => id === 'domains')!;
    expect(routed.text).toBe('3,000 slots of 2 kinds.');
    expect(routed.table.columns.map(({ label }) => label)).toContain('slots');
    const expert = makeSection('expert', together!, {})!.figures.map(({ id }) => id);
    expect(expert).toEqual(['expert-place']);
  });

  it('tell kinds of text apart, however much was counted', () => {
    // Five thousand million do not fit into 32 bits.
    const counts = { web: { 0: [5e9, 1e9] }, code: { 0: [1e9, 5e9] } };
    const [together] = subjectsOfCounts('counts.json', readPublishedCounts({ tiny: { counts } }));
    const { figures } = makeSection('specialisation', together!, {})!;
    // Of six thousand million five and one, where three would be even.
    expect(figures[0]!.table.rows.map((row) => row.slice(1).map((n) => Number(n).toFixed(3)))).toEqual([
      ['1.667', '0.333'],
      ['0.333', '1.667'],
    ]);
    expect(figures.find(({ id }) => id === 'domains')!.text).toBe('12,000,000,000 slots of 2 kinds.');
  });

  it('still do not in a report that is read again', () => {
    const report: unknown = JSON.parse(reportJson(reportOf(subject)));
    const [again] = readReportCounts([report as JsonObject]);
    expect(again!.loads.map(({ shape }) => shape.kUnknown)).toEqual([true, true]);
    expect(again!.model.note).toBe('Experts per token are not recorded: each slot counts as a token.');
  });
});

describe('an answer of vLLM, in which nothing stands of weights,', () => {
  const [, subject] = SUBJECTS[0]!;
  const section = (id: string): Section => makeSection(id, subject, {})!;

  it('has no certainty, and says why', () => {
    const { verdict, lacking, figures } = section('certainty');
    expect(verdict).toBeUndefined();
    expect(lacking).toContain('which the engine did not return');
    expect(figures).toEqual([]);
  });

  it('has slots that a capacity limit drops, and no weights that go with them', () => {
    const { verdict, figures } = section('capacity');
    expect(verdict).toMatch(/of the slots are dropped, and \d+\.\d.% of the room stays empty\./u);
    expect(figures.map(({ id }) => id)).toEqual(['capacity-curve', 'capacity-layers', 'capacity-depth']);
  });

  it('does not tell which slots are the lightest', () => {
    const said = (policy: string): string => makeSection('capacity', subject, { policy })!.verdict!;
    expect(said('weight')).toMatch(/of the slots are dropped.* Which are the lightest is not known here\.$/u);
    expect(said('position')).not.toContain('lightest');
  });

  it('has depth in what was chosen alone', () => {
    const { figures } = section('depth');
    expect(figures.map(({ id }) => id)).toEqual(['explained-by-depth', 'agreement-of-layers']);
  });
});

it('says how many slots a model with a capacity of its own had dropped, and counts what a limit does to the others', () => {
  const layer = layerTrace({ experts: 2, k: 1, chosen: [[0], [0], [null], [1]], entropy: [0, 0, 0, 0] });
  const subject = subjectOf('switch', { ...answer.trace, layers: [layer], routed: 4 }, undefined);
  const { verdict, lacking } = makeSection('capacity', subject, { factor: 1 })!;
  expect(verdict).toMatch(/ 0\.0.% of the slots are dropped/u);
  expect(lacking).toContain('1 of 4 slots had been dropped by the model itself');
});

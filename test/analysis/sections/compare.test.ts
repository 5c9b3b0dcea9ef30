import { expect, it } from 'vitest';
import { tableCsv } from '../../../extension/analysis/export/csv.ts';
import { compareSection } from '../../../extension/analysis/sections/compare.ts';
import { subjectOf, type Subject } from '../../../extension/analysis/sections/subject.ts';
import type { Figure, Parameters, Section } from '../../../extension/protocol/report.ts';
import type { RoutingTrace } from '../../../extension/protocol/trace.ts';
import { folderTrace } from '../../support/folderTrace.ts';
import { expectSound } from '../../support/soundSection.ts';
import { demoTrace } from '../../webview/demoTrace.ts';

function subject(
  model: 'balanced' | 'collapsed',
  file = 'essay.md',
  change: (t: RoutingTrace) => RoutingTrace = (t) => t,
): Subject {
  const { trace, text } = demoTrace(model, file);
  return subjectOf(file, change(trace), text.join(''));
}

function compared(a: Subject, other: Subject, set: Parameters = {}): Omit<Section, 'id' | 'title'> {
  const made = compareSection.make({ ...a, evidence: { other } }, set);
  expectSound({ id: 'compare', title: 'Compare', ...made });
  return made;
}

function figure({ figures }: { readonly figures: readonly Figure[] }, id: string): Figure {
  const found = figures.find((f) => f.id === id);
  if (!found) throw new Error(`no figure ${id} among ${figures.map((f) => f.id).join()}`);
  return found;
}

it('asks for something to compare with', () => {
  const { lacking, controls, figures } = compareSection.make(subject('balanced'), {});
  expect(lacking).toContain('Nothing to compare with');
  expect(controls.map(({ id }) => id)).toEqual(['with', 'bundled']);
  expect(figures).toEqual([]);
});

it('offers the bundled models for nothing but a text', () => {
  const { name, model, source, loads, evidence } = subject('balanced');
  const counts: Subject = { name, model, source, loads, evidence };
  const ids = (of: Pick<Section, 'controls'>): string[] => of.controls.map(({ id }) => id);
  expect(ids(compareSection.make(counts, {}))).toEqual(['with']);
  expect(ids(compared(counts, subject('collapsed')))).not.toContain('bundled');
});

it('shows what an auxiliary loss does: two models, their experts by rank', () => {
  const made = compared(subject('balanced'), subject('collapsed'));
  // MaxVio + 1: how the hottest expert stands, the mean of six layers.
  const load = (of: Subject): string =>
    (
      of.loads.reduce((sum, { counts }) => sum + (Math.max(...counts) * 16) / counts.reduce((a, c) => a + c), 0) / 6
    ).toFixed(1);
  const [even, uneven] = [load(subject('balanced')), load(subject('collapsed'))];
  expect(made.verdict).toMatch(
    new RegExp(
      `^The hottest expert of a layer takes ${even}× the even share with balanced, ${uneven}× with collapsed \\(mean of layers\\)\\. ` +
        'Of the experts, [\\d.]+\u202f% are cold with balanced, [\\d.]+\u202f% with collapsed\\. ',
    ),
  );
  // Cold experts are not tested.
  expect(made.verdict).toContain('The difference of MaxVio is more than chance (p = 0.001)');
  const { rows, columns } = figure(made, 'compare-test').table;
  expect(columns.map(({ label }) => label)).toEqual(['', 'p', 'difference', 'balanced', 'collapsed', 'permutations']);
  // 999 permutations: nothing smaller can be seen.
  expect(rows[0]![1]).toBe(0.001);
  // Numbers stand right and sort.
  const [balanced, collapsed] = rows[0]!.slice(3).map(Number);
  expect(columns.slice(1).map(({ unit }) => unit)).not.toContain('text');
  expect(collapsed).toBeGreaterThan(1.5 * balanced!);
  const ranked = figure(made, 'compare-load');
  expect(ranked.title).toBe('Load by rank, L0');
  const ranks = ranked.table.rows.map((row) => row.slice(1).map(Number));
  for (const side of [0, 1])
    expect(ranks.map((r) => r[side]!)).toEqual(ranks.map((r) => r[side]!).toSorted((x, y) => y - x));
  expect(figure(made, 'compare-groups').table.rows).toHaveLength(6);
});

it('says that the routing of one was recorded', () => {
  const made = compared({ ...subject('balanced'), source: 'recorded' }, subject('collapsed'));
  expect(figure(made, 'compare-test').basis).toBe('recorded');
});

it('finds no difference between a run and itself', () => {
  const made = compared(subject('balanced'), subject('balanced'));
  const test = figure(made, 'compare-test').table;
  expect(test.columns[3]!.label).toBe('first run');
  expect(test.rows.map((row) => row[1])).toEqual([1, 1]);
  expect(made.verdict).toContain('Chance may make such a difference of MaxVio (p = 1.000)');
  expect(figure(made, 'compare-flips').table.rows.map((row) => row[1])).toEqual(Array(6).fill(1));
  expect(figure(made, 'compare-flipped-tokens').table.rows).toEqual([]);
});

it('says how far the loads are apart, and not that the choices which trade places stay', () => {
  // Every pair of tokens trades its choices.
  const traded = subject('balanced', 'essay.md', (trace) => ({
    ...trace,
    layers: trace.layers.map((layer) => {
      const { chosen, candidates } = layer;
      const token = (at: number): number => Math.floor(at / candidates);
      const partner = (t: number): number => ((t ^ 1) < trace.routed ? t ^ 1 : t);
      return { ...layer, chosen: chosen.map((_, at) => chosen[partner(token(at)) * candidates + (at % candidates)]!) };
    }),
  }));
  const made = compared(subject('balanced'), traded, { block: 8 });
  expect(made.verdict).toContain('The loads differ by 0.0\u202f% of the choices (p = 1.000).');
  const test = figure(made, 'compare-test');
  expect(test.text).toContain('the loads differ by 0.0\u202f% of the choices');
  expect(test.table.rows[1]!.slice(0, 5)).toEqual(['share of choices by which the loads differ', 1, 0, null, null]);
  expect(test.help.formula).toContain('½ Σ');
});

it('names the tokens that flip, and where they are', () => {
  const flipped = subject('balanced', 'essay.md', (trace) => ({
    ...trace,
    layers: trace.layers.map((layer, l) => {
      const chosen = layer.chosen.slice();
      // Token 5 goes elsewhere at two layers, token 9 at one.
      for (const [token, layers] of [
        [5, [1, 3]],
        [9, [3]],
      ] as const) {
        if (layers.some((at) => at === l))
          chosen[token * 2] = [0, 1, 2].find((e) => !chosen.subarray(token * 2, token * 2 + 2).includes(e))!;
      }
      return { ...layer, chosen };
    }),
  }));
  const made = compared(subject('balanced'), flipped);
  const { rows, places } = figure(made, 'compare-flipped-tokens').table;
  expect(rows.map((row) => [row[0], row[2], row[3]])).toEqual([
    [5, 2, 'L1 L3'],
    [9, 1, 'L3'],
  ]);
  const { tokens } = demoTrace('balanced', 'essay.md').trace;
  expect(places![0]).toEqual({ start: tokens.start[5], end: tokens.end[5] });
});

it('leaves the weight difference out where one run has no weights', () => {
  const weightless = subject('balanced', 'essay.md', (trace) => ({
    ...trace,
    layers: trace.layers.map((layer) => ({ ...layer, weight: layer.weight.map(() => NaN) })),
  }));
  const { table } = figure(compared(subject('balanced'), weightless), 'compare-flips');
  expect(tableCsv(table).split('\n')[1]).toBe('L0,1,1,0,');
});

it('deals the blocks of two texts out anew', () => {
  const made = compared(subject('balanced'), subject('balanced', 'capacity.py'));
  expect(figure(made, 'compare-test').help.meaning).toContain('dealt out anew');
  expect(figure(made, 'compare-load').title).toBe('Load by expert, L0');
  expect(made.lacking).toContain('The texts are two');
  // Prose and code load other experts.
  expect(Number(figure(made, 'compare-test').table.rows[1]![1])).toBeLessThan(0.05);
});

it('keeps to the tokens that two versions of a text have in common', () => {
  const whole = subject('balanced');
  const { trace, text } = demoTrace('balanced', 'essay.md');
  // The second version lacks the first twenty tokens.
  const cut = trace.tokens.start[20]!;
  const tokens = {
    ids: trace.tokens.ids.slice(20),
    start: trace.tokens.start.slice(20).map((s) => s - cut),
    end: trace.tokens.end.slice(20).map((e) => e - cut),
    logProb: trace.tokens.logProb.slice(20),
  };
  const layers = trace.layers.map((layer) => ({
    ...layer,
    chosen: layer.chosen.slice(40),
    weight: layer.weight.slice(40),
  }));
  const later = subjectOf('essay.md', { ...trace, tokens, layers, routed: trace.routed - 20 }, text.slice(20).join(''));
  const made = compared(whole, later);
  expect(figure(made, 'compare-flips').table.rows.map((row) => row[1])).toEqual(Array(6).fill(1));
  expect(figure(made, 'compare-flips').help.meaning).toContain(`${trace.routed - 20} tokens of both`);
});

it('says of which tokens a test is, where a version of a text has more than the other', () => {
  // What both have is routed evenly to four experts; the part that was deleted went to one of them.
  const [head, tail] = ['x\n'.repeat(380), 'a\nb\nc\nd\n'.repeat(100)];
  const version = (name: string, text: string): Subject => {
    const chosen = Array.from(text, (_, i) => [text.length - i > tail.length ? 0 : (text.length - i) % 4]);
    const { tokens, ...trace } = folderTrace({ text, layers: [{ experts: 4, k: 1, chosen }] });
    return subjectOf(name, { ...trace, tokens: { ...tokens, logProb: tokens.logProb.fill(-1) } }, text);
  };
  const made = compared(version('before', head + tail), version('after', tail));
  // 760 + 200 of 1,560 tokens are 2.5 times 390.
  expect(made.verdict).toContain('takes 2.5× the even share with before, 1.0× with after');
  expect(made.verdict).toContain(
    'On 800 of the tokens that both have, MaxVio differs by 0.00, which may be chance (p = 1.000), by 999 permutations of 40 blocks of tokens. ' +
      'On these tokens, loads differ by 0.0\u202f% of the choices (p = 1.000).',
  );
  const { text, table } = figure(made, 'compare-test');
  expect(text).toMatch(/^The test is of 800 of the tokens that both have\. Difference of the mean MaxVio 0\.00/);
  expect(tableCsv(table)).toMatch(/^"?of 800 of the tokens that both have"?,p,/);
  expect(table.rows[0]).toEqual(['mean MaxVio of the layers', 1, 0, 0, 0, 999]);
  const whole = figure(compared(version('before', tail), version('after', tail)), 'compare-test');
  expect(`${whole.text}${tableCsv(whole.table)}`).not.toContain('tokens that both have');
});

it('compares loads alone where no more is known, or where models are of other shapes', () => {
  const { name, model, source, loads, evidence } = subject('collapsed');
  const counts: Subject = { name, model, source, loads, evidence };
  const made = compared(subject('balanced'), counts);
  expect(made.lacking).toContain('Of one of them only counts');
  expect(compared(counts, counts).lacking).toContain('Of both only counts');
  expect(made.figures.map(({ id }) => id)).toEqual(['compare-hottest', 'compare-load', 'compare-balance']);
  const shallow = subject('collapsed', 'essay.md', ({ origin, layers, ...trace }) => {
    const { model } = origin;
    const cut = { ...origin, model: { ...model, moeLayers: model.moeLayers.slice(0, 4) } };
    return { ...trace, origin: cut, layers: layers.slice(0, 4) };
  });
  const other = compared(subject('balanced'), shallow);
  expect(other.lacking).toContain('cannot be tested');
  expect(figure(other, 'compare-balance').table.rows).toHaveLength(7);
});

it('names the two by what tells them apart', () => {
  const names = (a: Subject, b: Subject): string[] =>
    figure(compared(a, b), 'compare-balance')
      .table.columns.slice(1, 3)
      .map(({ label }) => label.replace('MaxVio, ', ''));
  const run = subject('balanced');
  const int8 = { ...run, model: { ...run.model, precision: 'int8' } };
  expect(names(run, int8)[1]).toBe(`int8 on ${run.model.provider}`);
  expect(names(run, subject('balanced', 'capacity.py'))).toEqual(['essay.md', 'capacity.py']);
  const kinds = (of: Subject): Subject => ({ ...of, name: `${of.model.name}, 5 kinds of text` });
  expect(names(kinds(run), kinds(subject('collapsed')))).toEqual(['balanced', 'collapsed']);
});

it('says when blocks are too few, and takes their length from the user', () => {
  const made = compared(subject('balanced'), subject('collapsed'), { block: 60 });
  expect(made.lacking).toContain('Fewer than 10 blocks');
  expect(made.figures.some(({ id }) => id === 'compare-test')).toBe(false);
});

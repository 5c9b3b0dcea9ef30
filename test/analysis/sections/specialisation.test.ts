import { describe, expect, it } from 'vitest';
import type { Domain } from '../../../extension/analysis/folder/domains.ts';
import { addFile, emptyFolder } from '../../../extension/analysis/folder/folderRouting.ts';
import { makeSection } from '../../../extension/analysis/sections/all.ts';
import { subjectsOfCounts } from '../../../extension/analysis/recordedKinds.ts';
import { subjectOf, subjectOfFolder, type Subject } from '../../../extension/analysis/sections/subject.ts';
import type { RecordedCounts } from '../../../extension/protocol/recording.ts';
import type { Figure, Parameters, Section } from '../../../extension/protocol/report.ts';
import { folderTrace, modelOf } from '../../support/folderTrace.ts';

/**
 * Six files a kind, 200 tokens each, top-2 of 4 at two layers. In code every token goes to E0 and E1, in prose to E2 and E3, but
 * for one in ten, which goes to E0 and E2 in both.
 */
function twoKinds(): Subject {
  const folder = emptyFolder(modelOf([LAYER, LAYER]));
  for (let file = 0; file < 6; file++) {
    for (const kind of ['code', 'prose'] as const) {
      const text = (kind === 'code' ? 'xy' : 'no').repeat(100);
      const chosen = Array.from(text, (_, t) => (t % 10 === 0 ? [0, 2] : kind === 'code' ? [0, 1] : [2, 3]));
      const weight = Array.from(text, (_, t) => [(file * 200 + t) / 2_000 + 0.3, 0.1]);
      const layers = [
        { ...LAYER, chosen, weight },
        { ...LAYER, chosen: chosen.map(() => [3, 2]), weight },
      ];
      addFile(folder, `${kind}/${file}.txt`, kind, folderTrace({ text, layers }), text);
    }
  }
  return subjectOfFolder('texts', folder);
}
const LAYER = { experts: 4, k: 2 };

function figure({ figures }: Section, id: string): Figure {
  return figures.find((f) => f.id === id)!;
}

function make(id: string, subject: Subject, set: Parameters = {}): Section {
  return makeSection(id, subject, set)!;
}

describe('Specialisation', () => {
  const section = make('specialisation', twoKinds());

  it('shows each expert’s share of each kind of text as a multiple of chance', () => {
    const { chart, table } = figure(section, 'expert-by-domain');
    // By chance ½. Code: E0 all tokens, E1 nine in ten, E2 one in ten; prose: E0 one in ten, E2 all, E3 nine in ten.
    expect(chart).toMatchObject({ values: [2, 1.8, 0.2, 0, 0.2, 0, 2, 1.8], middle: 1 });
    expect(table.rows[0]).toEqual(['E0', 2, 2, 2, 0.2, 0.2, 0.2]);
    const share = figure(make('specialisation', twoKinds(), { measure: 'share' }), 'expert-by-domain');
    expect(share.chart).toMatchObject({ values: [0.5, 0.45, 0.05, 0, 0.05, 0, 0.5, 0.45] });
  });

  it('names the experts that stand out, of layers where any does', () => {
    const rows = figure(section, 'specialists').table.rows.map((row) => row.slice(0, 3));
    expect(rows).toHaveLength(4);
    expect(rows).toContainEqual(['E1 of L0', 'code', 0.9]);
    expect(section.verdict).toMatch(/^E\d of L0 is chosen for/);
    // Kinds with too little text have no part in it.
    expect(section.verdict).toMatch(/; of no other kind with enough text for more than /);
  });

  it('says that the chance it names is that of one layer, chosen for what it tells', () => {
    expect(section.verdict).toMatch(/ bits at L0, where they share most; for this layer alone, p = 0\.\d{3}\.$/);
  });

  it('says how much of the kind of text the expert tells, at each layer', () => {
    const { rows } = figure(section, 'domain-information').table;
    // Slots of code: ½, 0.45, 0.05, 0. I = Σ p log2(p / (p_D p_e)) = 2·½(0.5·log2(0.5/0.275) + 0.45·log2(0.45/0.225) + 0.05·log2(0.05/0.275)).
    const plain = 0.5 * Math.log2(0.5 / 0.275) + 0.45 + 0.05 * Math.log2(0.05 / 0.275);
    expect(rows[0]![2]).toBeCloseTo(plain, 9);
    // The second layer sends everything to the same two.
    expect(rows[1]!.slice(1, 3)).toEqual([0, 0]);
  });

  it('tells which tokens belong to which expert', () => {
    const { rows } = figure(section, 'vocabulary-by-expert').table;
    // y, at odd places, always goes to E0 first, x at even places too; n goes to E0 in one of five.
    expect(rows[0]![2]).toMatch(/^“[xy]” 100 %, “[xy]” 100 %$/);
    expect(rows[2]![2]).toBe('“o” 100 %, “n” 80 %');
  });

  it('says of a short text that its tokens tell nothing, and shows no figures of zeros', () => {
    const layer = { experts: 2, k: 1 };
    const ids = (text: string): [string[], string | undefined] => {
      const trace = folderTrace({ text, layers: [{ ...layer, chosen: Array.from(text, () => [0]) }] });
      const { figures, lacking } = make('specialisation', subjectOf('a', trace, text));
      return [figures.map(({ id }) => id), lacking];
    };
    const [few, lacking] = ids('ab'.repeat(9));
    expect(few).toEqual([]);
    expect(lacking).toMatch(/ No token occurs 10 times here: tokens of experts show with longer texts\.$/);
    const [enough, nothing] = ids('ab'.repeat(10));
    expect(enough).toEqual(['vocabulary-by-layer', 'vocabulary-by-expert']);
    expect(nothing).not.toContain('10 times');
  });
});

it('offers to analyze a folder where there is one kind of text alone', () => {
  const text = 'ab';
  const trace = folderTrace({ text, layers: [{ experts: 2, k: 1, chosen: [[0], [1]] }] });
  const { controls, lacking } = make('specialisation', subjectOf('a', trace, text));
  expect(controls[1]).toMatchObject({ kind: 'action', id: 'folder', label: 'Analyze Folder…' });
  // A terminal shows no buttons, and has commands of its own.
  expect(lacking).toMatch(/^Experts of kinds of text show when several kinds are routed, as a folder\./);
  expect(make('specialisation', twoKinds()).controls.map(({ id }) => id)).not.toContain('folder');
});

describe('Specialisation of counts that somebody recorded', () => {
  const part = (name: string, counts: readonly number[]): RecordedCounts => ({
    name: `m, ${name}`,
    model: modelOf([LAYER]),
    loads: [{ shape: { layer: 0, experts: 4, k: 2, candidates: 2 }, counts: Float64Array.from(counts) }],
  });

  it('sets the kinds of text of one model side by side', () => {
    const parts = [part('code', [4_500, 2_000, 3_500, 0]), part('prose', [1_000, 4_000, 4_000, 1_000])];
    const subject = subjectsOfCounts('m', parts)[0]!;
    const section = make('specialisation', subject);
    expect(figure(section, 'expert-by-domain').table.rows[0]).toEqual(['E0', 1.8, 0.4]);
    expect(section.verdict).toMatch(/^E0 of L0 is chosen for 90\.0.*of the tokens of code; of prose, the next one/);
    expect(subject.loads[0]!.counts).toEqual(Float64Array.of(5_500, 6_000, 7_500, 1_000));
  });

  it('calls the largest differences of totals just that', () => {
    const parts = [part('code', [2_500, 2_500, 2_500, 2_500]), part('prose', [2_500, 2_501, 2_499, 2_500])];
    const { text, help } = figure(make('specialisation', subjectsOfCounts('m', parts)[0]!), 'specialists');
    expect(text).toBe(
      'The largest differences between kinds of text: E1 of L0 for prose, E2 of L0 for code, E0 of L0 for code.',
    );
    expect(help.meaning).not.toContain('beyond what another choice of files could change');
  });
});

describe('Specialisation of many experts', () => {
  /** Six files of 800 tokens, top-1 of 80, which go to these experts alike. */
  const kind = (name: string, experts: (e: number) => boolean): Domain => {
    const chosen = Array.from({ length: 80 }, (_, e) => (experts(e) ? 1 : 0));
    const each = 800 / chosen.filter(Boolean).length;
    const counts = Uint32Array.from(chosen, (c) => c * each);
    return { name, blocks: Array.from({ length: 6 }, () => ({ files: 1, tokens: Float64Array.of(800), counts })) };
  };
  const { name, model, source, loads, evidence } = subjectsOfCounts('m', [
    {
      name: 'm',
      model: modelOf([{ experts: 80, k: 1 }]),
      loads: [{ shape: { layer: 0, experts: 80, k: 1, candidates: 1 }, counts: new Float64Array(80).fill(1) }],
    },
  ])[0]!;
  const of = (...domains: Domain[]): Section =>
    make('specialisation', { name, model, source, loads, evidence, domains });

  it('looks at all of them, and says how many stand out', () => {
    const section = of(
      kind('code', (e) => e < 40),
      kind('prose', (e) => e >= 40),
    );
    expect(figure(section, 'specialists').text).toMatch(/^80 experts stand out for one kind of text; first /);
    const alike = of(
      kind('code', () => true),
      kind('prose', () => true),
    );
    expect(alike.verdict).toMatch(
      /^No expert stands out for one kind of text beyond what chance in the choice of files would do\./,
    );
  });
});

describe('Co-activation', () => {
  it('shows pairs of a layer and the way to the next', () => {
    const section = make('coactivation', twoKinds());
    // E0 has 1,200 tokens of code, 1,080 with E1, and 120 of prose with E2.
    expect(figure(section, 'pairs').table.rows[0]).toEqual(['E0', null, 1080 / 1320, 240 / 1320, 0]);
    // The rarer of E0 and E1 is E1, which is always with E0.
    expect(figure(section, 'closest-pairs').table.rows[0]!.slice(0, 3)).toEqual(['E0 and E1', 1080, 1]);
    expect(figure(section, 'flow').table.rows[0]!.slice(0, 4)).toEqual(['E0', 'E3', 1320, 1]);
    const last = make('coactivation', twoKinds(), { layer: '1' });
    expect(last.figures.map(({ id }) => id)).toEqual(['pairs', 'closest-pairs']);
  });

  it('tells no closest pair of a short text', () => {
    const text = 'ab'.repeat(20);
    const layers = [{ ...LAYER, chosen: Array.from(text, () => [0, 1]) }];
    const { verdict, figures } = make('coactivation', subjectOf('a', folderTrace({ text, layers }), text));
    expect(verdict).toBe('Too few tokens to tell: two experts need 50 each.');
    expect(figures.map(({ id }) => id)).toEqual(['pairs']);
  });

  it('has no pairs where a token has one expert', () => {
    const text = 'ab';
    const trace = folderTrace({ text, layers: [{ experts: 2, k: 1, chosen: [[0], [1]] }] });
    expect(make('coactivation', subjectOf('a', trace, text)).figures).toEqual([]);
  });
});

describe('Expert', () => {
  it('shows where it weighs most, in files to go to', () => {
    const section = make('expert', twoKinds(), { layer: '0', expert: '0' });
    const { table } = figure(section, 'typical-tokens');
    // The last tokens of the last file of code weigh most: its token 199 is a y, 198 an x; of prose, 190 is an n.
    expect(table.rows.map((row) => [row[0], row[3]])).toEqual([
      ['y', 'code/5.txt'],
      ['x', 'code/5.txt'],
      ['n', 'prose/5.txt'],
    ]);
    expect(table.places).toEqual([
      { file: 10, start: 199, end: 200 },
      { file: 10, start: 198, end: 199 },
      { file: 11, start: 190, end: 191 },
    ]);
    expect(table.rows[2]![1]).toMatch(/o \[n\] ono/);
  });

  it('shows its share of each kind of text, and its company', () => {
    const section = make('expert', twoKinds(), { layer: '0', expert: '1' });
    expect(figure(section, 'expert-domains').table.rows).toEqual([
      ['code', 0.9, 0.9, 0.9, 1.8],
      ['prose', 0, 0, 0, 0],
    ]);
    const company = figure(section, 'expert-company').table.rows;
    expect(company[0]!.slice(0, 4)).toEqual(['E0', 'chosen with', 1080, 1]);
    expect(section.verdict).toMatch(/^E1 of L0 takes 22\.5/);
  });

  it('says what the text loses without it, where that was measured', () => {
    const text = 'abcd';
    const trace = folderTrace({ text, layers: [{ experts: 2, k: 1, chosen: [[0], [1], [0], [1]] }] });
    const plain = subjectOf('a', trace, text);
    expect(make('expert', plain).controls.map(({ id }) => id)).toContain('ablate');
    const byToken = Float32Array.of(NaN, 0.5, -0.25, 2);
    const worst = { token: 3, loss: 2 };
    const experts = [
      { layer: 0, expert: 1, cost: 2.25, share: 0.5, worst },
      { layer: 0, expert: 0, cost: -1, share: 0.5, worst },
    ];
    const loss = { tokens: 3, nats: 6, perToken: 2, perplexity: Math.exp(2) };
    const ablated = { experts, wanted: 2, loss, suffering: [{ layer: 0, expert: 1, byToken }] };
    const section = make('expert', subjectOf('a', trace, text, { ablated }), { expert: '1' });
    expect(figure(section, 'expert-cost').table.rows).toEqual([[2.25, 0.75, 0.5, 1, 2]]);
    // The token that loses most comes first, and leads to its place.
    expect(figure(section, 'expert-suffering').table.places![0]).toEqual({ start: 3, end: 4 });
    const other = make('expert', subjectOf('a', trace, text, { ablated }), { expert: '0' });
    expect(figure(other, 'expert-cost').table.rows).toEqual([[-1, -1 / 3, 0.5, 2, 2]]);
    expect(other.figures.map(({ id }) => id)).not.toContain('expert-suffering');
  });

  it('takes the places of a single text for those of its editor', () => {
    const text = 'ab';
    const trace = folderTrace({ text, layers: [{ experts: 2, k: 1, chosen: [[0], [1]] }] });
    const section = make('expert', subjectOf('a', trace, text), { expert: '1' });
    expect(figure(section, 'typical-tokens').table.places).toEqual([{ start: 1, end: 2 }]);
  });

  it('knows no typical tokens where weights are unknown', () => {
    const text = 'ab';
    const layer = { experts: 2, k: 1, chosen: [[0], [1]], weight: [[NaN], [NaN]] };
    const section = make('expert', subjectOf('a', folderTrace({ text, layers: [layer] }), text));
    expect(figure(section, 'typical-tokens').table.rows).toEqual([]);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordedDomain, totalLoads, type Domain } from '../../../extension/analysis/folder/domains.ts';
import {
  domainInformation,
  millerMadow,
  mutualInformation,
} from '../../../extension/analysis/folder/mutualInformation.ts';
import {
  chance,
  intervals,
  isEnough,
  specialisation,
  specialists,
} from '../../../extension/analysis/folder/specialisation.ts';
import { randomNumbers } from '../../../extension/analysis/random.ts';
import { FIXTURES } from '../../support/reference.ts';

/** A domain of one layer, a block a file: tokens, then slots of each expert. */
function domain(name: string, files: readonly (readonly number[])[]): Domain {
  return {
    name,
    blocks: files.map(([tokens, ...counts]) => ({
      files: 1,
      tokens: Float64Array.of(tokens!),
      counts: Uint32Array.from(counts),
    })),
  };
}

/** Six files of 500 tokens, top-1 of 2, with these slots of E0. */
function sixFiles(name: string, first: readonly number[]): Domain {
  return domain(
    name,
    first.map((n) => [500, n, 500 - n]),
  );
}

const SHAPE = { layer: 0, experts: 2, k: 1, candidates: 1 };

describe('specialisation', () => {
  it('is the share of the tokens of a domain that an expert is chosen for', () => {
    // 40 tokens, top-2 of 4.
    const files = domain('a', [
      [30, 30, 20, 10, 0],
      [10, 4, 6, 10, 0],
    ]);
    expect([...specialisation(files, 0, 0, 4)]).toEqual([34 / 40, 26 / 40, 20 / 40, 0]);
    expect(chance({ layer: 0, experts: 4, k: 2, candidates: 2 })).toBe(0.5);
  });

  it('sums to k over the experts, and does not mind their names', () => {
    const file = fc.array(fc.nat(50), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(file, { minLength: 1, maxLength: 4 }),
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
        (files, names) => {
          fc.pre(files.flat().some((n) => n > 0));
          const k = 2;
          const rows = files.map((counts) => [counts.reduce((a, b) => a + b, 0) / k, ...counts]);
          const renamed = rows.map(([tokens, ...counts]) => [tokens!, ...names.map((e) => counts[e]!)]);
          const values = specialisation(domain('a', rows), 0, 0, 6);
          expect(values.reduce((a, b) => a + b)).toBeCloseTo(k, 9);
          expect([...specialisation(domain('a', renamed), 0, 0, 6)]).toEqual(names.map((e) => values[e]!));
        },
      ),
    );
  });

  it('says nothing of few files or few tokens, and takes totals that were recorded', () => {
    expect(isEnough(sixFiles('a', [1, 2, 3, 4, 5, 6]), 0)).toBe(true);
    expect(isEnough(sixFiles('a', [1, 2, 3, 4]), 0)).toBe(false);
    expect(
      isEnough(
        domain(
          'a',
          Array.from({ length: 9 }, () => [100, 50, 50]),
        ),
        0,
      ),
    ).toBe(false);
    expect(isEnough(recordedDomain('a', [{ tokens: 5_000, counts: [1, 4_999] }]), 0)).toBe(true);
  });
});

describe('intervals', () => {
  it('have no width where all files are alike', () => {
    const alike = intervals(sixFiles('a', [100, 100, 100, 100, 100, 100]), 0, [0, 1])!;
    expect([...alike.low]).toEqual([0.2, 0.8]);
    expect([...alike.high]).toEqual([0.2, 0.8]);
  });

  it('are Student’s t times the standard error of a ratio of sums over files', () => {
    // Shares 0.1 to 0.6 of 500 tokens each: mean 0.35, standard deviation 0.187083, over √6; t of 5 degrees of freedom 2.5706.
    const even = intervals(sixFiles('a', [50, 100, 150, 200, 250, 300]), 0, [0])!;
    const half = (2.5706 * 0.187083) / Math.sqrt(6);
    expect(even.low[0]).toBeCloseTo(0.35 - half, 3);
    expect(even.high[0]).toBeCloseTo(0.35 + half, 3);
    // Files of two lengths: r = 1,500 / 5,000; residuals 100, −100, −100, 0, 100; t of 4 degrees of freedom 2.7764.
    const lengths = [2_000, 1_000, 1_000, 500, 500];
    const first = [700, 200, 200, 150, 250];
    const files = domain(
      'b',
      lengths.map((tokens, i) => [tokens, first[i]!, tokens - first[i]!]),
    );
    const uneven = intervals(files, 0, [0])!;
    expect(uneven.low[0]).toBeCloseTo(0.3 - (2.7764 * Math.sqrt(1.25 * 40_000)) / 5_000, 3);
  });

  it('are of shares, from 0 to 1', () => {
    const apart = intervals(sixFiles('a', [0, 0, 0, 500, 500, 500]), 0, [0])!;
    expect([...apart.low, ...apart.high]).toEqual([0, 1]);
  });

  it('hold what is true nineteen times of twenty, also with five files', () => {
    const random = randomNumbers(1);
    // The mean of two even draws from 0 to 1 is 0.5.
    const share = (): number => (random() + random()) / 2;
    let held = 0;
    for (let run = 0; run < 2_000; run++) {
      const files = domain(
        'a',
        Array.from({ length: 5 }, () => {
          const slots = Math.round(1_000 * share());
          return [1_000, slots, 1_000 - slots];
        }),
      );
      const { low, high } = intervals(files, 0, [0])!;
      if (low[0]! <= 0.5 && high[0]! >= 0.5) held += 1;
    }
    expect(held / 2_000).toBeGreaterThan(0.93);
    expect(held / 2_000).toBeLessThan(0.97);
  });

  it('are not to be had of totals, or of few files', () => {
    expect(intervals(recordedDomain('a', [{ tokens: 5_000, counts: [1, 4_999] }]), 0, [0])).toBeUndefined();
    expect(intervals(sixFiles('a', [1, 2, 3]), 0, [0])).toBeUndefined();
  });
});

describe('specialists', () => {
  it('are experts whose intervals are apart, and no others', () => {
    const code = sixFiles('code', [300, 310, 290, 305, 295, 300]);
    const prose = sixFiles('prose', [100, 110, 90, 105, 95, 100]);
    const mixed = sixFiles('mixed', [0, 400, 10, 390, 20, 380]);
    const found = specialists([code, prose], [SHAPE], [0, 2]).toSorted((a, b) => a.expert - b.expert);
    expect(found.map(({ expert, domain: d }) => [expert, d])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(found[0]).toMatchObject({ value: 0.6, nextValue: 0.2 });
    expect(found[0]!.interval!.low).toBeGreaterThan(found[0]!.interval!.othersHigh);
    // What a third domain may do as well is no speciality.
    expect(specialists([code, prose, mixed], [SHAPE], [0, 2]).map(({ expert }) => expert)).not.toContain(0);
  });

  it('are none where files of one kind are dealt to two', () => {
    const [a, b] = [sixFiles('a', [10, 480, 20, 470, 250, 260]), sixFiles('b', [15, 475, 30, 450, 255, 240])];
    expect(specialists([a, b], [SHAPE], [0, 2])).toEqual([]);
  });

  it('are none in nineteen folders of twenty whose kinds are routed alike, however many experts are looked at', () => {
    const random = randomNumbers(1);
    const experts = 100;
    const shape = { layer: 0, experts, k: 1, candidates: 1 };
    const kind = (name: string): Domain =>
      domain(
        name,
        Array.from({ length: 5 }, () => {
          const counts = Array.from({ length: experts }, () => Math.round(10 * (1 + random() * random() * 4)));
          return [counts.reduce((sum, n) => sum + n, 0), ...counts];
        }),
      );
    const named = Array.from({ length: 40 }, () => specialists([kind('a'), kind('b')], [shape], [0, experts]));
    // 2 are to be expected of 40; more than 6 in one run of a hundred.
    expect(named.filter((found) => found.length > 0).length).toBeLessThan(7);
  });
});

describe('mutual information', () => {
  it('is all of the domain where each has its own experts, and nothing where all are alike', () => {
    expect(
      mutualInformation([
        [10, 0],
        [0, 10],
      ]),
    ).toBeCloseTo(1, 12);
    expect(
      mutualInformation([
        [3, 9],
        [1, 3],
      ]),
    ).toBeCloseTo(0, 12);
    expect(mutualInformation([[0, 0]])).toBeNaN();
    // p = ¾·½ and ¼·½ in each row, crosswise: 1 − H(¼) = 1 − 0.811278 bits.
    expect(
      mutualInformation([
        [3, 1],
        [1, 3],
      ]),
    ).toBeCloseTo(0.188722, 6);
  });

  it('is corrected by the degrees of freedom: (m_DE − m_D − m_E + 1) / 2N ln 2', () => {
    expect(
      millerMadow([
        [3, 1],
        [1, 3],
      ]),
    ).toBeCloseTo((4 - 2 - 2 + 1) / (2 * 8 * Math.LN2), 12);
    // An expert that nobody uses is none.
    expect(
      millerMadow([
        [3, 1, 0],
        [1, 3, 0],
      ]),
    ).toBeCloseTo(1 / (16 * Math.LN2), 12);
  });

  it('is corrected by what dealing the files at random leaves of it', () => {
    // All information is that files differ: either kind has a file of E0 and one of E1.
    const files = [500, 0, 500, 0, 500, 0];
    const nothing = domainInformation([sixFiles('a', files), sixFiles('b', files)], 0, 2);
    expect(nothing.raw).toBeCloseTo(0, 12);
    expect(nothing.bits).toBe(0);
    expect(nothing.p).toBe(1);
    const all = domainInformation(
      [sixFiles('a', [500, 500, 500, 500, 500, 500]), sixFiles('b', [0, 0, 0, 0, 0, 0])],
      0,
      2,
    );
    expect(all.raw).toBeCloseTo(1, 12);
    expect(all.most).toBeCloseTo(1, 12);
    expect(all.p).toBeLessThan(0.02);
    expect(all.bits).toBeGreaterThan(0.8);
  });

  it('does not mind the names of experts and domains, and is at most the entropy of the domain', () => {
    const row = fc.array(fc.nat(30), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 4 }), (rows) => {
        fc.pre(rows.flat().some((n) => n > 0));
        const bits = mutualInformation(rows);
        expect(mutualInformation(rows.toReversed().map((r) => r.toReversed()))).toBeCloseTo(bits, 9);
        const total = rows.flat().reduce((a, b) => a + b);
        const entropy = rows.reduce((sum, r) => {
          const p = r.reduce((a, b) => a + b) / total;
          return p > 0 ? sum - p * Math.log2(p) : sum;
        }, 0);
        expect(bits).toBeLessThanOrEqual(entropy + 1e-9);
      }),
    );
  });
});

interface PaperCounts {
  readonly experts: number;
  readonly k: number;
  readonly counts: Record<string, Record<string, number[]>>;
}

describe('counts that the authors of OLMoE published', () => {
  const paper = JSON.parse(readFileSync(join(FIXTURES, 'paperCounts.json'), 'utf8')) as Record<
    'olmoe' | 'mixtral',
    PaperCounts
  >;
  const domainsOf = ({ k, counts }: PaperCounts, layer: string): Domain[] =>
    Object.entries(counts).map(([name, layers]) => {
      const slots = layers[layer]!;
      return recordedDomain(name, [{ tokens: slots.reduce((a, b) => a + b) / k, counts: slots }]);
    });

  it.each([
    // Of 208,896 tokens each, top-8 of 64: arxiv's E17 at layer 7 took 164,064 slots.
    ['olmoe', '0', 'arxiv', 0, 204_013 / 208_896],
    ['olmoe', '7', 'arxiv', 17, 164_064 / 208_896],
    ['olmoe', '7', 'wikipedia', 27, 0.8476],
    ['olmoe', '15', 'github', 30, 0.5636],
    ['mixtral', '15', 'github', 2, 65_025 / 208_896],
    ['mixtral', '31', 'arxiv', 0, 61_212 / 208_896],
  ] as const)('%s, layer %s, %s: E%d takes the largest share of tokens', (model, layer, name, expert, share) => {
    const domains = domainsOf(paper[model], layer);
    const values = specialisation(
      domains.find((d) => d.name === name)!,
      0,
      0,
      paper[model].experts,
    );
    expect(values.indexOf(Math.max(...values))).toBe(expert);
    expect(values[expert]).toBeCloseTo(share, 4);
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(paper[model].k, 9);
  });

  it('tell the kind of text from the expert in OLMoE, and hardly in Mixtral, as the paper finds', () => {
    // Calculated from the counts in Python.
    const bits = (model: 'olmoe' | 'mixtral', layer: string): number =>
      domainInformation(domainsOf(paper[model], layer), 0, paper[model].experts).bits;
    expect(bits('olmoe', '0')).toBeCloseTo(0.1674 - 0.00002, 4);
    expect(bits('olmoe', '7')).toBeCloseTo(0.4005 - 0.00002, 4);
    expect(bits('olmoe', '15')).toBeCloseTo(0.50124 - 0.00002, 4);
    expect(bits('mixtral', '31')).toBeCloseTo(0.00895 - 0.00001, 4);
  });

  it('name the experts of the largest differences, which have no intervals', () => {
    const { k, experts } = paper.olmoe;
    const shape = { layer: 0, experts, k, candidates: k };
    const [first] = specialists(domainsOf(paper.olmoe, '0'), [shape], [0, experts]);
    // arxiv sends E0 204,013 of its tokens; no other kind as much as half of that.
    expect(first).toMatchObject({ expert: 0, value: 204_013 / 208_896, interval: undefined });
    expect(first!.nextValue).toBeLessThan(0.5);
  });

  it('add up over the kinds of text', () => {
    const domains = domainsOf(paper.mixtral, '0');
    const [load] = totalLoads(domains, [{ layer: 0, experts: 8, k: 2, candidates: 2 }]);
    const columns = Array.from({ length: 8 }, (_, e) =>
      Object.values(paper.mixtral.counts).reduce((sum, layers) => sum + layers['0']![e]!, 0),
    );
    expect([...load!.counts]).toEqual(columns);
  });
});

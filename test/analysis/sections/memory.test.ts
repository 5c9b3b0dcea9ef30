import { describe, expect, it } from 'vitest';
import { memorySection } from '../../../extension/analysis/sections/memory.ts';
import { subjectOfFolder } from '../../../extension/analysis/sections/subject.ts';
import { folderOfText } from '../../support/folderTrace.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';

/** Four tokens, top-1 of 4: two experts in turn. */
const LAYER = layerTrace({ experts: 4, k: 1, chosen: [[0], [1], [0], [1]] });

describe('the section on memory', () => {
  it('sets what batches read against what is resident', () => {
    // An expert: (1000 − 400) / 3 = 200 parameters of 4 bytes; the rest 200.
    const { verdict, figures } = memorySection.make(subject([LAYER]), {});
    const [touched, read] = figures;
    // n, this text, by themselves (2·(1 − 2⁻ⁿ) of 4), even (1 − (3/4)ⁿ), the layer, its experts.
    expect(touched!.table.rows).toEqual([
      [1, 0.25, 0.25, 0.25, 0.25, 1],
      [2, 0.5, 0.375, 0.4375, 0.5, 2],
      [4, 0.5, 0.46875, expect.closeTo(1 - 0.75 ** 4, 12), 0.5, 2],
    ]);
    expect(read!.table.rows.map((row) => row[1])).toEqual([1600, 2400, 2400]);
    expect(verdict).toContain('One token reads 1.6 kB of the 4 kB');
    expect(verdict).toContain('the others lie in memory for nothing');
  });

  it('takes the bytes that a model of several precisions tells', () => {
    const model = { precision: 'int4', bytes: { total: 9000, active: 6000 } };
    const { verdict, figures } = memorySection.make(subject([LAYER], { model }), {});
    // An expert has (9000 − 6000) / 3 = 1000 bytes, the rest 9000 − 4 · 1000.
    expect(figures[1]!.table.rows.map((row) => row[1])).toEqual([6000, 7000, 7000]);
    expect(verdict).toContain('One token reads 6 kB of the 9 kB');
  });

  it('does not take a layer that saw fewer tokens for one that reads nothing', () => {
    // The second layer saw three of the four tokens, one expert each; an expert has (1000 − 400) / (2 · 3) = 100 parameters.
    const fewer = layerTrace({ experts: 4, k: 1, chosen: [[0], [1], [0], [null]], entropy: [0, 0, 0, NaN] });
    const { figures } = memorySection.make(subject([LAYER, fewer]), {});
    const [touched, read] = figures;
    expect(touched!.table.rows.map((row) => row.slice(0, 2))).toEqual([
      [1, 0.25],
      [2, 0.5],
      [4, 0.5],
    ]);
    // The rest 400 − 2 · 100, and 1 + 1, 2 + 2 and 2 + 2 experts, of 4 bytes a parameter.
    expect(read!.table.rows.map((row) => row[1])).toEqual([1600, 2400, 2400]);
  });

  it('leaves a layer out that saw nothing', () => {
    const none = layerTrace({
      experts: 4,
      k: 1,
      chosen: [[null], [null], [null], [null]],
      entropy: [NaN, NaN, NaN, NaN],
    });
    const [touched] = memorySection.make(subject([LAYER, none]), {}).figures;
    expect(touched!.table.rows.map((row) => row.slice(0, 2))).toEqual([
      [1, 0.25],
      [2, 0.5],
      [4, 0.5],
    ]);
  });

  describe('of a model whose own limit dropped slots', () => {
    // Six tokens of which two found room.
    const chosen = [
      [0, 1],
      [1, 0],
      [null, 0],
      [null, 1],
      [null, 0],
      [null, 1],
    ];
    const limited = subject([layerTrace({ experts: 4, k: 1, chosen })]);
    const folder = subjectOfFolder('docs', folderOfText('a.md', limited.trace!, limited.text!));

    it('has batches of all tokens', () => {
      const { verdict, figures } = memorySection.make(limited, {});
      const even = (n: number): unknown => expect.closeTo(1 - 0.75 ** n, 12);
      // Two experts of four that a sixth of the tokens goes to each.
      const byThemselves = (n: number): unknown => expect.closeTo((1 - (5 / 6) ** n) / 2, 12);
      expect(figures[0]!.table.rows.map((row) => row.slice(0, 4))).toEqual([
        [1, expect.closeTo(2 / 6 / 4, 12), byThemselves(1), even(1)],
        [2, expect.closeTo(2 / 3 / 4, 12), byThemselves(2), even(2)],
        [4, 0.5, byThemselves(4), even(4)],
        [6, 0.5, byThemselves(6), even(6)],
      ]);
      expect(verdict).toContain('All 6 tokens touch 50.0');
    });

    it('does not take dropped slots for tokens that share experts', () => {
      expect(memorySection.make(limited, {}).verdict).not.toContain('in a row');
      const alike = layerTrace({ experts: 4, k: 1, chosen: [[0], [0], [1], [1]] });
      expect(memorySection.make(subject([alike]), {}).verdict).toContain('2 tokens in a row touch 25.0');
    });

    it('has those of a folder, too', () => {
      const { figures } = memorySection.make(folder, {});
      expect(figures[0]!.table.rows.map(([n]) => n)).toEqual([1, 2, 4, 6]);
    });
  });

  it('has a basis as the routing has', () => {
    const { figures } = memorySection.make({ ...subject([LAYER]), source: 'recorded' }, {});
    expect(figures.map(({ basis }) => basis)).toEqual(['recorded', 'recorded']);
  });

  it('does with counts alone, and without sizes', () => {
    const { trace, ...counts } = subject([LAYER], { model: { parameters: { total: 0, active: 0 } } });
    expect(trace).toBeDefined();
    const { figures, lacking } = memorySection.make(counts, {});
    expect(figures).toHaveLength(1);
    expect(figures[0]!.basis).toBe('simulated');
    expect(lacking).toContain('Only counts are known');
    expect(lacking).toContain('how large the experts are');
  });

  it('says when nothing was routed', () => {
    const nothing = layerTrace({ experts: 4, k: 1, chosen: [[null]], entropy: [NaN] });
    expect(memorySection.make(subject([nothing]), {})).toMatchObject({ verdict: 'Nothing was routed.', figures: [] });
  });
});

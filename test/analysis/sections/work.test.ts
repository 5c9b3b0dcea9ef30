import { describe, expect, it } from 'vitest';
import { workSection } from '../../../extension/analysis/sections/work.ts';
import type { ModelAnatomy } from '../../../extension/protocol/model.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';

/** Three tokens, top-2 of 4, of which one is never chosen; the second token lost a slot to a limit. */
const LAYER = layerTrace({
  experts: 4,
  k: 2,
  chosen: [
    [0, 1],
    [2, null],
    [1, 0],
  ],
});

const NONE = { embeddings: 0, mixers: 0, routers: 0, experts: 0, sharedExperts: 0, mlps: 0, norms: 0, head: 0 };
const ANATOMY: ModelAnatomy = {
  layers: [{ mixer: 'attention', network: 'moe' }, { mixer: 'attention', network: 'dense' }, { mixer: 'Mamba' }],
  parameters: { ...NONE, mixers: 100, experts: 400, sharedExperts: 50 },
  bytes: NONE,
  experts: [{ parameters: 100, bytes: 400 }],
  cacheBytes: 0,
};

describe('the section on who does the work', () => {
  it('counts the parameters of a token, of the text, and all', () => {
    const model = { anatomy: ANATOMY, parameters: { total: 550, active: 350 }, layers: 3 };
    const { figures, verdict } = workSection.make(subject([LAYER], { model }), { token: 1 });
    const [parameters, layers] = figures;
    expect(parameters!.table.columns.map(({ label }) => label).slice(4)).toEqual([
      'attention and other mixers',
      'shared experts',
    ]);
    expect(parameters!.table.rows).toEqual([
      ['token 1 “x”', 250, 250 / 550, 100, 100, 50],
      ['a token with k experts', 350, 350 / 550, 200, 100, 50],
      ['text', 450, 450 / 550, 300, 100, 50],
      ['all there are', 550, 1, 400, 100, 50],
    ]);
    expect(layers!.table.rows).toEqual([
      ['L0', 'experts', 4, 2, 3, 0.75, 300],
      ['L1', 'dense', null, null, null, null, null],
      ['L2', 'none, Mamba', null, null, null, null, null],
    ]);
    expect(verdict).toContain('text used 450 of 550 parameters');
    // Makers may count otherwise: the 3.6 billion active parameters of gpt-oss-20b are without its embeddings.
    expect(verdict).toContain('A token uses 350 (embeddings counted whole).');
    expect(verdict).toContain('1 of 4 experts did none of it');
    expect(verdict).toContain('1 of 3 layers has experts');
  });

  it('does with counts and without sizes', () => {
    const { trace, ...counts } = subject([LAYER], { model: { parameters: { total: 0, active: 0 }, layers: 2 } });
    expect(trace).toBeDefined();
    const { figures, lacking, controls } = workSection.make(counts, {});
    expect(controls).toEqual([]);
    expect(lacking).toContain('how many parameters');
    expect(figures[0]!.table.rows).toEqual([
      ['L0', 'experts', 4, 2, 3, 0.75, null],
      ['L1', 'no experts', null, null, null, null, null],
    ]);
  });
});

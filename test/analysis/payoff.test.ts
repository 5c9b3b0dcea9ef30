import { describe, expect, it } from 'vitest';
import { costOf } from '../../extension/analysis/payoff.ts';
import { payoffSection } from '../../extension/analysis/sections/payoff.ts';
import { recordedDomain, type Domain } from '../../extension/analysis/folder/domains.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { subject } from '../support/subject.ts';

describe('costOf', () => {
  const machine = { memory: 1000, bandwidth: 100, compute: 1000, loading: 10 };
  const work = { batch: 2, prompt: 30, output: 10, requests: 5 };

  it('waits for memory or for computing', () => {
    // Weights 400, KV 2·40·1; a step reads 200 + 2·35. Prompt: max(400/100, 2·50·30/1000). Three batches of five prompts.
    const cost = costOf({ weights: 400, active: 50, read: 200, cache: 1 }, work, machine);
    expect(cost).toEqual({
      memory: 480,
      fits: true,
      prefill: 4,
      step: 2.7,
      bound: 'memory',
      rate: 2 / 2.7,
      load: 40,
      job: 40 + 5 * 4 + 3 * 10 * 2.7,
    });
    const computing = costOf({ weights: 400, active: 5000, read: 200, cache: 1 }, work, machine);
    expect([computing.step, computing.bound, computing.prefill]).toEqual([20, 'computing', 300]);
    expect(costOf({ weights: 1000, active: 50, read: 200, cache: 1 }, work, machine).fits).toBe(false);
  });
});

describe('the section on whether it pays', () => {
  const layer = layerTrace({
    experts: 8,
    k: 1,
    chosen: Array.from({ length: 8 }, (_, e) => [e]),
  });
  const model = { parameters: { total: 46e9, active: 11e9 }, precision: 'bfloat16' };

  it('compares with dense models of both sizes', () => {
    const { figures, verdict } = payoffSection.make(subject([layer], { model }), { batch: 1, devices: 2 });
    const { rows } = figures[0]!.table;
    expect(rows.map((row) => row[1])).toEqual([92e9, 22e9, 92e9]);
    // One request reads the rest, 6 billion, and one of eight experts of 5 billion: what is active.
    expect(rows[0]![3]).toBeCloseTo(22e9, -3);
    expect(rows[1]![3]).toBeCloseTo(22e9, -3);
    expect(verdict).toContain('4.18× as fast');
    expect(verdict).toContain('a single request has the memory of 46 billion parameters');
  });

  it('has a dense model keep what is no expert in the precision that it has here', () => {
    const none = { embeddings: 0, mixers: 0, routers: 0, experts: 0, sharedExperts: 0, mlps: 0, norms: 0, head: 0 };
    // In int8 embeddings stay float32: 200 parameters in 500 bytes, 400 of which are looked up, and eight experts of 10.
    const anatomy = {
      layers: [],
      parameters: { ...none, embeddings: 100, head: 100, experts: 80 },
      bytes: { ...none, embeddings: 400, head: 100, experts: 80 },
      experts: [{ parameters: 10, bytes: 10 }],
      cacheBytes: 0,
    };
    const mixed = { precision: 'int8', parameters: { total: 280, active: 210 }, anatomy };
    const { figures, verdict } = payoffSection.make(subject([layer], { model: mixed }), { batch: 1 });
    const { rows } = figures[0]!.table;
    expect(rows.map((row) => row[1])).toEqual([580, 510, 580]);
    // One request reads the head and one expert, of the dense model as many parameters.
    expect(rows.map((row) => row[3])).toEqual([110, 110, 180]);
    expect(verdict).toContain('and 1.00× the time of a step');
  });

  it('reckons with the tokens that the layer saw, not with those that found room', () => {
    // A limit of the model's own kept four of eight: a request reads the rest, 6 billion, and half an expert of 5.
    const chosen = Array.from({ length: 8 }, (_, e) => (e < 4 ? [e, 7] : [null, e]));
    const limited = layerTrace({ experts: 8, k: 1, chosen });
    const { figures } = payoffSection.make(subject([limited], { model }), { batch: 1 });
    expect(figures[0]!.table.rows[0]![3]).toBeCloseTo(17e9, -3);
  });

  it('takes no more requests at once than there are', () => {
    const rows = (set: Record<string, number>) =>
      payoffSection.make(subject([layer], { model }), set).figures[0]!.table.rows;
    expect(rows({ batch: 64, requests: 10 })).toEqual(rows({ batch: 10, requests: 10 }));
  });

  it('says where it loses', () => {
    const said = (set: Record<string, number>, more = model): string =>
      payoffSection.make(subject([layer], { model: more }), { devices: 2, ...set }).verdict!;
    expect(said({ devices: 1 })).toContain('memory is scarce');
    expect(said({ batch: 32 })).toContain('touch nearly all experts');
    // 1 − (7/8)⁴ of the experts; what hardly makes a difference is that they are a ninth of the model.
    const mostlyRest = said({ batch: 4 }, { ...model, parameters: { total: 46e9, active: 41e9 } });
    expect(mostlyRest).toContain('4 requests touch 41.4\u202f% of the experts');
    expect(mostlyRest).not.toContain('nearly all');
    expect(said({ requests: 1 })).toContain('the job is short');
    expect(said({ latency: 1 })).toContain('and may take 1.00');
    expect(said({}, { ...model, parameters: { total: 46e6, active: 11e6 } })).toContain('it is small');
    expect(said({ requests: 1e6 })).toMatch(/^It pays for this workload/);
  });

  it('weighs how differently kinds of text route', () => {
    const domain = (name: string, counts: number[]) => recordedDomain(name, [{ tokens: 1000, counts }]);
    const apart = [domain('code', [1000, 0, 0, 0, 0, 0, 0, 0]), domain('prose', [0, 1000, 0, 0, 0, 0, 0, 0])];
    const alike = [domain('code', [500, 500, 0, 0, 0, 0, 0, 0]), domain('prose', [500, 500, 0, 0, 0, 0, 0, 0])];
    const plain = subject([layer], { model });
    expect(payoffSection.make({ ...plain, domains: apart }, {}).verdict).toContain('Experts tell 100.0');
    expect(payoffSection.make({ ...plain, domains: alike }, {}).verdict).toContain('your kinds of text route alike');
    const one = payoffSection.make(plain, {});
    expect(one.lacking).toContain('texts of several kinds, routed as a folder, tell.');
    expect(one.controls.at(-1)).toMatchObject({ id: 'folder', label: 'Analyze Folder…' });
    expect(payoffSection.make({ ...plain, domains: apart }, {}).controls.at(-1)).not.toMatchObject({ id: 'folder' });
  });

  it('says nothing of kinds of text of which there is too little', () => {
    const file = (name: string, counts: number[]): Domain => ({
      name,
      blocks: [{ files: 1, tokens: Float64Array.of(150), counts: Uint32Array.from(counts) }],
    });
    const domains = [file('code', [50, 0, 20, 0, 20, 20, 20, 20]), file('prose', [0, 50, 20, 20, 20, 20, 20, 0])];
    const { verdict, lacking } = payoffSection.make({ ...subject([layer], { model }), domains }, {});
    expect(verdict).not.toMatch(/your kinds of text/);
    expect(lacking).toContain('too little text of too few kinds');
  });

  it('says that the KV cache is left out where its size is not known', () => {
    expect(payoffSection.make(subject([layer], { model }), {}).lacking).toMatch(
      /^How large the KV cache is, is not known/,
    );
    const none = { embeddings: 0, mixers: 0, routers: 0, experts: 0, sharedExperts: 0, mlps: 0, norms: 0, head: 0 };
    const experts = [{ parameters: 10, bytes: 20 }];
    const anatomy = { layers: [], parameters: none, bytes: none, experts, cacheBytes: 1e6 };
    const { lacking, figures } = payoffSection.make(subject([layer], { model: { ...model, anatomy } }), { batch: 2 });
    expect(lacking).not.toContain('KV cache');
    // Eight experts of 20 bytes, and of two requests 1,300 tokens each of a megabyte.
    expect(figures[0]!.table.rows[0]![1]).toBe(160 + 2 * 1300 * 1e6);
  });

  it('rests on sizes, and says so where there are none', () => {
    const unknown = { parameters: { total: 0, active: 0 } };
    expect(payoffSection.make(subject([layer], { model: unknown }), {})).toMatchObject({ figures: [] });
  });
});

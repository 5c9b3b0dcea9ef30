/** Sections whose figures the model is run for: what they ask of the user, and what they say of what was measured. */
import { describe, expect, it } from 'vitest';
import { Ablations } from '../../../extension/analysis/ablation.ts';
import { judgeBiases } from '../../../extension/analysis/balanced.ts';
import { capacityCurve } from '../../../extension/analysis/capacity.ts';
import { outcomeOf } from '../../../extension/analysis/outcome.ts';
import { ablatedLayers, shownSuffering } from '../../../extension/analysis/sections/ablationControls.ts';
import { makeSection } from '../../../extension/analysis/sections/all.ts';
import { changeControls } from '../../../extension/analysis/sections/changeControls.ts';
import { targetOf } from '../../../extension/analysis/sections/mendControls.ts';
import { subjectOf, type Evidence, type Subject } from '../../../extension/analysis/sections/subject.ts';
import type { Parameters } from '../../../extension/protocol/report.ts';
import { NO_EXPERT, type RoutingTrace } from '../../../extension/protocol/trace.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { expectSound } from '../../support/soundSection.ts';
import { subject } from '../../support/subject.ts';
import { demoTrace } from '../../webview/demoTrace.ts';

const { trace: recorded, text } = demoTrace('collapsed', 'essay.md');
/** As if this machine had run it. */
const trace: RoutingTrace = {
  ...recorded,
  origin: { source: 'measured', model: { ...recorded.origin.model, folder: '/models/collapsed' } },
};
/** As if a server had. */
const onServer = { ...trace, origin: { ...trace.origin, model: { ...trace.origin.model, folder: '' } } };
const { moeLayers } = trace.origin.model;
/** As if every token had become half as probable. */
const worse = {
  ...trace,
  tokens: { ...trace.tokens, logProb: trace.tokens.logProb.map((p) => p - Math.LN2) },
};

function withEvidence(evidence: Evidence): Subject {
  return subjectOf('essay.md', trace, text.join(''), evidence);
}

describe('What if', () => {
  it('reads the change from its controls, within what the model has', () => {
    const of = (set: Parameters): object => changeControls(set, moeLayers).intervention;
    expect(of({})).toEqual({ capacity: { factor: 1.2, policy: 'position' } });
    expect(of({ change: 'capacity', factor: 0.75, policy: 'reroute', where: '2' })).toEqual({
      capacity: { factor: 0.75, policy: 'reroute' },
      layers: [2],
    });
    expect(of({ change: 'masked', layer: '5', expert: 15 })).toEqual({ masked: [{ layer: 5, expert: 15 }] });
    expect(of({ change: 'silenced', layer: '99', expert: 16 })).toEqual({ silenced: [{ layer: 0, expert: 0 }] });
    expect(of({ change: 'k', k: 3.4 })).toEqual({ k: 3 });
    expect(of({ change: 'temperature', temperature: 0 })).toEqual({ temperature: 1 });
    expect(of({ change: 'shared', where: '0' })).toEqual({ withoutShared: true, layers: [0] });
    for (const change of ['capacity', 'masked', 'silenced', 'k', 'temperature', 'shared']) {
      expectSound(makeSection('what-if', withEvidence({}), { change })!);
    }
  });

  it('asks to measure, then says what it costs, measured and counted side by side', () => {
    const plain = makeSection('what-if', withEvidence({}), {})!;
    expect(plain.figures).toEqual([]);
    expect(plain.lacking).toContain('Choose a change and measure');
    expect(plain.controls.at(-1)).toMatchObject({ kind: 'action', id: 'measure' });
    const intervention = { capacity: { factor: 1, policy: 'position' } } as const;
    const slots = moeLayers.map((_, layer) => ({ layer, dropped: 10 + layer, moved: 0 }));
    const evidence = { outcomes: [outcomeOf(trace, worse, intervention, slots)] };
    const section = makeSection('what-if', withEvidence(evidence), {})!;
    expectSound(section);
    expect(section.lacking).toBeUndefined();
    expect(section.verdict).toContain('a token of this text costs +0.6931 nats');
    const dropped = section.figures.find(({ id }) => id === 'what-if-dropped')!;
    expect(dropped.chart).toMatchObject({ series: [{ label: 'measured' }, { label: 'counted' }] });
    expect(dropped.table.rows.map((row) => row[1])).toEqual([10, 11, 12, 13, 14, 15]);
    const tokens = section.figures.find(({ id }) => id === 'what-if-tokens')!;
    expect(tokens.table.rows).toHaveLength(20);
    expect(tokens.table.rows[0]![2]).toBeCloseTo(Math.LN2, 5);
    const token = Number(tokens.table.rows[0]![0]);
    expect(tokens.table.places![0]).toEqual({ start: trace.tokens.start[token], end: trace.tokens.end[token] });
    expect(section.figures.every(({ basis }) => basis === 'measured')).toBe(true);
  });

  it('says that a limit replaces the model’s own', () => {
    const intervention = { capacity: { factor: 1, policy: 'position' } } as const;
    const said = (before: RoutingTrace): string => {
      const outcome = outcomeOf(before, worse, intervention, [{ layer: 0, dropped: 10, moved: 0 }]);
      return makeSection('what-if', withEvidence({ outcomes: [outcome] }), {})!.verdict!;
    };
    expect(said(trace)).not.toContain('the model’s own');
    const [first, ...others] = trace.layers;
    const chosen = first!.chosen.slice();
    for (const [dropped, slots] of [
      [1, '1 slot'],
      [2, '2 slots'],
    ] as const) {
      chosen.fill(NO_EXPERT, 0, dropped);
      expect(said({ ...trace, layers: [{ ...first!, chosen }, ...others] })).toContain(
        `This limit replaces the model’s own, which drops ${slots};`,
      );
    }
  });

  it('says of later layers only what shows', () => {
    const intervention = { capacity: { factor: 1, policy: 'position' }, layers: [0] } as const;
    const { dropped } = capacityCurve(trace.layers, trace.routed, [1])[0]!.layers[0]!;
    const said = (measured: number): string => {
      const outcome = outcomeOf(trace, worse, intervention, [{ layer: 0, dropped: measured, moved: 0 }]);
      return makeSection('what-if', withEvidence({ outcomes: [outcome] }), {})!.verdict!;
    };
    expect(said(dropped)).toContain(
      `${dropped} slots are dropped in the run, as counted on the routing of the text as it is.`,
    );
    expect(said(dropped)).not.toContain('later layers');
    expect(said(dropped + 1)).toContain(
      `${dropped + 1} slots are dropped in the run, where ${dropped} were counted on the routing of the text as it is: what a dropped slot does to later layers`,
    );
  });

  it('says of re-routing how many slots move, where any do', () => {
    // Each of four experts takes two tokens: the third and the fourth go on to expert 1, the others are dropped.
    const layer = layerTrace({ experts: 4, k: 1, chosen: Array.from({ length: 7 }, () => [0, 1]) });
    const text = subject([layer]);
    const said = (dropped: number, moved: number): string => {
      const intervention = { capacity: { factor: 1, policy: 'reroute' } } as const;
      const outcome = outcomeOf(text.trace!, text.trace!, intervention, [{ layer: 0, dropped, moved }]);
      return makeSection('what-if', { ...text, evidence: { outcomes: [outcome] } }, {})!.verdict!;
    };
    expect(said(3, 2)).toContain(
      '3 slots are dropped and 2 moved in the run, as counted on the routing of the text as it is.',
    );
    expect(said(4, 1)).toContain(
      '4 slots are dropped and 1 moved in the run, where 3 and 2 were counted on the routing of the text as it is: what a dropped or moved slot does to later layers changes what they route.',
    );
  });

  it.each(['what-if', 'balance-it', 'ablation'])('%s: says why what others routed cannot be changed', (id) => {
    const section = makeSection(id, subjectOf('essay.md', recorded, text.join('')), {})!;
    expect(section).toMatchObject({ controls: [], figures: [] });
    expect(section.lacking).toContain('Somebody else ran the model');
    expect(makeSection(id, subjectOf('essay.md', trace), {})!.lacking).toContain('one text at a time');
    // What no editor shows: both bundled models compared, a routing that was kept.
    const detached = makeSection(id, { ...withEvidence({}), detached: true }, {})!;
    expect(detached.lacking).toContain('open this text');
    expect(detached.controls).toEqual([]);
    const served = subjectOf('essay.md', onServer, text.join(''));
    expect(makeSection(id, served, {})!.lacking).toContain('A server ran the model');
  });
});

describe('Balance it', () => {
  it('shows load and loss of the part that was not fitted', () => {
    const { lacking, controls } = makeSection('balance-it', withEvidence({}), { target: 0.5 })!;
    expect(lacking).toContain('A bias for each expert');
    expect(controls.map(({ id }) => id)).toEqual(['target', 'balance']);
    expect(targetOf({ target: 0.5 })).toBe(0.5);
    expect(targetOf({ target: -1 })).toBe(0.2);
    const biases = moeLayers.map(({ experts }, layer) => {
      return { layer, values: new Float32Array(experts).fill(0.25), after: 0.1, updates: 40 };
    });
    const half = trace.tokens.end[Math.floor(trace.routed / 2)]!;
    const section = makeSection('balance-it', withEvidence({ balanced: judgeBiases(biases, half, trace, worse) }), {})!;
    expectSound(section);
    expect(section.verdict).toContain('+0.6931 nats a token');
    expect(section.controls.map(({ id }) => id)).toContain('save');
    // Without biases it is the text as it is, at every layer: a fit knows each with the biases of the layers before alone.
    const lastLayer = trace.layers.at(-1)!;
    const slots = new Array<number>(16).fill(0);
    for (let t = 0; t <= Math.floor(trace.routed / 2); t++) {
      for (let j = 0; j < 2; j++) slots[lastLayer.chosen[t * lastLayer.candidates + j]!]! += 1;
    }
    const mean = (2 * (Math.floor(trace.routed / 2) + 1)) / 16;
    const [, without, then] = section.figures[0]!.table.rows.at(-1)!;
    expect(without).toBeCloseTo(Math.max(...slots) / mean - 1, 9);
    expect(then).toBe(0.1);
  });

  it('means before and after of the same layers', () => {
    const held = (before: number, after: number) => ({
      before: { maxVio: before, gini: 0 },
      after: { maxVio: after, gini: 0 },
    });
    const fitted = { before: 0.5, after: 0.1, updates: 3 };
    const known = [held(1, 0.5), held(9, NaN), held(NaN, 9), held(3, 1.5)];
    const layers = known.map((held, i) => ({ shape: moeLayers[i]!, bias: new Float32Array(16), fitted, held }));
    const loss = { tokens: 100, nats: 200, perToken: 2, perplexity: Math.exp(2) };
    const balanced = { from: 100, layers, loss: { before: loss, after: loss } };
    expect(makeSection('balance-it', withEvidence({ balanced }), {})!.verdict).toContain('from 2.00 to 1.00');
  });

  it('takes the loss for the price of an even load only where the load became more even', () => {
    const said = (after: number, perToken: number): string => {
      const evenness = (maxVio: number) => ({ maxVio, gini: 0 });
      const loss = (nats: number) => ({ tokens: 100, nats: 100 * nats, perToken: nats, perplexity: Math.exp(nats) });
      const fitted = { before: 0.5, after: 0.1, updates: 3 };
      const held = { before: evenness(0.5), after: evenness(after) };
      const layers = moeLayers.map((shape) => ({ shape, bias: new Float32Array(shape.experts), fitted, held }));
      const balanced = { from: 100, layers, loss: { before: loss(2), after: loss(perToken) } };
      return makeSection('balance-it', withEvidence({ balanced }), {})!.verdict!;
    };
    expect(said(0.2, 2)).toContain('habit more than its need');
    expect(said(0.2, 2.1)).toContain('were not trained for it');
    for (const perToken of [2, 2.1]) {
      expect(said(0.5, perToken)).toContain('the biases did not even out the load');
      expect(said(0.5, perToken)).not.toMatch(/habit|trained/);
    }
  });
});

describe('Which experts matter', () => {
  const found = new Ablations(trace, 96);
  found.add({ layer: 1, expert: 3 }, trace.tokens.logProb);
  found.add({ layer: 2, expert: 7 }, worse.tokens.logProb);
  const subject = withEvidence({ ablated: found.result });

  it('ranks those that were tried, and says which were not', () => {
    const section = makeSection('ablation', subject, {})!;
    expectSound(section);
    expect(section.lacking).toBe('Stopped early: 2 of 96 experts were tried.');
    const [ranked, map, tokens] = section.figures;
    expect(ranked!.table.rows.map((row) => row[0])).toEqual(['L2 E7', 'L1 E3']);
    expect(ranked!.table.experts).toEqual([
      { layer: 2, expert: 7 },
      { layer: 1, expert: 3 },
    ]);
    expect(map!.table.rows[2]![8]).toBeCloseTo((trace.routed - 1) * Math.LN2, 2);
    expect(map!.table.rows[0]!.slice(1).every((value) => value === null)).toBe(true);
    expect(tokens!.title).toBe('Tokens that lose most: without L2 E7');
    expect(shownSuffering({}, subject)!.change).toBe('without L2 E7');
    expect(shownSuffering({ expert: '1' }, subject)!.change).toBe('without L1 E3');
    expect(makeSection('ablation', subject, { expert: '1' })!.figures[2]!.text).toBe('No token loses anything.');
  });

  it('takes what rounding makes of nothing for no cost', () => {
    const without = (expert: number, nats: number): void => {
      rounded.add(
        { layer: 0, expert },
        trace.tokens.logProb.map((p) => p - nats),
      );
    };
    const rounded = new Ablations(trace, 3);
    without(0, 0.5);
    // An expert that no token chose: as far as float32 is off in a mean, either way.
    without(1, 5e-7);
    without(2, -5e-7);
    const { verdict } = makeSection('ablation', withEvidence({ ablated: rounded.result }), {})!;
    expect(verdict).toContain('without 2 of 3 the text is foreseen as well or better');
  });

  it('says that an expert that no token chose may have a cost', () => {
    const helps = [
      ...makeSection('ablation', subject, {})!.figures,
      ...makeSection('expert', subject, { layer: '2', expert: '7' })!.figures,
    ];
    for (const id of ['ablation-experts', 'ablation-map', 'expert-cost']) {
      expect(helps.find((figure) => figure.id === id)!.help.meaning, id).toContain(
        'multiplies every other weight by 1/(1 − p)',
      );
    }
  });

  it('takes the experts of all layers, or of one', () => {
    expect(ablatedLayers({}, moeLayers)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(ablatedLayers({ layer: '3' }, moeLayers)).toEqual([3]);
    expect(ablatedLayers({ layer: '9' }, moeLayers)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

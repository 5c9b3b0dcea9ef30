import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { readTraceJson, writeTraceJson } from '../../extension/formats/traceJson.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { isUserError } from '../../extension/protocol/errors.ts';

/** As the README documents the format, nothing more. */
const MINIMAL = {
  format: 'moescope-trace',
  version: 1,
  model: { name: 'tiny' },
  precision: 'float32',
  provider: 'cpu',
  tokens: [
    { id: 5, start: 0, end: 2, logProb: null },
    { id: 7, start: 2, end: 3, logProb: -1.5 },
  ],
  layers: [
    {
      layer: 1,
      experts: 4,
      k: 2,
      chosen: [
        [3, 0],
        [1, 2],
      ],
      weight: [
        [0.75, 0.25],
        [0.5, 0.5],
      ],
      entropy: [1, 0.5],
      margin: [0.1, null],
    },
  ],
};

describe('readTraceJson', () => {
  it('reads the documented fields', () => {
    const { trace, text } = readTraceJson(JSON.stringify(MINIMAL));
    expect(text).toBe('');
    expect(trace.origin.source).toBe('recorded');
    expect([...trace.tokens.ids]).toEqual([5, 7]);
    expect(trace.tokens.logProb[0]).toBeNaN();
    expect(trace.routed).toBe(2);
    const [layer] = trace.layers;
    expect(layer).toMatchObject({ layer: 1, experts: 4, k: 2, candidates: 2 });
    expect([...layer!.chosen]).toEqual([3, 0, 1, 2]);
    expect([...layer!.weight]).toEqual([0.75, 0.25, 0.5, 0.5]);
    expect(layer!.margin[1]).toBeNaN();
  });

  it.each(['softmax', 'sigmoid'])('reads and writes that routers score by %s', (scoring) => {
    const recorded = readTraceJson(JSON.stringify({ ...MINIMAL, model: { name: 'tiny', scoring } }));
    expect(recorded.trace.origin.model.scoring).toBe(scoring);
    expect(JSON.parse([...writeTraceJson(recorded)].join(''))).toMatchObject({ model: { scoring } });
  });

  it('takes a scoring that it does not know for none', () => {
    const { trace } = readTraceJson(JSON.stringify({ ...MINIMAL, model: { name: 'tiny', scoring: 'entmax' } }));
    expect(trace.origin.model).not.toHaveProperty('scoring');
  });

  it('reads and writes tokens that no expert had room for', () => {
    const [layer] = MINIMAL.layers;
    const layers = [{ ...layer!, stack: 'encoder', k: 1, chosen: [[null], [2]], weight: [[0], [0.5]] }];
    const recorded = readTraceJson(JSON.stringify({ ...MINIMAL, layers }));
    expect([...recorded.trace.layers[0]!.chosen]).toEqual([NO_EXPERT, 2]);
    const again = JSON.parse([...writeTraceJson(recorded)].join('')) as typeof MINIMAL;
    expect(again.layers[0]).toMatchObject({ stack: 'encoder', chosen: [[null], [2]], weight: [[0], [0.5]] });
  });

  it('writes what it reads', () => {
    const recorded = readTraceJson(JSON.stringify(MINIMAL));
    expect(readTraceJson([...writeTraceJson(recorded)].join(''))).toEqual(recorded);
  });

  it('keeps what limits it: a note, and ids that number copies of experts', () => {
    const model = { ...MINIMAL.model, physicalIds: true, note: 'Weights are not recorded.' };
    const recorded = readTraceJson(JSON.stringify({ ...MINIMAL, model }));
    expect(recorded.trace.origin.model).toMatchObject({ physicalIds: true, note: 'Weights are not recorded.' });
    expect(readTraceJson([...writeTraceJson(recorded)].join(''))).toEqual(recorded);
    const other = readTraceJson(JSON.stringify({ ...MINIMAL, model: { ...MINIMAL.model, physicalIds: 1, note: [] } }));
    expect(other.trace.origin.model).not.toMatchObject({ note: expect.anything() as unknown });
  });

  it('keeps the bytes of a model whose precision does not tell them', () => {
    const bytes = { total: 4096, active: 1024 };
    const recorded = readTraceJson(JSON.stringify({ ...MINIMAL, model: { ...MINIMAL.model, bytes } }));
    expect(recorded.trace.origin.model).toMatchObject({ bytes });
    expect(readTraceJson([...writeTraceJson(recorded)].join(''))).toEqual(recorded);
    const damaged = JSON.stringify({ ...MINIMAL, model: { ...MINIMAL.model, bytes: { total: 'many' } } });
    expect(readTraceJson(damaged).trace.origin.model).not.toHaveProperty('bytes');
  });

  it('reads and writes tokens whose ids nobody recorded', () => {
    const tokens = [{ ...MINIMAL.tokens[0], id: -1 }, MINIMAL.tokens[1]];
    const recorded = readTraceJson(JSON.stringify({ ...MINIMAL, tokens }));
    expect([...recorded.trace.tokens.ids]).toEqual([-1, 7]);
    expect(readTraceJson([...writeTraceJson(recorded)].join(''))).toEqual(recorded);
  });

  it.each([
    ['another version', { version: 2 }, /version 2/],
    ['another version, of whatever form', { version: 2, precision: undefined, layers: { L0: {} } }, /version 2/],
    ['a version that is no number', { version: '1' }, /version "1"/],
    ['windows that do not rise', { windows: [0, 1, 0] }, /windows/],
    ['windows that leave out the first tokens', { windows: [1] }, /windows/],
    ['a window beyond the tokens', { windows: [0, 9] }, /windows/],
    [
      'a token that stands beyond all texts',
      { tokens: [MINIMAL.tokens[0], { id: 1, start: 2, end: 2 ** 33, logProb: null }] },
      /tokens\.1\.end/,
    ],
    [
      'an expert that does not exist',
      {
        layers: [
          {
            ...MINIMAL.layers[0],
            chosen: [
              [4, 0],
              [1, 2],
            ],
          },
        ],
      },
      /no expert 4/,
    ],
    ['a row too few', { layers: [{ ...MINIMAL.layers[0], entropy: [1] }] }, /one row a token/],
    ['a choice too few', { layers: [{ ...MINIMAL.layers[0], weight: [[1], [1, 2]] }] }, /2 experts a token/],
    [
      'a token turned round',
      { tokens: [{ id: 1, start: 3, end: 2, logProb: null }, MINIMAL.tokens[1]] },
      /ends before/,
    ],
    ['no tokens', { tokens: undefined }, /tokens/],
    [
      'an id that no token has',
      { tokens: [{ id: -2, start: 0, end: 2, logProb: null }, MINIMAL.tokens[1]] },
      /tokens\.0\.id/,
    ],
    ['no layers', { layers: [] }, /layers/],
    ['a layer twice', { layers: [MINIMAL.layers[0], MINIMAL.layers[0]] }, /layer 1 appears twice/],
    ['a layer beyond all models', { layers: [{ ...MINIMAL.layers[0], layer: 100_001 }] }, /layers\.0\.layer/],
    [
      'an expert twice for one token',
      {
        layers: [
          {
            ...MINIMAL.layers[0],
            chosen: [
              [3, 0],
              [1, 1],
            ],
          },
        ],
      },
      /layer 1 has expert 1 twice for a token/,
    ],
    ['more choices than experts', { layers: [{ ...MINIMAL.layers[0], experts: 1 }] }, /layer 1 chooses 2 of 1 experts/],
  ])('refuses %s', (_, change, message) => {
    expect(() => readTraceJson(JSON.stringify({ ...MINIMAL, ...change }))).toThrow(message);
  });

  it('takes the same number in both stacks for two layers', () => {
    const layers = [undefined, 'encoder', 'decoder'].map((stack) => ({ ...MINIMAL.layers[0], stack }));
    expect(readTraceJson(JSON.stringify({ ...MINIMAL, layers })).trace.layers).toHaveLength(3);
  });

  it.each([2 ** 52, 'many'])('takes a number of layers that no model has for unknown: %s', (layers) => {
    const { trace } = readTraceJson(JSON.stringify({ ...MINIMAL, model: { name: 'tiny', layers } }));
    expect(trace.origin.model.layers).toBe(0);
  });

  it('answers any JSON with a trace or a sentence', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        try {
          readTraceJson(json);
        } catch (error) {
          expect(isUserError(error)).toBe(true);
        }
      }),
    );
  });
});

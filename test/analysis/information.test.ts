import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  adjustedInformation,
  explainedShare,
  informationOf as information,
  prepared,
  type Information,
} from '../../extension/analysis/information.ts';
import { frequencyLabels, idLabels, kindLabels, nextLabels, TOKEN_KINDS } from '../../extension/analysis/tokenKinds.ts';

const informationOf = (a: Int32Array, b: Int32Array, shuffles: number): Information =>
  information(prepared(a, shuffles), prepared(b, shuffles));

const of = (...labels: number[]): Int32Array => Int32Array.from(labels);

describe('informationOf', () => {
  it('is the mutual information, in nats', () => {
    // Joint counts 2, 1; 0, 1 of 4: H(A) = ¾·ln(4/3) + ¼·ln 4, H(B) = ln 2, H(A, B) = ½·ln 2 + ½·ln 4.
    const { samples, entropyA, entropyB, plain } = informationOf(of(0, 0, 0, 1), of(0, 0, 1, 1), 0);
    expect(samples).toBe(4);
    expect(entropyA).toBeCloseTo(0.75 * Math.log(4 / 3) + 0.25 * Math.log(4), 12);
    expect(entropyB).toBeCloseTo(Math.log(2), 12);
    expect(plain).toBeCloseTo(entropyA + entropyB - 0.5 * Math.log(2) - 0.5 * Math.log(4), 12);
  });

  it('leaves out what has no label', () => {
    expect(informationOf(of(0, 1, -1, 0), of(1, 0, 1, -1), 0)).toMatchObject({ samples: 2, plain: Math.log(2) });
    expect(informationOf(of(-1), of(0), 2)).toMatchObject({ samples: 0, plain: NaN });
  });

  it('finds nothing where each label occurs once, and everything where labels agree in groups', () => {
    const ids = Int32Array.from({ length: 400 }, (_, i) => i);
    const experts = ids.map((i) => (i * 7919) % 4);
    // Plain information is all there is: H(B) = ln 4.
    const single = informationOf(ids, experts, 4);
    expect(single.plain).toBeCloseTo(Math.log(4), 12);
    expect(explainedShare(single)).toBeNaN();
    const renamed = informationOf(
      experts,
      experts.map((e) => 3 - e),
      4,
    );
    expect(explainedShare(renamed)).toBeCloseTo(1, 12);
    expect(adjustedInformation(renamed)).toBeCloseTo(1, 12);
  });

  it('is symmetric, at most the smaller entropy, and near nothing of labels without a connection', () => {
    const labels = fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(labels, (pairs) => {
        const a = Int32Array.from(pairs, ([x]) => x);
        const b = Int32Array.from(pairs, ([, y]) => y);
        const forth = informationOf(a, b, 0);
        expect(informationOf(b, a, 0).plain).toBeCloseTo(forth.plain, 12);
        expect(forth.plain).toBeGreaterThan(-1e-12);
        expect(forth.plain).toBeLessThan(Math.min(forth.entropyA, forth.entropyB) + 1e-12);
      }),
    );
    const a = Int32Array.from({ length: 2000 }, (_, i) => i % 7);
    const b = Int32Array.from({ length: 2000 }, (_, i) => Math.floor(i / 7) % 5);
    expect(explainedShare(informationOf(a, b, 4))).toBeLessThan(0.01);
  });
});

it('tells kinds of tokens apart by their text', () => {
  const parts = ['The', ' rout', 'er', ' 42', '7', ',', '\n\n', '专', '家', ' =', '', '(x', '_y'];
  const text = parts.join('');
  const end = Uint32Array.from(parts, (_, i) => parts.slice(0, i + 1).join('').length);
  const start = Uint32Array.from(parts, (part, i) => end[i]! - part.length);
  const columns = { ids: new Int32Array(parts.length), start, end, logProb: new Float32Array(parts.length) };
  const cjk = 'Chinese, Japanese, Korean';
  const word = 'word';
  const expected = [
    word,
    word,
    'rest of a word',
    'digits',
    'digits',
    'punctuation',
    'blank',
    cjk,
    cjk,
    'punctuation',
    'other',
    word,
    word,
  ];
  expect(Array.from(kindLabels(text, columns), (kind) => TOKEN_KINDS[kind])).toEqual(expected);
});

it('labels tokens by id, by the next one and by how often they occur', () => {
  const ids = Int32Array.of(7, 9, 7, 7, 5, 7);
  const labels = idLabels({ ids, start: new Uint32Array(6), end: new Uint32Array(6), logProb: new Float32Array(6) });
  expect([...labels]).toEqual([0, 1, 0, 0, 2, 0]);
  expect([...nextLabels(labels)]).toEqual([1, 0, 0, 2, 0, -1]);
  expect([...frequencyLabels(labels)]).toEqual([2, 0, 2, 2, 0, 2]);
});

it('gives no label to what is not known: an id below 0, tokens that stand nowhere in a text', () => {
  const tokens = {
    ids: Int32Array.of(-1, 7, 7, -1),
    start: new Uint32Array(4),
    end: new Uint32Array(4),
    logProb: new Float32Array(4),
  };
  const labels = idLabels(tokens);
  expect([...labels]).toEqual([-1, 0, 0, -1]);
  expect([...nextLabels(labels)]).toEqual([0, 0, -1, -1]);
  expect([...frequencyLabels(labels)]).toEqual([-1, 1, 1, -1]);
  expect([...kindLabels('', tokens)]).toEqual([-1, -1, -1, -1]);
});
